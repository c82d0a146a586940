//! G17. A log-out by one hand, for all others.

use session_store_tests::Fault;

use super::*;

/// The session was begun by the very request whose stream ends it.
#[tokio::test]
async fn g17_an_end_after_the_head_ends_what_the_request_began() {
    async fn page(session: Shared) -> Answered {
        session.update(|session| session.visits += 1).await.unwrap();
        Response::new(body(async move {
            session.end();
            String::new()
        }))
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = Router::new().route("/", get(page)).layer(layer.clone());
    let cookie = ask(&app, "/", None).await.cookie().unwrap();
    layer.wait_until_stored().await;
    assert_eq!(stored(&bench, &cookie).await, None);
}

#[tokio::test]
async fn g17_an_end_ends_the_log_in_of_the_same_request() {
    async fn page(session: Shared) {
        let user_id = Some("u-17".into());
        session
            .log_in_as(App {
                user_id,
                ..App::default()
            })
            .await
            .unwrap();
        session.end();
    }
    let bench = TestBench::<App>::new().await;
    ask(&app(&bench, page), "/", None).await;
    // The roster of the user stays.
    let items = bench.items().await;
    assert!(!items.iter().any(|item| item.contains_key("data")));
}

/// A middleware logs out, and the handler is not to see who it was.
#[tokio::test]
async fn g17_after_the_end_of_a_middleware_there_is_no_session() {
    async fn lock(session: Shared, request: Request, next: axum::middleware::Next) -> Response {
        session.end();
        next.run(request).await
    }
    async fn page(session: Option<Current>) -> String {
        session.is_some().to_string()
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let app = Router::new()
        .route("/", get(page))
        .layer(axum::middleware::from_fn(lock));
    let app = app.layer(SessionLayer::new(bench.store.clone()).dev());
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "false");
}

#[tokio::test]
async fn g17_an_end_while_the_layer_stores() {
    async fn page(session: Shared, Extension(later): Extension<Later>) {
        session.with(|session| session.visits += 1).await.unwrap();
        later.leave(async move { session.end() });
    }
    let bench = TestBench::<App>::new().await;
    let later = Later::default();
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = Router::new()
        .route("/", get(page))
        .layer(layer.clone())
        .layer(Extension(later.clone()));
    let cookie = visitor(&bench).await;
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move { later.work().await }),
    );
    ask(&app, "/", Some(&cookie)).await;
    layer.wait_until_stored().await;
    assert_eq!(stored(&bench, &cookie).await, None);
}

/// A change of before the log-out does not begin a session after it.
#[tokio::test]
async fn g17_an_end_takes_earlier_changes_along() {
    async fn visit(session: Shared, request: Request, next: axum::middleware::Next) -> Response {
        session.with(|session| session.visits += 1).await.unwrap();
        next.run(request).await
    }
    async fn log_out(session: session_store::frameworks::axum::EndSession<App>) {
        session.end();
    }
    let bench = TestBench::<App>::new().await;
    let app = Router::new()
        .route("/", get(log_out))
        .layer(axum::middleware::from_fn(visit));
    let app = app.layer(SessionLayer::new(bench.store.clone()).dev());
    let cookie = visitor(&bench).await;
    for sent in [None, Some(&*cookie)] {
        let answer = ask(&app, "/", sent).await;
        assert_eq!(
            (answer.status, answer.cookie().as_deref()),
            (StatusCode::OK, Some(""))
        );
        assert!(!calls(&bench).contains(&"UpdateItem".to_owned()));
        assert!(!calls(&bench).contains(&"PutItem".to_owned()));
    }
    assert!(bench.items().await.is_empty());
}

/// The session of an extractor ends when it comes back.
#[tokio::test]
async fn g17_an_end_beside_an_extractor_ends_its_session() {
    async fn page(mut session: Current, end: session_store::frameworks::axum::EndSession<App>) {
        session.visits += 1;
        end.end();
        session.visits += 1;
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(
        (answer.status, answer.cookie().as_deref()),
        (StatusCode::OK, Some(""))
    );
    assert!(bench.items().await.is_empty());
}

/// What asks whether the session is still there learns that this request has ended it.
#[tokio::test]
async fn g17_a_refresh_after_the_end_says_so() {
    async fn page(session: Shared) -> String {
        session.end();
        told(session.refresh().await)
    }
    async fn without(session: Shared) -> String {
        told(session.refresh().await)
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(answer.text, "gone");
    assert_eq!(ask(&app(&bench, without), "/", None).await.text, "()");
}
