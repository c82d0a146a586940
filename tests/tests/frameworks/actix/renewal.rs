//! actix-session: a new key at log-in, for which the framework calls delete and then save.

use std::rc::Rc;

use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use serde_json::json;
use session_store_tests::Fault;

use super::{App, Site, bench, handle, session_key};

/// A log-in that must always succeed clears the session first.
#[actix_web::test]
async fn a_log_in_to_a_cleared_session_is_a_new_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/count", &None).await.cookie;
    let (store, old) = (bench.store.clone(), handle(&cookie));
    let end = move || async move { store.revoke_handle(&old).await.map(drop).unwrap() };
    bench.wire.next("DeleteItem", Fault::meanwhile(end));
    let new = site.post("/log-in-anew/ferris", &cookie).await.cookie;
    assert_eq!(
        site.get("/", &new).await.entries,
        json!({ "user_id": "ferris" })
    );
}

/// A limit of the framework: between the old key and the new one there is no session.
#[actix_web::test]
async fn g7_a_new_key_is_two_writes_and_a_mark() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    bench.wire.clear();
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    let calls = bench.wire.operations();
    assert_eq!(calls, ["GetItem", "DeleteItem", "PutItem", "PutItem"]);

    let (store, (tell, told)) = (bench.store.clone(), std::sync::mpsc::channel());
    let revoke = move || async move {
        let revoked = store.revoke(App::USER_ID, "ferris").await.unwrap();
        tell.send(revoked.deleted()).unwrap();
    };
    bench.wire.next("PutItem", Fault::meanwhile(revoke));
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(told.recv(), Ok(0), "a revocation misses it");
    let known = json!({ "user_id": "ferris" });
    assert_eq!(site.get("/", &cookie).await.entries, known);

    let refusal = Fault::Answer(400, "AccessDeniedException", "no");
    bench.wire.next("PutItem", refusal);
    let failed = site.post("/log-in/ferris", &cookie).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(bench.items().await.is_empty(), "a failure ends it");
}

/// A log-in includes the changes that another request has stored since it read the session.
#[actix_web::test]
async fn g3_a_new_key_holds_the_changes_of_others() {
    let (bench, sessions) = bench().await;
    let site = Rc::new(Site::new(sessions.clone()).await);
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let id = session_key(&cookie);
    let other = move || async move {
        let key = SessionKey::try_from(id).unwrap();
        let mut state = sessions.load(&key).await.unwrap().unwrap();
        state.insert("cart".into(), "[1]".into());
        sessions.update(key, state, &Duration::HOUR).await.unwrap();
    };
    bench.wire.next("DeleteItem", Fault::meanwhile(other));
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    let entries = json!({ "theme": "dark", "user_id": "ferris", "cart": [1] });
    assert_eq!(site.get("/", &cookie).await.entries, entries);
}
