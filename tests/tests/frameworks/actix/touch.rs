//! actix-session: requests that only extend a session.

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use serde_json::json;
use session_store_tests::Fault;
use tracing::Level;

use super::{Site, bench, only_item};
use crate::log;

/// A site on which each request extends the session.
async fn extending() -> (session_store_tests::TestBench<super::App>, Site) {
    let (bench, sessions) = bench().await;
    let lifecycle = PersistentSession::default()
        .session_ttl(Duration::minutes(30))
        .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let site = Site::with(sessions, |middleware| {
        middleware.session_lifecycle(lifecycle)
    });
    (bench, site.await)
}

#[actix_web::test]
async fn a_page_that_only_reads_is_shown_if_its_touch_fails() {
    log::capture();
    let (bench, site) = extending().await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let item = only_item(&bench).await;
    let faults: [fn() -> Fault; 3] = [
        || Fault::Answer(400, "ThrottlingException", "no"),
        || Fault::Answer(500, "InternalServerError", "no"),
        || Fault::Answer(400, "AccessDeniedException", "no"),
    ];
    for fault in faults {
        for _ in 0..3 {
            bench.wire.next("UpdateItem", fault());
        }
        log::taken();
        let read = site.get("/", &cookie).await;
        assert_eq!(read.status, StatusCode::OK);
        assert_eq!(read.entries, json!({ "theme": "dark" }));
        let log = log::taken();
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].starts_with("WARN"), "{log:?}");
        bench.wire.clear();
        assert_eq!(only_item(&bench).await, item);
    }
    // The next one extends it.
    bench.clock.advance(super::MINUTE);
    site.get("/", &cookie).await;
    assert_ne!(only_item(&bench).await["expires_at"], item["expires_at"]);
    assert!(!log::levels().contains(&Level::WARN));
}

/// A page that changes something is not stored if the store fails, and says so.
#[actix_web::test]
async fn a_page_that_changes_something_is_still_an_error() {
    let (bench, site) = extending().await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    bench.wire.next(
        "UpdateItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    let failed = site.post("/count", &cookie).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
}
