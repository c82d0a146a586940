//! Middlewares that have the session while the handler runs.

use axum::extract::Request as Inner;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use session_store::Error;

use super::*;
use crate::log;

/// It reads before and after the handler.
async fn around(session: Shared, request: Inner, next: Next) -> Result<Response, Error> {
    let before = session.with(|session| session.visits).await?;
    let response = next.run(request).await;
    let after = session.with(|session| {
        session.theme = "seen".into();
        session.visits
    });
    let after = after.await?;
    Ok((response.into_parts().0, format!("{before} {after}")).into_response())
}

fn layered<H, T>(bench: &TestBench<App>, handler: H) -> Router
where
    H: Handler<T, ()>,
    T: 'static,
{
    let router = Router::new().route("/", get(handler));
    let router = router.layer(from_fn(around));
    router.layer(SessionLayer::new(bench.store.clone()).dev())
}

#[tokio::test]
async fn a_middleware_keeps_the_session_while_the_handler_runs() {
    async fn current(mut session: Current) {
        session.visits += 1;
    }
    async fn shared(session: Shared) {
        session.with(|session| session.visits += 1).await.unwrap();
    }
    let bench = TestBench::<App>::new().await;
    for app in [layered(&bench, current), layered(&bench, shared)] {
        let cookie = visitor(&bench).await;
        let answer = ask(&app, "/", Some(&cookie)).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "0 1"));
        // One read and one write for both.
        assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
        let after = stored(&bench, &cookie).await.unwrap();
        assert_eq!((after.visits, &*after.theme), (1, "seen"));
    }
}

/// The middleware sees a log-in of the handler, and its own change goes to the new session.
#[tokio::test]
async fn a_middleware_sees_the_log_in_of_the_handler() {
    async fn page(mut session: Current) {
        log_in(&mut session);
        CurrentSession::save(&mut session).await.unwrap();
    }
    let bench = TestBench::<App>::new().await;
    let app = layered(&bench, page);
    for cookie in [None, Some(visitor(&bench).await)] {
        let answer = ask(&app, "/", cookie.as_deref()).await;
        let after = stored(&bench, &answer.cookie().unwrap()).await.unwrap();
        assert_eq!(
            (after.user_id.as_deref(), &*after.theme),
            (Some("u-17"), "seen")
        );
    }
}

/// A middleware that keeps a `CurrentSession` has it for itself.
#[tokio::test]
async fn an_extractor_that_is_kept_is_named_to_the_next_one() {
    async fn keep(session: Current, request: Inner, next: Next) -> Response {
        let response = next.run(request).await;
        drop(session);
        response
    }
    async fn shared(_: Shared) {}
    async fn current(_: Current) {}
    log::capture();
    let bench = TestBench::<App>::new().await;
    let router = Router::new().route("/", get(shared));
    let router = router.route("/current", get(current));
    let app = router.layer(from_fn(keep));
    let app = app.layer(SessionLayer::new(bench.store.clone()).dev());
    for path in ["/", "/current"] {
        let answer = ask(&app, path, None).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            answer.text.contains("take `SharedSession`"),
            "{}",
            answer.text
        );
    }
}

/// The inner layer passes on to the outer one, and says where it is set otherwise.
#[tokio::test]
async fn an_inner_layer_with_other_settings_is_logged_once() {
    async fn page(session: Shared) -> String {
        session.with(|session| session.visits += 1).await.unwrap();
        session
            .with(|session| session.visits)
            .await
            .unwrap()
            .to_string()
    }
    log::capture();
    let bench = TestBench::<App>::new().await;
    let layer = || SessionLayer::new(bench.store.clone()).dev();
    let router = || Router::new().route("/", get(page));
    let differs = layer().save_on_server_error(true);
    for (inner, warnings) in [(layer(), 0), (differs, 1)] {
        let app = router().layer(inner).layer(from_fn(around)).layer(layer());
        let cookie = visitor(&bench).await;
        log::taken();
        for _ in 0..3 {
            ask(&app, "/", Some(&cookie)).await;
        }
        let log = log::taken();
        let log: Vec<_> = log.iter().filter(|line| line.starts_with("WARN")).collect();
        assert_eq!(log.len(), warnings, "{log:?}");
        assert!(
            log.iter()
                .all(|line| line.contains("only the outer one counts")),
            "{log:?}"
        );
    }
}

/// With another cookie, the inner layer has sessions of its own.
#[tokio::test]
async fn an_inner_layer_with_another_cookie_is_logged() {
    async fn page(_: Shared) {}
    log::capture();
    let bench = TestBench::<App>::new().await;
    let layer = || SessionLayer::new(bench.store.clone());
    let app = Router::new()
        .route("/", get(page))
        .layer(layer().dev())
        .layer(layer());
    log::taken();
    ask(&app, "/", None).await;
    let log = log::taken();
    let [line] = &*log else { panic!("{log:?}") };
    assert!(line.contains("each visitor has two sessions"), "{line}");
}
