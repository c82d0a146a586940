//! The layer for axum: the cost of each request, and the session as handlers and middleware see it.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{Session, SessionAttributes, SessionId};
use session_store_tests::{Fault, TestBench};

use super::{App, Current, app, ask, begin, calls, routes};

/// A session of another app.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
struct Other {
    visits: u64,
}

#[tokio::test]
async fn each_request_makes_the_calls_that_it_needs() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    for path in ["/none", "/read", "/look"] {
        let answer = ask(&app, path, None).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert!(calls(&bench).is_empty(), "{path}");
    }
    let answer = ask(&app, "/visit", None).await;
    assert_eq!(answer.text, "1");
    assert_eq!(calls(&bench), ["PutItem"]);
    let cookie = answer.cookie().unwrap();
    for (path, expected) in [
        ("/none", &[][..]),
        ("/read", &["GetItem"]),
        ("/look", &["GetItem"]),
        ("/visit", &["GetItem", "UpdateItem"]),
    ] {
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert_eq!(calls(&bench), expected, "{path}");
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "2 nobody");
}

#[tokio::test]
async fn a_log_in_is_one_transaction_and_has_a_new_id() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let planted = begin(&bench, &app).await;
    bench
        .store
        .create(App {
            user_id: Some("u-17".into()),
            ..App::default()
        })
        .await
        .unwrap();
    bench.wire.clear();
    let cookie = ask(&app, "/login", Some(&planted)).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["GetItem", "TransactWriteItems"]);
    assert_ne!(cookie, planted);
    assert_eq!(ask(&app, "/read", Some(&planted)).await.text, "0 nobody");
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 u-17");
    bench.wire.clear();
    let answer = ask(&app, "/logout", Some(&cookie)).await;
    // The roster has others.
    assert_eq!(
        calls(&bench),
        ["GetItem", "DeleteItem", "DeleteItem", "UpdateItem"]
    );
    assert_eq!(answer.cookie().unwrap(), "");
    assert!(
        answer.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
    // Without a session, a log-in needs no new id in addition to that of the new session.
    bench.wire.clear();
    assert!(ask(&app, "/login", None).await.cookie().is_some());
    assert_eq!(calls(&bench), ["PutItem", "UpdateItem"]);
}

#[tokio::test]
async fn an_unavailable_store_is_answered_with_503() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    for (path, operation) in [
        ("/read", "GetItem"),
        ("/visit", "GetItem"),
        ("/visit", "UpdateItem"),
        ("/logout", "DeleteItem"),
    ] {
        for _ in 0..3 {
            bench.wire.next(
                operation,
                Fault::Answer(500, "InternalServerError", "again"),
            );
        }
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let removed = (path == "/logout").then(String::new);
        assert_eq!(answer.cookie(), removed, "{path}");
        bench.wire.clear();
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    // If a touch fails, the read still succeeds.
    bench.clock.advance(Duration::from_secs(10 * 60));
    for _ in 0..3 {
        bench.wire.next("UpdateItem", Fault::Refuse);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

#[tokio::test]
async fn reading_extends_the_idle_timeout_but_not_from_routes_that_opt_out() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    bench.clock.advance(Duration::from_secs(20 * 60));
    ask(&app, "/poll", Some(&cookie)).await;
    assert_eq!(calls(&bench), ["GetItem"]);
    ask(&app, "/read", Some(&cookie)).await;
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    bench.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    bench.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
}

#[tokio::test]
async fn mistakes_in_the_set_up_are_explained() {
    let answer = ask(&routes(), "/read", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains(".layer(SessionLayer::new(store))"),
        "{}",
        answer.text
    );
    let bench = TestBench::<App>::new().await;
    let other = SessionLayer::new(bench.other::<Other>().await);
    let answer = ask(&routes().layer(other), "/read", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("SessionLayer"), "{}", answer.text);
    // A visitor may see it.
    assert!(!answer.text.contains("App"), "{}", answer.text);
    let answer = ask(&app(&bench), "/twice", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains("take `SharedSession`"),
        "{}",
        answer.text
    );
}

/// A middleware and the handler after it share one read.
#[tokio::test]
async fn a_middleware_and_a_handler_share_one_session() {
    async fn guard(
        session: Current,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> Response {
        if session.user_id.is_none() {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        drop(session);
        next.run(request).await
    }
    let bench = TestBench::<App>::new().await;
    let guarded = routes().route_layer(axum::middleware::from_fn(guard));
    let guarded = guarded.layer(SessionLayer::new(bench.store.clone()).dev());
    assert_eq!(
        ask(&guarded, "/visit", None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let open = app(&bench);
    let cookie = ask(&open, "/login", None).await.cookie().unwrap();
    bench.wire.clear();
    assert_eq!(ask(&guarded, "/visit", Some(&cookie)).await.text, "1");
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    assert_eq!(ask(&open, "/whether", None).await.text, "false");
    assert_eq!(ask(&open, "/whether", Some(&cookie)).await.text, "true");
}

/// The handler can read everything that the session of the store offers.
#[tokio::test]
async fn a_handler_can_reach_the_stored_session_and_the_store() {
    async fn handle(session: Current) -> String {
        let stored = CurrentSession::stored(&session).map(Session::handle);
        let store = CurrentSession::store(&session);
        let count = store.sessions(App::USER_ID, "u-17").count().await;
        format!("{stored:?} {} {session:?}", count.unwrap())
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/handle", get(handle)).layer(layer);
    let cookie = ask(&app, "/login", None).await.cookie().unwrap();
    let handle = SessionId::parse(&cookie).unwrap().handle();
    let text = ask(&app, "/handle", Some(&cookie)).await.text;
    assert!(
        text.starts_with(&format!("{:?} 1 ", Some(handle))),
        "{text}"
    );
    assert!(text.contains("u-17") && !text.contains(&cookie), "{text}");
}
