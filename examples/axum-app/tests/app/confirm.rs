//! "Log out everywhere" asks a user whose log-in is not fresh.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use session_store::test_util::{Fault, TestStore};

use crate::{Browser, store, test_store};

const EVERYWHERE: &str = "/logout-everywhere";
const CONFIRM: &str = "/logout-everywhere/confirm";
const FRESH: Duration = Duration::from_secs(10 * 60);

#[tokio::test]
async fn a_fresh_log_in_needs_no_confirmation() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    clock.advance(FRESH - Duration::from_secs(1));
    let answer = ada.post(EVERYWHERE, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.page().await, "anonymous");
}

#[tokio::test]
async fn a_stale_log_in_is_confirmed_before_all_sessions_end() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    clock.advance(FRESH);
    // To use the session does not make it fresh.
    laptop.get("/").await;

    let answer = laptop.post(EVERYWHERE, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("Confirm that it is you"));
    assert!(!answer.headers.contains_key(SET_COOKIE));
    let answer = laptop.post(CONFIRM, "user=grace").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .text
            .contains("role=\"alert\">That is not your name.")
    );
    for form in ["user=", ""] {
        let answer = laptop.post(CONFIRM, form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(phone.page().await, "ada");
    assert_eq!(laptop.page().await, "ada");
    assert_eq!(laptop.post(EVERYWHERE, "").await.status, 403);

    let answer = laptop.post(CONFIRM, "user=ada").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(LOCATION), "/");
    assert_eq!(laptop.cookie, None);
    assert_eq!(phone.page().await, "anonymous");
    assert_eq!(grace.page().await, "grace");
    assert_eq!(crate::stored(&store).await, 1);
}

#[tokio::test]
async fn a_confirmation_counts_even_if_not_all_sessions_could_be_ended() {
    let TestStore {
        store, clock, wire, ..
    } = test_store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let stale = ada.cookie.clone();
    clock.advance(FRESH);
    wire.next("DeleteItem", Fault::Answer(400, "ValidationException", "x"));
    let answer = ada.post(CONFIRM, "user=ada").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_ne!(ada.cookie, stale, "somebody may know the old id");
    assert_eq!(ada.page().await, "ada");

    let answer = ada.post(EVERYWHERE, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.page().await, "anonymous");
}

#[tokio::test]
async fn only_a_user_confirms() {
    let store = store().await;
    let mut anonymous = Browser::new(&store);
    let answer = anonymous.post(CONFIRM, "user=ada").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = anonymous.get(CONFIRM).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}
