//! G17. The layer for axum: a log-out ends the session that the client named, whatever else happens to its
//! request.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;
use session_store::frameworks::axum::{CurrentSession, SessionLayer, Stage};
use session_store::{DynamoDbStore, ReadConsistency, SessionId};
use session_store_tests::{Fault, TestBench};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::{App, Current, NAME, answer, app, ask, begin, calls, routes};

fn unavailable(bench: &TestBench<App>, operation: &'static str) {
    for _ in 0..3 {
        bench.wire.next(operation, Fault::Refuse);
    }
}

async fn is_live(bench: &TestBench<App>, cookie: &str) -> bool {
    let id = SessionId::parse(cookie).unwrap();
    bench.store.load(&id).await.unwrap().is_some()
}

/// Waits for a task that nothing else waits for.
async fn ends(bench: &TestBench<App>, cookie: &str) {
    let ended = async {
        while is_live(bench, cookie).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("the session ends");
}

fn with_cookie(path: &str, cookie: &str) -> Request<Body> {
    let request = Request::get(path).header(COOKIE, format!("{NAME}={cookie}"));
    request.body(Body::empty()).unwrap()
}

/// Reads eventually: the read of a session that was just created may find nothing. It is read once more.
#[tokio::test]
async fn g17_a_log_out_ends_a_session_that_its_read_missed() {
    let bench = TestBench::<App>::new().await;
    let cookie = begin(&bench, &app(&bench)).await;
    let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let store = builder.read_consistency(ReadConsistency::Eventual).build();
    let eventual = routes().layer(SessionLayer::new(store.await.unwrap()).dev());
    let missed = || Fault::edit(|answer| *answer = json!({}));

    bench.wire.next("GetItem", missed());
    let out = ask(&eventual, "/logout", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::OK, Some("".into()))
    );
    assert_eq!(calls(&bench), ["GetItem", "GetItem", "DeleteItem"]);
    assert!(!is_live(&bench, &cookie).await);

    let cookie = begin(&bench, &app(&bench)).await;
    bench.wire.next("GetItem", missed());
    let new = ask(&eventual, "/again", Some(&cookie)).await;
    let expected = ["GetItem", "GetItem", "DeleteItem", "PutItem"];
    assert_eq!(calls(&bench), expected);
    assert!(!is_live(&bench, &cookie).await);
    assert!(is_live(&bench, &new.cookie().unwrap()).await);
}

#[tokio::test]
async fn g17_a_log_out_by_a_bearer_id_ends_a_session_that_its_read_missed() {
    let bench = TestBench::<App>::new().await;
    let app = routes().layer(SessionLayer::new(bench.store.clone()).bearer());
    let id = ask(&app, "/visit", None).await.headers["session-id"].clone();
    let id = id.to_str().unwrap();
    bench
        .wire
        .next("GetItem", Fault::edit(|answer| *answer = json!({})));
    let request = Request::get("/logout").header(AUTHORIZATION, format!("Bearer {id}"));
    let out = answer(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(!is_live(&bench, id).await);
}

#[tokio::test]
async fn g17_a_log_out_ends_a_session_that_cannot_be_read() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let mut item = bench.items().await.remove(0);
    item.insert("data".into(), AttributeValue::S("?".into()));
    bench.put(item).await;
    let out = ask(&app, "/logout", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::OK, Some("".into()))
    );
    assert!(bench.items().await.is_empty());
}

/// The one write that is allowed after a failed read.
#[tokio::test]
async fn g17_a_log_out_ends_the_session_after_a_failed_read() {
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let layer = layer.on_error(|_, stage| match stage {
        Stage::Load => None,
        _ => Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    });
    let app = routes().layer(layer);
    for path in ["/logout", "/again"] {
        let cookie = begin(&bench, &app).await;
        unavailable(&bench, "GetItem");
        let out = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (out.status, out.cookie()),
            (StatusCode::OK, Some("".into()))
        );
        let calls = calls(&bench);
        assert_eq!(
            calls,
            ["GetItem", "GetItem", "GetItem", "DeleteItem"],
            "{path}"
        );
        assert!(!is_live(&bench, &cookie).await, "{path}");
    }
}

/// The log-out at an identity provider fails, but not that here. Other changes are dropped, as ever.
#[tokio::test]
async fn g17_a_log_out_that_fails_later_has_ended_the_session() {
    async fn fails(mut session: Current) -> StatusCode {
        CurrentSession::end(&mut session);
        session.theme = "light".into();
        StatusCode::BAD_GATEWAY
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/fails", get(fails)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let out = ask(&app, "/fails", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::BAD_GATEWAY, Some("".into()))
    );
    assert_eq!(calls(&bench), ["GetItem", "DeleteItem"]);
    assert!(bench.items().await.is_empty());
}

/// The visitor loses the cookie in any case. Who has the id can try again.
#[tokio::test]
async fn g17_a_log_out_that_was_not_stored_is_answered_with_503_and_can_be_repeated() {
    async fn fails(mut session: Current) -> StatusCode {
        CurrentSession::end(&mut session);
        StatusCode::BAD_GATEWAY
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/fails", get(fails)).layer(layer);
    for path in ["/logout", "/again", "/fails"] {
        let cookie = begin(&bench, &app).await;
        unavailable(&bench, "DeleteItem");
        let out = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (out.status, out.cookie()),
            (StatusCode::SERVICE_UNAVAILABLE, Some("".into())),
            "{path}"
        );
        assert!(is_live(&bench, &cookie).await, "{path}");
        ask(&app, path, Some(&cookie)).await;
        assert!(!is_live(&bench, &cookie).await, "{path}");
    }
}

#[tokio::test]
async fn g17_a_handler_that_panics_after_a_log_out_has_ended_the_session() {
    async fn panics(mut session: Current) {
        CurrentSession::end(&mut session);
        session.theme = "light".into();
        panic!("on purpose");
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/panics", get(panics)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let request = with_cookie("/panics", &cookie);
    let panicked = tokio::spawn(app.clone().oneshot(request)).await;
    let panic = panicked.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(calls(&bench), ["GetItem", "DeleteItem"]);
    assert!(bench.items().await.is_empty());
}

/// A service whose error is not a response, inside of the layer.
#[tokio::test]
async fn g17_a_service_that_fails_after_a_log_out_has_ended_the_session() {
    let bench = TestBench::<App>::new().await;
    let cookie = begin(&bench, &app(&bench)).await;
    let service = tower::service_fn(async |request: Request<Body>| {
        let (mut parts, _) = request.into_parts();
        let mut session = Current::from_request_parts(&mut parts, &()).await.unwrap();
        CurrentSession::end(&mut session);
        Err::<StatusCode, _>("broken")
    });
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let service = tower::Layer::layer(&layer, service);
    let failed = service.oneshot(with_cookie("/", &cookie)).await;
    assert_eq!(failed.unwrap_err(), "broken");
    ends(&bench, &cookie).await;
}

/// While the handler tells an identity provider.
#[tokio::test]
async fn g17_a_client_that_hangs_up_after_a_log_out_has_ended_the_session() {
    let bench = TestBench::<App>::new().await;
    let told = Arc::new(Notify::new());
    let tell = Arc::clone(&told);
    let waits = async move |mut session: Current| {
        CurrentSession::end(&mut session);
        tell.notify_one();
        std::future::pending::<()>().await;
    };
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/waits", get(waits)).layer(layer);
    let cookie = begin(&bench, &app).await;
    tokio::select! {
        _ = app.clone().oneshot(with_cookie("/waits", &cookie)) => panic!("it waits"),
        () = told.notified() => {}
    }
    ends(&bench, &cookie).await;
}

#[tokio::test]
async fn g17_a_client_that_hangs_up_during_a_log_out_has_ended_the_session() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&goes_on));
    let pause = Fault::meanwhile(move || async move {
        tell.notify_one();
        wait.notified().await;
    });
    bench.wire.next("DeleteItem", pause);
    tokio::select! {
        _ = app.clone().oneshot(with_cookie("/logout", &cookie)) => panic!("it waits"),
        () = begun.notified() => {}
    }
    goes_on.notify_one();
    ends(&bench, &cookie).await;
}

/// The session that the client named, and that which the handler has made of it.
#[tokio::test]
async fn g17_a_log_out_after_a_new_id_ends_the_old_and_the_new_one() {
    async fn cycles(mut session: Current) {
        session.theme = "dark".into();
        CurrentSession::cycle_id(&mut session);
        // The outcome may be unknown.
        let _ = CurrentSession::save(&mut session).await;
        CurrentSession::end(&mut session);
    }
    async fn saves(mut session: Current) {
        session.theme = "dark".into();
        CurrentSession::save(&mut session).await.unwrap();
        CurrentSession::end(&mut session);
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/saves", get(saves));
    let app: Router = app.route("/cycles", get(cycles)).layer(layer);
    let cookie = begin(&bench, &app).await;
    assert_eq!(
        ask(&app, "/saves", Some(&cookie)).await.cookie().unwrap(),
        ""
    );
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem", "DeleteItem"]);

    for lost in [0, 20] {
        let cookie = begin(&bench, &app).await;
        for _ in 0..lost {
            bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        }
        let out = ask(&app, "/cycles", Some(&cookie)).await;
        assert_eq!(out.cookie().unwrap(), "");
        let deleted = bench.wire.calls().into_iter();
        let deleted = deleted.filter(|call| call.operation == "DeleteItem");
        let handle = SessionId::parse(&cookie).unwrap().handle().to_string();
        let keys: Vec<_> = deleted
            .map(|call| call.input["Key"]["id"]["S"].clone())
            .collect();
        // The old one has a mark, if the change of id was carried out, and it leads to the new one.
        assert!(keys.len() >= 2, "{lost}");
        assert!(keys.contains(&json!(handle)), "{lost}");
        assert!(bench.items().await.is_empty(), "{lost}");
    }
}

/// The handler ignores the error of its own save, and the visitor would take the response for a log-out.
#[tokio::test]
async fn g17_a_log_out_whose_save_failed_is_carried_out_by_the_layer() {
    async fn ignores(mut session: Current) {
        CurrentSession::end(&mut session);
        CurrentSession::save(&mut session).await.unwrap_err();
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/ignores", get(ignores)).layer(layer);
    let cookie = begin(&bench, &app).await;
    unavailable(&bench, "DeleteItem");
    let out = ask(&app, "/ignores", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::OK, Some("".into()))
    );
    assert!(!is_live(&bench, &cookie).await);

    let cookie = begin(&bench, &app).await;
    unavailable(&bench, "DeleteItem");
    unavailable(&bench, "DeleteItem");
    let out = ask(&app, "/ignores", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("".into()))
    );
}

/// It lives on in a task, so its changes are lost, but it has ended.
#[tokio::test]
async fn g17_a_session_that_outlives_its_handler_has_ended() {
    async fn keeps(mut session: Current) {
        CurrentSession::end(&mut session);
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(session);
        });
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/keeps", get(keeps)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let out = ask(&app, "/keeps", Some(&cookie)).await;
    assert_eq!(
        (out.status, out.cookie()),
        (StatusCode::OK, Some("".into()))
    );
    assert!(!is_live(&bench, &cookie).await);
}

/// A cancelled save makes the session unusable, so `end` panics. The client's session has ended all the same.
#[tokio::test]
async fn g17_a_log_out_after_a_cancelled_save_has_ended_the_session() {
    async fn cancels(mut session: Current) {
        session.theme = "dark".into();
        assert!(CurrentSession::save(&mut session).now_or_never().is_none());
        CurrentSession::end(&mut session);
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/cancels", get(cancels)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let request = with_cookie("/cancels", &cookie);
    let panicked = tokio::spawn(app.clone().oneshot(request)).await;
    assert!(panicked.unwrap_err().is_panic());
    ends(&bench, &cookie).await;
}

/// Twenty log-outs of one browser: each is answered as done, and none fails.
#[tokio::test]
async fn g17_parallel_log_outs_end_the_session_once() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let out = join_all((0..20).map(|_| ask(&app, "/logout", Some(&cookie)))).await;
    for out in out {
        assert_eq!(
            (out.status, out.cookie()),
            (StatusCode::OK, Some("".into()))
        );
    }
    assert!(bench.items().await.is_empty());
}
