//! actix-session: requests with a key that was replaced a moment ago (G18).

use std::rc::Rc;

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use serde_json::json;
use session_store::frameworks::actix_session::ActixSessions;
use session_store_tests::{Fault, Item, TestBench};

use super::{App, MINUTE, Response, Site, bench, handle, only_item, session_key};

const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// A site, and the cookies before and after a log-in.
async fn logged_in() -> (
    TestBench<App>,
    ActixSessions<App>,
    Site,
    [Option<Cookie<'static>>; 2],
) {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let old = site.post("/set/theme/dark", &None).await.cookie;
    let new = site.post("/log-in/ferris", &old).await.cookie;
    (bench, sessions, site, [old, new])
}

fn refused(response: &Response) -> bool {
    response.status == FAILED && response.cookie.is_none()
}

/// The marks of changes of keys, from each handle to the next.
async fn marks(bench: &TestBench<App>) -> Vec<(String, String)> {
    let text = |item: &Item, name: &str| item.get(name).map(|value| value.as_s().unwrap().clone());
    let items = bench.all_items().await;
    let marks = items
        .iter()
        .filter_map(|item| Some((text(item, "id")?, text(item, "moved_to")?)));
    marks.collect()
}

#[actix_web::test]
async fn g7_a_new_key_leaves_a_mark_under_the_old_one() {
    let (bench, _, _, [old, new]) = logged_in().await;
    let [old, new] = [handle(&old), handle(&new)].map(|handle| handle.to_string());
    assert_eq!(marks(&bench).await, [(old, new)]);
}

#[actix_web::test]
async fn g18_a_late_request_stores_nothing_and_sets_no_cookie() {
    let (bench, _, site, [old, new]) = logged_in().await;
    let before = only_item(&bench).await;
    let read = site.get("/", &old).await;
    assert_eq!((read.status, read.entries), (StatusCode::OK, json!({})));
    assert_eq!(read.cookie, None);
    for path in ["/count", "/set/user_id/corro", "/replace/theme/light"] {
        assert!(refused(&site.post(path, &old).await), "{path}");
    }
    assert_eq!(only_item(&bench).await, before);
    let known = json!({ "theme": "dark", "user_id": "ferris" });
    assert_eq!(site.get("/", &new).await.entries, known);

    // Later the mark is over, and the cookie is any old one.
    bench.clock.advance(MINUTE * 2);
    let late = site.post("/count", &old).await;
    assert_eq!(late.entries, json!({ "count": 1 }));
    assert!(late.cookie.is_some());
}

/// The store cannot know whether the framework would set the old cookie again.
#[actix_web::test]
async fn g18_a_late_request_fails_if_each_request_extends_the_session() {
    let (_, sessions, _, [old, _]) = logged_in().await;
    let lifecycle = PersistentSession::default()
        .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let site = Site::with(sessions, |middleware| {
        middleware.session_lifecycle(lifecycle)
    });
    assert!(refused(&site.await.get("/", &old).await));
}

#[actix_web::test]
async fn g18_a_late_log_out_ends_the_session_under_its_new_key() {
    let (bench, _, site, [old, new]) = logged_in().await;
    let newer = site.post("/renew", &new).await.cookie;
    assert!(newer.is_some());
    let late = site.post("/log-out", &old).await;
    assert_eq!(late.status, StatusCode::OK);
    assert!(bench.items().await.is_empty());
}

/// As after a log-in whose response was lost.
#[actix_web::test]
async fn a_late_log_in_begins_a_session_of_its_own_in_place_of_the_other() {
    let (bench, _, site, [old, lost]) = logged_in().await;
    let new = site.post("/log-in/corro", &old).await.cookie;
    let known = json!({ "user_id": "corro" });
    assert_eq!(site.get("/", &new).await.entries, known);
    only_item(&bench).await;
    for late in [&old, &lost] {
        assert!(refused(&site.post("/count", late).await));
    }
    site.post("/log-out", &old).await;
    assert!(bench.items().await.is_empty());
}

/// Somebody else may know the key from before the log-in.
#[actix_web::test]
async fn a_renewal_that_loses_against_a_log_in_gets_nothing_of_it() {
    let (bench, sessions) = bench().await;
    let site = Rc::new(Site::new(sessions.clone()).await);
    let old = site.post("/set/theme/dark", &None).await.cookie;
    let key = session_key(&old);
    let log_in = move || async move {
        let key = SessionKey::try_from(key).unwrap();
        let mut state = sessions.load(&key).await.unwrap().unwrap();
        state.insert("user_id".into(), "\"ferris\"".into());
        sessions.delete(&key).await.unwrap();
        sessions.save(state, &Duration::HOUR).await.unwrap();
    };
    bench.wire.next("DeleteItem", Fault::meanwhile(log_in));
    let new = site.post("/renew", &old).await.cookie;
    let entries = site.get("/", &new).await.entries;
    assert_eq!(entries, json!({ "theme": "dark" }));
    only_item(&bench).await;
}

/// A revocation of the session under its new key also ends it for requests with the old one.
#[actix_web::test]
async fn g1_a_renewal_does_not_bring_back_a_session_that_was_revoked_under_its_new_key() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let old = site.post("/log-in/ferris", &None).await.cookie;
    let key = SessionKey::try_from(session_key(&old)).unwrap();
    let slow = sessions.load(&key).await.unwrap().unwrap();
    assert!(site.post("/renew", &old).await.cookie.is_some());
    let revoked = bench.store.revoke(App::USER_ID, "ferris").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    sessions.delete(&key).await.unwrap();
    assert!(sessions.save(slow, &Duration::HOUR).await.is_err());
    assert!(bench.items().await.is_empty());
}
