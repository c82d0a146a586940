//! The page for administrators, and that it is for nobody else.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use axum_app::{AdminPassword, AppSession, Role, Store, app_with_admin};
use session_store::test_util::{Fault, TestStore};

use crate::{Browser, headers, store, test_store};

const PASSWORD: &str = "correct-horse-battery";
const COOKIE_NAME: &str = "session-AdminSession";

async fn admin(store: &Store) -> Browser {
    let password = AdminPassword::new(PASSWORD.to_owned());
    let app = app_with_admin(store.clone(), password).await.unwrap();
    Browser::of(app, COOKIE_NAME)
}

async fn admin_logged_in(store: &Store) -> Browser {
    let mut admin = admin(store).await;
    let form = format!("password={PASSWORD}");
    let answer = admin.post("/admin/login", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(LOCATION), "/admin");
    admin
}

/// The roles in the user's sessions.
async fn roles(store: &Store, user: &str) -> Vec<Role> {
    let sessions = store.sessions(AppSession::USER_ID, user).with_data();
    let sessions = sessions.all().await.unwrap().into_iter();
    sessions.map(|session| session.unwrap().role).collect()
}

#[tokio::test]
async fn without_a_password_there_is_no_page() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    assert_eq!(ada.get("/admin").await.status, StatusCode::NOT_FOUND);
    for path in ["login", "logout", "find", "role", "end"] {
        let answer = ada.post(&format!("/admin/{path}"), "password=").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let mut admin = admin(&store).await;
    let answer = admin.get("/admin").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text.contains("action=\"/admin/login\""));
    for password in ["", "x", "correct-horse-batter", "correct-horse-battery1"] {
        let form = format!("password={password}");
        let answer = admin.post("/admin/login", &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{password}");
        assert!(answer.text.contains("That is not the password."));
        assert!(!answer.headers.contains_key(SET_COOKIE), "{password}");
    }
    for (path, form) in [
        ("/admin/find", "user=ada"),
        ("/admin/role", "user=ada&role=manager"),
        ("/admin/end", "user=ada"),
    ] {
        let answer = admin.post(path, form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
    }
    assert_eq!(roles(&store, "ada").await, [Role::Member]);
    assert_eq!(ada.page().await, "ada");
}

#[tokio::test]
async fn a_random_password_is_another_one_each_time() {
    let passwords = [(); 2].map(|()| AdminPassword::random().unwrap());
    let [a, b] = passwords.each_ref().map(AdminPassword::expose);
    assert!(a.len() == 32 && b.len() == 32 && a != b);
    assert!(!format!("{passwords:?}").contains(a));
}

#[tokio::test]
async fn an_administrator_and_a_user_have_sessions_of_their_own() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let mut admin = admin_logged_in(&store).await;
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);

    // The id of one is none in the cookie of the other.
    let mut forged = self::admin(&store).await;
    forged.cookie.clone_from(&ada.cookie);
    let answer = forged.get("/admin").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let mut forged = Browser::new(&store);
    forged.cookie.clone_from(&admin.cookie);
    assert_eq!(forged.page().await, "anonymous");

    // A browser with both cookies has both sessions, and ends one of them.
    let cookie = format!("session-AppSession={}", ada.cookie.as_ref().unwrap());
    let cookie = HeaderValue::try_from(cookie).unwrap();
    admin.headers.insert(COOKIE, cookie);
    assert_eq!(admin.page().await, "ada");
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);
    ada.post("/logout-everywhere", "").await;
    assert_eq!(admin.page().await, "anonymous");
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);

    let mut ada = Browser::logged_in(&store, "ada").await;
    let id = admin.cookie.clone();
    let answer = admin.post("/admin/logout", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    admin.cookie = id;
    let answer = admin.get("/admin").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.page().await, "ada");
}

#[tokio::test]
async fn the_session_of_an_administrator_ends_sooner() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let mut admin = admin_logged_in(&store).await;
    clock.advance(Duration::from_secs(16 * 60));
    let answer = admin.get("/admin").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.page().await, "ada");
}

#[tokio::test]
async fn a_new_role_arrives_in_all_sessions_of_the_user() {
    let store = store().await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    laptop.post("/cart", "item=tea").await;
    assert!(
        laptop
            .get("/")
            .await
            .text
            .contains("<strong>member</strong>")
    );

    let mut admin = admin_logged_in(&store).await;
    admin.post("/admin/find", "user=+ada+").await;
    let page = admin.get("/admin").await.text;
    assert!(page.contains("Sessions of <bdi>ada</bdi>"), "{page}");
    assert_eq!(page.matches("Role: member").count(), 2);
    let answer = admin.post("/admin/role", "user=ada&role=editor").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);

    for device in [&mut phone, &mut laptop] {
        let page = device.get("/").await.text;
        assert!(page.contains("<strong>editor</strong>"), "{page}");
    }
    assert!(laptop.get("/").await.text.contains("<li>tea</li>"));
    assert!(
        grace
            .get("/")
            .await
            .text
            .contains("<strong>member</strong>")
    );
    let notice = "role=\"status\">ada is editor in 2 sessions.";
    let page = admin.get("/admin").await.text;
    assert!(page.contains(notice), "{page}");
    assert_eq!(page.matches("Role: editor").count(), 2);
    assert!(!admin.get("/admin").await.text.contains(notice), "once");
    let answer = admin.post("/admin/role", "user=ada&role=root").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_session_that_cannot_get_the_role_ends() {
    let TestStore { store, wire, .. } = test_store().await;
    for _ in 0..2 {
        Browser::logged_in(&store, "ada").await;
    }
    let mut admin = admin_logged_in(&store).await;
    wire.next("UpdateItem", Fault::Answer(400, "ValidationException", "x"));
    admin.post("/admin/role", "user=ada&role=editor").await;
    assert_eq!(roles(&store, "ada").await, [Role::Editor]);
}

#[tokio::test]
async fn an_administrator_ends_one_session_or_all() {
    let store = store().await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut tablet = Browser::logged_in(&store, "ada").await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    let mut admin = admin_logged_in(&store).await;

    let one = format!("user=ada&handle={}", phone.handle());
    let answer = admin.post("/admin/end", &one).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(phone.page().await, "anonymous");
    assert_eq!(laptop.page().await, "ada");
    let page = admin.get("/admin").await.text;
    assert!(page.contains("Ended 1 session of ada."), "{page}");

    // It is hers, and not one of ada.
    let other = format!("user=ada&handle={}", grace.handle());
    admin.post("/admin/end", &other).await;
    assert_eq!(grace.page().await, "grace");
    // A handle that is none must not mean all.
    for handle in ["", "x"] {
        let form = format!("user=ada&handle={handle}");
        let answer = admin.post("/admin/end", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(laptop.page().await, "ada");

    admin.post("/admin/end", "user=ada").await;
    for device in [&mut laptop, &mut tablet] {
        assert_eq!(device.page().await, "anonymous");
    }
    assert_eq!(grace.page().await, "grace");
    let page = admin.get("/admin").await.text;
    assert!(page.contains("Ended 2 sessions of ada.") && page.contains("There are none."));
}

#[tokio::test]
async fn the_page_shows_hostile_names_as_text() {
    let store = store().await;
    let user = "%3Cscript%3Eada%22";
    let mut ada = Browser::logged_in(&store, user).await;
    let rename = format!("/devices/{}/rename", ada.handle());
    ada.post(&rename, "name=%22%3E%3Cscript%3E").await;
    let mut admin = admin_logged_in(&store).await;
    let form = format!("user={user}&role=editor");
    admin.post("/admin/role", &form).await;
    let page = admin.get("/admin").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text
            .contains("&lt;script&gt;ada&quot; is editor in 1 session.")
    );
    assert!(!page.text.contains("<script"), "{}", page.text);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let mut admin = admin_logged_in(&store).await;
    let rename = format!("/devices/{}/rename", ada.handle());
    let elsewhere = headers(&[("sec-fetch-site", "cross-site")]);
    admin.headers = elsewhere.clone();
    ada.headers = elsewhere;
    for path in ["login", "logout", "find", "role", "end"] {
        let form = format!("user=ada&role=editor&password={PASSWORD}");
        let answer = admin.post(&format!("/admin/{path}"), &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    for path in [&rename, "/logout-everywhere/confirm"] {
        let answer = ada.post(path, "name=x&user=ada").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text.contains("came from another site"), "{path}");
    }
    assert_eq!(roles(&store, "ada").await, [Role::Member]);
    assert_eq!(ada.page().await, "ada");
    admin.headers.clear();
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);
}
