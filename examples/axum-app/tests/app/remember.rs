//! "Remember me": how long the cookie and the session live.

use std::time::Duration;

use axum::http::header::SET_COOKIE;
use session_store::test_util::TestStore;

use crate::{Browser, test_store};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_user_who_is_remembered_stays_for_thirty_days() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut idle = Browser::new(&store);
    let mut busy = Browser::new(&store);
    for browser in [&mut idle, &mut busy] {
        let answer = browser.post("/login", "user=ada&remember=on").await;
        let cookie = answer.header(SET_COOKIE);
        assert!(cookie.contains("Max-Age=2592000"), "{cookie}");
    }
    for _ in 0..29 {
        clock.advance(DAY);
        assert_eq!(busy.page().await, "ada");
    }
    assert_eq!(idle.page().await, "ada");
    clock.advance(DAY);
    for browser in [&mut idle, &mut busy] {
        assert_eq!(browser.page().await, "anonymous");
    }
}

#[tokio::test]
async fn another_user_stays_for_eight_hours_at_most() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut busy = Browser::new(&store);
    let answer = busy.post("/login", "user=ada").await;
    let cookie = answer.header(SET_COOKIE);
    assert!(cookie.contains("Max-Age=28800"), "{cookie}");
    let mut idle = Browser::logged_in(&store, "ada").await;
    clock.advance(29 * MINUTE);
    assert_eq!(busy.page().await, "ada");
    clock.advance(MINUTE);
    assert_eq!(idle.page().await, "anonymous");

    for _ in 0..17 {
        clock.advance(25 * MINUTE);
        assert_eq!(busy.page().await, "ada");
    }
    clock.advance(25 * MINUTE);
    assert_eq!(busy.page().await, "anonymous");
}

#[tokio::test]
async fn each_log_in_chooses_anew() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut ada = Browser::new(&store);
    ada.post("/login", "user=ada&remember=on").await;
    ada.post("/login", "user=ada").await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    grace.post("/login", "user=grace&remember=on").await;
    clock.advance(9 * HOUR);
    assert_eq!(ada.page().await, "anonymous");
    assert_eq!(grace.page().await, "grace");
}

#[tokio::test]
async fn a_confirmation_and_a_new_name_keep_the_timeouts() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut ada = Browser::new(&store);
    ada.post("/login", "user=ada&remember=on").await;
    clock.advance(10 * DAY);
    let rename = format!("/devices/{}/rename", ada.handle());
    ada.post(&rename, "name=tablet").await;
    assert_eq!(ada.post("/logout-everywhere", "").await.status, 403);
    clock.advance(20 * DAY - MINUTE);
    assert_eq!(ada.page().await, "ada");
    clock.advance(MINUTE);
    assert_eq!(ada.page().await, "anonymous");
}

#[tokio::test]
async fn a_visitor_who_is_not_logged_in_is_forgotten_soon() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut browser = Browser::new(&store);
    let answer = browser.post("/cart", "item=tea").await;
    let cookie = answer.header(SET_COOKIE);
    assert!(cookie.contains("Max-Age=43200"), "{cookie}");
    clock.advance(29 * MINUTE);
    assert!(browser.get("/").await.text.contains("<li>tea</li>"));
    clock.advance(30 * MINUTE);
    assert!(!browser.get("/").await.text.contains("<li>tea</li>"));
}
