//! actix-session: the framework's own acceptance tests of a store.

use actix_session::config::{CookieContentSecurity, PersistentSession, TtlExtensionPolicy};
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use serde_json::json;

use super::{MINUTE, Site, bench};

fn lasting(ttl: Duration) -> PersistentSession {
    PersistentSession::default().session_ttl(ttl)
}

const POLICIES: [CookieContentSecurity; 2] = [
    CookieContentSecurity::Signed,
    CookieContentSecurity::Private,
];

#[actix_web::test]
async fn a_value_that_one_request_inserts_is_read_by_another() {
    for policy in POLICIES {
        let (_bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .cookie_name("sid".into())
                .cookie_path("/shop".into())
                .cookie_domain(Some("localhost".into()))
                .session_lifecycle(lasting(Duration::seconds(100)))
        });
        let site = site.await;
        let first = site.post("/count", &None).await.cookie;
        let cookie = first.as_ref().unwrap();
        assert_eq!((cookie.name(), cookie.path()), ("sid", Some("/shop")));
        assert_eq!(cookie.max_age(), Some(Duration::seconds(100)));
        assert_eq!(site.get("/", &first).await.entries, json!({ "count": 1 }));
    }
}

#[actix_web::test]
async fn a_change_renews_the_cookie_and_a_reading_does_not() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lasting(Duration::minutes(1)))
        });
        let site = site.await;
        let first = site.post("/count", &None).await.cookie;
        bench.clock.advance(MINUTE / 2);
        bench.wire.clear();
        assert_eq!(site.get("/", &first).await.cookie, None);
        assert_eq!(bench.wire.operations(), ["GetItem"]);

        let second = site.post("/count", &first).await.cookie.unwrap();
        assert_eq!(second.max_age(), Some(Duration::minutes(1)));
        bench.clock.advance(MINUTE / 2);
        let read = site.get("/", &Some(second)).await;
        assert_eq!(
            read.entries,
            json!({ "count": 2 }),
            "it lives longer than with the first TTL"
        );
    }
}

#[actix_web::test]
async fn every_request_renews_the_cookie_if_so_configured() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let lifecycle = lasting(Duration::minutes(1))
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lifecycle)
        });
        let site = site.await;
        let mut cookie = site.post("/count", &None).await.cookie;
        for _ in 0..3 {
            bench.clock.advance(MINUTE / 2);
            cookie = site.get("/", &cookie).await.cookie;
            assert_eq!(
                cookie.as_ref().unwrap().max_age(),
                Some(Duration::minutes(1))
            );
        }
        bench.clock.advance(MINUTE);
        assert_eq!(site.get("/", &cookie).await.entries, json!({}));
    }
}

/// From the first visit to the log-in and the log-out, with old cookies sent again.
#[actix_web::test]
async fn a_visit_with_log_in_and_log_out() {
    for policy in POLICIES {
        let (bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware
                .cookie_content_security(policy)
                .session_lifecycle(lasting(Duration::days(7)))
        });
        let site = site.await;
        let nothing = site.get("/", &None).await;
        assert_eq!((nothing.cookie, nothing.entries), (None, json!({})));
        assert!(
            bench.items().await.is_empty(),
            "without a change there is no session"
        );

        let first = site.post("/count", &None).await.cookie;
        assert_eq!(first.as_ref().unwrap().max_age(), Some(Duration::days(7)));
        let read = site.get("/", &first).await;
        assert_eq!((read.cookie, read.entries), (None, json!({ "count": 1 })));
        let second = site.post("/count", &first).await;
        assert_eq!(second.entries, json!({ "count": 2 }));

        let third = site.post("/log-in/ferris", &second.cookie).await.cookie;
        assert_ne!(
            third.as_ref().unwrap().value(),
            second.cookie.as_ref().unwrap().value()
        );
        let known = json!({ "count": 2, "user_id": "ferris" });
        assert_eq!(site.get("/", &third).await.entries, known);
        let counted = site.post("/count", &third).await;
        assert_eq!(counted.entries, json!({ "count": 3, "user_id": "ferris" }));

        let old = site.get("/", &second.cookie).await;
        assert_eq!(
            (old.cookie, old.entries),
            (None, json!({})),
            "the key before the log-in"
        );
        let out = site.post("/log-out", &third).await.cookie.unwrap();
        assert_eq!(
            (out.max_age(), out.path()),
            (Some(Duration::ZERO), Some("/"))
        );
        let after = site.get("/", &third).await;
        assert_eq!((after.cookie, after.entries), (None, json!({})));
        assert!(bench.items().await.is_empty());
    }
}

#[actix_web::test]
async fn a_guard_sees_the_session() {
    for policy in POLICIES {
        let (_bench, sessions) = bench().await;
        let site = Site::with(sessions, |middleware| {
            middleware.cookie_content_security(policy)
        });
        let site = site.await;
        assert_eq!(
            site.get("/users-only", &None).await.status,
            StatusCode::NOT_FOUND
        );
        let cookie = site.post("/log-in/ferris", &None).await.cookie;
        let counted = site.post("/count", &cookie).await.cookie;
        let known = site.get("/users-only", &counted).await;
        assert_eq!(known.entries, json!({ "count": 1, "user_id": "ferris" }));
    }
}
