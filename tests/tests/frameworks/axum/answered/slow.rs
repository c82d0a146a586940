//! Requests that take long: uploads, and bodies that never seem to end.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use session_store::Error;
use session_store_tests::Clock;

use super::*;

async fn upload(State(clock): State<Clock>, mut session: Current, body: Bytes) -> String {
    session.visits += body.len() as u64;
    // So long it has taken until here.
    clock.advance(Duration::from_secs(10 * 60));
    read(session).await
}

/// It begins in time and ends too late.
#[tokio::test]
async fn g18_activity_counts_from_the_beginning_of_a_request() {
    for (path, stored) in [("/upload", true), ("/watch", false)] {
        let bench = TestBench::<Shop>::new().await;
        let layer = SessionLayer::new(bench.store.clone()).dev();
        let watch = async |State(clock): State<Clock>, session: Current| {
            clock.advance(Duration::from_secs(10 * 60));
            read(session).await
        };
        let app = routes()
            .merge(
                Router::new()
                    .route("/upload", any(upload))
                    .with_state(bench.clock.clone()),
            )
            .merge(
                Router::new()
                    .route("/watch", any(watch))
                    .with_state(bench.clock.clone()),
            )
            .layer(layer);
        let mut browser = Browser::default();
        browser.ask(&app, "/login").await;
        // Five minutes are left.
        bench.clock.advance(Duration::from_secs(55 * 60));
        let request = browser.request(path).body(Body::from("abc")).unwrap();
        let done = answer(&app, request).await;
        assert_eq!((done.status, &*done.text), (StatusCode::OK, "u"));
        browser.arrive(&done);
        bench.clock.advance(Duration::from_secs(55 * 60));
        assert!(browser.is_user(&app).await);
        let expected = if stored { "4" } else { "1" };
        assert_eq!(browser.ask(&app, "/visit").await.text, expected);
    }
}

/// The extractor comes after the body was read.
#[tokio::test]
async fn g18_a_session_that_is_read_late_is_judged_by_the_beginning_of_its_request() {
    let bench = TestBench::<Shop>::new().await;
    let clock = bench.clock.clone();
    let slow = axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let clock = clock.clone();
            async move {
                if request.uri().path() == "/visit" {
                    clock.advance(Duration::from_secs(10 * 60));
                }
                next.run(request).await
            }
        },
    );
    let app = routes()
        .layer(slow)
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    bench.clock.advance(Duration::from_secs(55 * 60));
    assert_eq!(browser.ask(&app, "/visit").await.text, "1");
    assert!(browser.is_user(&app).await);
    // One that began too late is late.
    bench.clock.advance(Duration::from_secs(61 * 60));
    assert!(!browser.is_user(&app).await);
}

/// The session is revoked while a request waits for its body.
#[tokio::test]
async fn g18_a_handler_can_ask_whether_its_session_is_still_there() {
    async fn wire_money(
        State(bench): State<std::sync::Arc<TestBench<Shop>>>,
        mut session: Current,
    ) -> StatusCode {
        CurrentSession::refresh(&mut session).await.unwrap();
        let revoked = bench.store.revoke(Shop::USER_ID, "u").await.unwrap();
        assert!(revoked.failed().is_empty());
        match CurrentSession::refresh(&mut session).await {
            Err(Error::Gone(_)) => StatusCode::FORBIDDEN,
            other => panic!("{other:?}"),
        }
    }
    let bench = std::sync::Arc::new(TestBench::<Shop>::new().await);
    let app = routes()
        .merge(
            Router::new()
                .route("/wire", any(wire_money))
                .with_state(bench.clone()),
        )
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    let refused = browser.ask(&app, "/wire").await;
    assert_eq!(
        (refused.status, set(&refused)),
        (StatusCode::FORBIDDEN, vec![])
    );
    assert!(!browser.is_user(&app).await);
}
