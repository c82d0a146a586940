//! Hands that meet: none waits for ever, and the failure of one is not that of another.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use session_store_tests::Fault;

use super::*;

/// A stream that is polled once before the response is returned, to see whether it begins well.
#[tokio::test]
async fn a_response_does_not_wait_for_its_own_body() {
    async fn page(session: Shared) -> Answered {
        let first = async move { told(session.update(|session| session.visits += 1).await) };
        let mut chunks = Box::pin(
            first
                .map(|text| Ok::<_, Infallible>(Bytes::from(text)))
                .into_stream()
                .peekable(),
        );
        assert!(
            chunks.as_mut().peek().now_or_never().is_none(),
            "it is being stored"
        );
        Response::new(Body::from_stream(chunks))
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let (app, answer) = (app(&bench, page), Duration::from_secs(5));
    let answer = tokio::time::timeout(answer, ask(&app, "/", Some(&cookie))).await;
    assert_eq!(answer.expect("no deadlock").text, "()");
}

#[tokio::test]
async fn hands_in_a_buffer_do_not_block_the_others() {
    async fn page(session: Shared) {
        let updates = (0..4).map(|_| session.update(|session| session.visits += 1));
        let mut updates = stream::iter(updates).buffer_unordered(4);
        while updates.next().await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await; // the next one is done, and not polled
            session.with(|session| session.visits).await.unwrap();
        }
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let app = app(&bench, page);
    let answer = tokio::time::timeout(Duration::from_secs(5), ask(&app, "/", Some(&cookie))).await;
    assert_eq!(answer.expect("no deadlock").status, StatusCode::OK);
}

fn refuse(bench: &TestBench<App>, operation: &'static str) {
    for _ in 0..3 {
        bench.wire.next(operation, Fault::Refuse);
    }
}

/// The failure of one hand is not that of another.
#[tokio::test]
async fn a_hand_that_fails_does_not_lose_the_changes_of_the_next() {
    async fn count(session: Shared, request: Request, next: axum::middleware::Next) -> Response {
        let counted = session.update(|session| session.visits += 1).await;
        assert!(counted.is_err(), "and it goes on without");
        session.with(CurrentSession::discard).await.unwrap();
        next.run(request).await
    }
    async fn page(mut session: Current) {
        session.theme = "dark".into();
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let app = Router::new()
        .route("/", get(page))
        .layer(axum::middleware::from_fn(count));
    let app = app.layer(SessionLayer::new(bench.store.clone()).dev());
    refuse(&bench, "UpdateItem");
    assert_eq!(ask(&app, "/", Some(&cookie)).await.status, StatusCode::OK);
    assert_eq!(stored(&bench, &cookie).await.unwrap().theme, "dark");
}

/// A message that could not be taken stays for the next page.
#[tokio::test]
async fn take_that_fails_keeps_the_message() {
    async fn page(mut session: Current) -> String {
        let taken = CurrentSession::take(&mut session, |session| &mut session.theme).await;
        taken.unwrap_or_default()
    }
    let bench = TestBench::<App>::new().await;
    let session = App {
        theme: "saved".into(),
        ..App::default()
    };
    let cookie = bench.store.create(session).await.unwrap().id().expose();
    refuse(&bench, "UpdateItem");
    assert_eq!(ask(&app(&bench, page), "/", Some(&cookie)).await.text, "");
    assert_eq!(stored(&bench, &cookie).await.unwrap().theme, "saved");
}

/// What one hand was told has failed is not stored by another one.
#[tokio::test]
async fn an_update_that_fails_is_not_stored_later() {
    async fn page(session: Shared) {
        session
            .with(|session| session.theme = "dark".into())
            .await
            .unwrap();
        let failed = session.update(|session| session.visits += 1).await;
        assert!(failed.is_err());
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    // The first write is that of the theme.
    bench.wire.next("UpdateItem", Fault::meanwhile(|| async {}));
    refuse(&bench, "UpdateItem");
    ask(&app(&bench, page), "/", Some(&cookie)).await;
    let after = stored(&bench, &cookie).await.unwrap();
    assert_eq!((&*after.theme, after.visits), ("dark", 0));
}

/// Another hand's change stays, if one is told that its own comes too late.
#[tokio::test]
async fn a_late_hand_takes_back_its_own_change_alone() {
    async fn page(session: Shared) -> Answered {
        Response::new(body(async move {
            session.with(|session| session.visits += 1).await.unwrap();
            let late = told(session.with(log_in).await);
            format!("{late} {}", told(session.save().await))
        }))
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    assert_eq!(
        ask(&app(&bench, page), "/", Some(&cookie)).await.text,
        "late ()"
    );
    let after = stored(&bench, &cookie).await.unwrap();
    assert_eq!((after.visits, after.user_id), (1, None));
}

/// Half of a change of a hand that panics is not stored, though the handler answers as usual.
#[tokio::test]
async fn a_hand_that_panics_stores_nothing() {
    async fn page(session: Shared) {
        let hand = tokio::spawn(async move {
            let change = session.with(|session| {
                session.visits += 1;
                std::panic::resume_unwind(Box::new("half-way"));
            });
            change.await
        });
        assert!(hand.await.is_err());
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 0);
}

/// A handler that returns an error has failed, whatever its status.
#[tokio::test]
async fn a_handler_that_returns_an_error_stores_nothing() {
    async fn page(mut session: Current) -> Result<(), session_store::Error> {
        session.theme = "x".repeat(401 * 1024);
        let saved = CurrentSession::save(&mut session).await;
        session.theme = "dark".into();
        saved
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(stored(&bench, &cookie).await.unwrap().theme, "");
}

/// A look that is only mutable changes nothing, and so comes never too late.
#[tokio::test]
async fn a_mutable_look_is_no_late_change() {
    async fn page(session: Shared) -> Answered {
        Response::new(body(async move {
            let taken = session.with(|session| std::mem::take(&mut session.theme));
            format!("{:?}", taken.await.unwrap())
        }))
    }
    let bench = TestBench::<App>::new().await;
    assert_eq!(ask(&app(&bench, page), "/", None).await.text, "\"\"");
}

/// The handler has the error of its save. A read in between does not make the layer store it after all.
#[tokio::test]
async fn a_refresh_does_not_store_what_a_save_has_failed_to() {
    async fn page(mut session: Current) {
        session.visits += 1;
        let failed = CurrentSession::save(&mut session).await;
        assert!(failed.is_err());
        CurrentSession::refresh(&mut session).await.unwrap();
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    refuse(&bench, "UpdateItem");
    ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 0);
}

/// A change of before a log-out does not make a later extractor wait for a cookie.
#[tokio::test]
async fn an_extractor_that_is_kept_after_an_end_is_no_failure() {
    async fn page(again: Again) -> Answered {
        let mut parts = again.0.clone();
        let mut first = Current::from_request_parts(&mut parts, &()).await.unwrap();
        first.visits += 1;
        drop(first);
        again.shared().await.end();
        let kept = Current::from_request_parts(&mut parts, &()).await.unwrap();
        Response::new(body(async move { kept.visits.to_string() }))
    }
    let bench = TestBench::<App>::new().await;
    let answer = ask(&app(&bench, page), "/", None).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "0"));
}
