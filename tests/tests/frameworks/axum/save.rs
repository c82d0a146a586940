//! The layer for axum: the changes that are stored when a handler is done, and those that are not.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::COOKIE;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::future::join_all;
use session_store::frameworks::axum::{CurrentSession, SessionLayer, Stage};
use session_store::{Error, SessionId};
use session_store_tests::{Fault, TestBench};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::{App, Current, NAME, app, ask, begin, calls, routes};

#[tokio::test]
async fn a_change_after_end_begins_a_new_session() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let old = begin(&bench, &app).await;
    let new = ask(&app, "/again", Some(&old)).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["GetItem", "DeleteItem", "PutItem"]);
    assert!(!new.is_empty() && new != old);
    let stored = bench
        .store
        .load(&SessionId::parse(&new).unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*stored.theme, stored.visits), ("light", 0));
}

#[tokio::test]
async fn changes_of_a_handler_that_fails_are_not_stored() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    for cookie in [None, Some(&*cookie)] {
        let answer = ask(&app, "/fail", cookie).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.cookie(), None);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");

    let layer = SessionLayer::new(bench.store.clone())
        .dev()
        .save_on_server_error(true);
    ask(&routes().layer(layer), "/fail", Some(&cookie)).await;
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "2 nobody");
}

#[tokio::test]
async fn a_handler_that_panics_stores_nothing() {
    let bench = TestBench::<App>::new().await;
    async fn panics(mut session: Current) {
        session.visits = 99;
        panic!("on purpose");
    }
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/panic", get(panics)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let request = Request::get("/panic").header(COOKIE, format!("{NAME}={cookie}"));
    let request = request.body(Body::empty()).unwrap();
    let panicked = tokio::spawn(app.clone().oneshot(request)).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

/// While the handler runs, another request ends the session. Nothing is stored, and the cookie is not
/// removed, since it may be a newer one by now.
#[tokio::test]
async fn a_session_that_ends_meanwhile_is_not_brought_back() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    for path in ["/visit", "/login"] {
        let cookie = begin(&bench, &app).await;
        let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
        let operation = if path == "/visit" {
            "UpdateItem"
        } else {
            "TransactWriteItems"
        };
        bench.wire.next(
            operation,
            Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
        );
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
    }
    let left = bench.items().await;
    assert!(left.iter().all(|item| !item.contains_key("data")));
}

/// The application's own policy can continue without a session. Changes are then not stored.
#[tokio::test]
async fn nothing_is_written_after_a_failed_read() {
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone())
        .dev()
        .on_error(|error, stage| match stage {
            Stage::Load => None,
            _ => Some((StatusCode::IM_A_TEAPOT, error.to_string()).into_response()),
        });
    let app = routes().layer(layer);
    let cookie = begin(&bench, &app).await;
    bench
        .wire
        .next("GetItem", Fault::Answer(400, "AccessDeniedException", "no"));
    let answer = ask(&app, "/visit", Some(&cookie)).await;
    assert_eq!(
        (answer.status, &*answer.text, answer.cookie()),
        (StatusCode::OK, "1", None)
    );
    assert_eq!(calls(&bench), ["GetItem"]);
    bench.wire.next(
        "UpdateItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    let answer = ask(&app, "/visit", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

/// All responses to a change of id are lost: the layer asks until it knows the outcome.
#[tokio::test]
async fn a_new_id_of_unknown_outcome_is_asked_for_again() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let old = begin(&bench, &app).await;
    ask(&app, "/login", None).await;
    bench.wire.clear();
    for _ in 0..6 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    let answer = ask(&app, "/login", Some(&old)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let sent = calls(&bench).into_iter().skip(1);
    assert_eq!(sent.collect::<Vec<_>>(), ["TransactWriteItems"; 7]);
    let new = answer.cookie().unwrap();
    assert_eq!(ask(&app, "/read", Some(&new)).await.text, "1 u-17");
    assert_eq!(ask(&app, "/read", Some(&old)).await.text, "0 nobody");
}

#[tokio::test]
async fn a_session_that_is_too_large_is_answered_with_413_and_not_written() {
    async fn fill(mut session: Current) {
        session.theme = "x".repeat(401 * 1024);
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/fill", get(fill)).layer(layer);
    let cookie = begin(&bench, &app).await;
    for (cookie, reads) in [(None, 0), (Some(&*cookie), 1)] {
        let answer = ask(&app, "/fill", cookie).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.cookie(), None);
        assert_eq!(calls(&bench), vec!["GetItem"; reads]);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

#[tokio::test]
async fn a_log_in_over_the_limit_is_answered_with_409() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    for _ in 0..3 {
        assert_eq!(ask(&app, "/login", None).await.status, StatusCode::OK);
    }
    let answer = ask(&app, "/login", None).await;
    assert_eq!(
        (answer.status, answer.cookie()),
        (StatusCode::CONFLICT, None)
    );
    // A handler that saves by itself can respond to the error.
    let cookie = begin(&bench, &app).await;
    let answer = ask(&app, "/now", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "too many"));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
    let end = move || async move { store.delete(&id).await.unwrap() };
    bench.wire.next("TransactWriteItems", Fault::meanwhile(end));
    let answer = ask(&app, "/now", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "too late"));
}

/// "Remember me" is chosen at the log-in, and stored with it.
#[tokio::test]
async fn set_idle_timeout_is_stored_with_the_log_in() {
    async fn remember(mut session: Current) {
        session.user_id = Some("u-17".into());
        CurrentSession::set_idle_timeout(&mut session, Duration::from_secs(6 * 3600));
        CurrentSession::cycle_id(&mut session);
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/remember", get(remember)).layer(layer);
    let old = begin(&bench, &app).await;
    for cookie in [Some(&*old), None] {
        let cookie = ask(&app, "/remember", cookie).await.cookie().unwrap();
        bench.clock.advance(Duration::from_secs(5 * 3600));
        assert_eq!(
            ask(&app, "/read", Some(&cookie))
                .await
                .text
                .split_once(' ')
                .unwrap()
                .1,
            "u-17"
        );
    }
}

/// The client hangs up during the change of id, which still completes.
#[tokio::test]
async fn a_cycle_id_is_finished_when_the_client_hangs_up() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&goes_on));
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move {
            tell.notify_one();
            wait.notified().await;
        }),
    );
    let request = Request::get("/login").header(COOKIE, format!("{NAME}={cookie}"));
    let request = app.clone().oneshot(request.body(Body::empty()).unwrap());
    tokio::select! {
        _ = request => panic!("the client hangs up before"),
        () = begun.notified() => {}
    }
    goes_on.notify_one();
    let id = SessionId::parse(&cookie).unwrap();
    while bench.store.load(&id).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The roster of its first session is created by a second transaction.
    let listed = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .count()
        .await
        .unwrap();
    assert_eq!(listed, 1);
}

/// 20 parallel requests of one browser add to the same field, and no addition is lost.
#[tokio::test]
async fn an_update_loses_no_increment_of_parallel_requests() {
    async fn count(mut session: Current) -> String {
        session.theme = "dark".into();
        let visits = CurrentSession::update(&mut session, |session| {
            session.visits += 1;
            session.visits
        });
        match visits.await {
            Ok(visits) => visits.to_string(),
            Err(Error::Gone(_)) => "gone".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }
    async fn nothing(mut session: Current) {
        CurrentSession::update(&mut session, |_| ()).await.unwrap();
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let routes = routes().route("/count", get(count));
    let app = routes.route("/nothing", get(nothing)).layer(layer);

    let answer = ask(&app, "/nothing", None).await;
    assert_eq!((answer.cookie(), calls(&bench).len()), (None, 0));
    let cookie = ask(&app, "/count", None).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["PutItem"]);
    assert_eq!(ask(&app, "/count", Some(&cookie)).await.text, "2");
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    // It extends the idle timeout by itself. If it changes nothing, the touch does.
    bench.clock.advance(Duration::from_secs(10 * 60));
    for path in ["/count", "/count", "/nothing"] {
        ask(&app, path, Some(&cookie)).await;
        assert_eq!(calls(&bench), ["GetItem", "UpdateItem"], "{path}");
        bench.clock.advance(Duration::from_secs(10 * 60));
    }

    let asked = (5..=24).map(|_| ask(&app, "/count", Some(&cookie)));
    let mut counts: Vec<u64> = join_all(asked)
        .await
        .iter()
        .map(|answer| answer.text.parse().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (5..=24).collect::<Vec<_>>());

    let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let answer = ask(&app, "/count", Some(&cookie)).await;
    assert_eq!((&*answer.text, answer.cookie()), ("gone", None));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
}
