//! Handlers that fail without saying so by a status of 500, or that do not return at all.

use std::time::Duration;

use axum::extract::Request as Inner;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse as _;
use session_store::Error;
use session_store::frameworks::axum::Stage;
use session_store_tests::Fault;

use super::*;

/// A time-out that answers with this status.
async fn time_out(
    axum::extract::State(status): axum::extract::State<StatusCode>,
    request: Inner,
    next: Next,
) -> Response {
    match tokio::time::timeout(Duration::from_millis(100), next.run(request)).await {
        Ok(response) => response,
        Err(_) => status.into_response(),
    }
}

/// It changes the session, and never returns.
async fn hangs(mut session: Current) {
    log_in(&mut session);
    session.visits += 1;
    std::future::pending().await
}

async fn hangs_shared(session: Shared) {
    session.with(log_in).await.unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn a_handler_that_a_time_out_cut_off_stores_nothing() {
    let bench = TestBench::<App>::new().await;
    let sessions = || SessionLayer::new(bench.store.clone()).dev();
    let routes = || {
        let routes = Router::new().route("/", get(hangs));
        routes.route("/shared", get(hangs_shared))
    };
    let after = |status| from_fn_with_state(status, time_out);
    let inside = |status| routes().layer(after(status)).layer(sessions());
    let between = |status| {
        routes()
            .layer(sessions())
            .layer(after(status))
            .layer(sessions())
    };
    let outside = |status| routes().layer(sessions()).layer(after(status));
    for (name, app, status) in [
        (
            "inside",
            inside(StatusCode::REQUEST_TIMEOUT),
            StatusCode::REQUEST_TIMEOUT,
        ),
        (
            "inside",
            inside(StatusCode::GATEWAY_TIMEOUT),
            StatusCode::GATEWAY_TIMEOUT,
        ),
        // What responds is not what the inner layer has around itself, whatever the status.
        (
            "between",
            between(StatusCode::REQUEST_TIMEOUT),
            StatusCode::REQUEST_TIMEOUT,
        ),
        ("between", between(StatusCode::OK), StatusCode::OK),
        (
            "between",
            between(StatusCode::TOO_MANY_REQUESTS),
            StatusCode::TOO_MANY_REQUESTS,
        ),
        ("outside", outside(StatusCode::OK), StatusCode::OK),
    ] {
        for path in ["/", "/shared"] {
            let cookie = visitor(&bench).await;
            for sent in [Some(&*cookie), None] {
                let answer = ask(&app, path, sent).await;
                assert_eq!(
                    (answer.status, answer.cookie()),
                    (status, None),
                    "{name} {path}"
                );
                let expected = sent.map_or(vec![], |_| vec!["GetItem"]);
                assert_eq!(calls(&bench), expected, "{name} {path}");
            }
            assert_eq!(stored(&bench, &cookie).await.unwrap(), App::default());
        }
    }
}

/// A log-out is carried out even so.
#[tokio::test]
async fn g17_a_log_out_of_a_handler_that_was_cut_off_is_carried_out() {
    async fn page(mut session: Current) {
        CurrentSession::end(&mut session);
        std::future::pending().await
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let time_out = from_fn_with_state(StatusCode::REQUEST_TIMEOUT, time_out);
    let app = Router::new().route("/", get(page)).layer(time_out);
    let app = app.layer(SessionLayer::new(bench.store.clone()).dev());
    let answer = ask(&app, "/", Some(&cookie)).await;
    assert_eq!(answer.cookie().as_deref(), Some(""));
    assert_eq!(stored(&bench, &cookie).await, None);
}

/// gRPC and GraphQL fail with 200.
#[tokio::test]
async fn a_predicate_says_which_responses_have_failed() {
    #[derive(Clone)]
    struct Failed;
    async fn page(mut session: Current, request: Inner) -> Response {
        session.visits += 1;
        let mut response = Response::default();
        match request.uri().query() {
            Some("grpc") => {
                response.headers_mut().insert("grpc-status", 7.into());
            }
            Some("graphql") => {
                response.extensions_mut().insert(Failed);
            }
            Some("500") => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            _ => {}
        }
        response
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone())
        .dev()
        .failed_if(|response| {
            let grpc = response.headers().get("grpc-status");
            grpc.is_some_and(|status| status != "0")
                || response.extensions().get::<Failed>().is_some()
        });
    let app = Router::new().route("/", get(page)).layer(layer);
    let cookie = visitor(&bench).await;
    for (query, counts) in [("grpc", 0), ("graphql", 0), ("fine", 1), ("500", 1)] {
        bench.wire.clear();
        ask(&app, &format!("/?{query}"), Some(&cookie)).await;
        assert_eq!(calls(&bench).len(), 1 + counts, "{query}");
    }
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 2);
}

#[tokio::test]
async fn a_handler_can_take_its_changes_back() {
    async fn page(mut session: Current) -> String {
        log_in(&mut session);
        CurrentSession::set_idle_timeout(&mut session, Duration::from_secs(60));
        CurrentSession::set_persistent(&mut session, false);
        session.visits += 1;
        CurrentSession::discard(&mut session);
        session.visits.to_string()
    }
    async fn ends(mut session: Current) {
        CurrentSession::end(&mut session);
        session.visits += 1;
        CurrentSession::discard(&mut session);
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    for (sent, expected) in [(None, vec![]), (Some(&*cookie), vec!["GetItem"])] {
        let answer = ask(&app(&bench, page), "/", sent).await;
        assert_eq!((&*answer.text, answer.cookie()), ("0", None));
        assert_eq!(calls(&bench), expected);
    }
    // A log-out is not taken back.
    let answer = ask(&app(&bench, ends), "/", Some(&cookie)).await;
    assert_eq!(answer.cookie().as_deref(), Some(""));
    assert!(bench.items().await.is_empty());
}

/// `on_error` let the handler run without its session.
#[tokio::test]
async fn g10_a_save_after_a_failed_read_returns_its_error() {
    async fn page(mut session: Current) -> String {
        let nothing = CurrentSession::save(&mut session).await;
        session.visits += 1;
        let saved = CurrentSession::save(&mut session).await;
        let updated = CurrentSession::update(&mut session, |session| session.visits += 1).await;
        let refreshed = CurrentSession::refresh(&mut session).await;
        let results = [nothing, saved, updated, refreshed];
        let failed = |result: Result<(), Error>| matches!(result, Err(Error::Service(_)));
        results.map(failed).iter().all(|is| *is).to_string()
    }
    async fn shared(session: Shared) -> String {
        let saved = session.save().await;
        let updated = session.update(|session| session.visits += 1).await;
        let replaced = session.log_in_as(App::default()).await;
        let failed = |result: Result<(), Error>| matches!(result, Err(Error::Service(_)));
        [saved, updated, replaced]
            .map(failed)
            .iter()
            .all(|is| *is)
            .to_string()
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let layer = layer.on_error(|_, stage| match stage {
        Stage::Load => None,
        _ => Some(StatusCode::BAD_GATEWAY.into_response()),
    });
    let routes = Router::new()
        .route("/", get(page))
        .route("/shared", get(shared));
    let app = routes.layer(layer);
    let cookie = visitor(&bench).await;
    for path in ["/", "/shared"] {
        for _ in 0..3 {
            bench.wire.next("GetItem", Fault::Refuse);
        }
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (answer.status, &*answer.text),
            (StatusCode::OK, "true"),
            "{path}"
        );
        assert_eq!(answer.cookie(), None);
        assert!(calls(&bench).iter().all(|call| call == "GetItem"), "{path}");
        bench.wire.clear();
    }
    assert_eq!(stored(&bench, &cookie).await.unwrap(), App::default());
}
