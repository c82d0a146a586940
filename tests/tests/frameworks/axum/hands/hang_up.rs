//! What goes on when the client has hung up.

use std::time::Duration;

use super::*;

/// What a spawned hand does once the client has hung up.
async fn after_hang_up<F>(bench: &TestBench<App>, cookie: Option<&str>, work: fn(Shared) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let later = Later::default();
    let page = move |session: Shared, Extension(later): Extension<Later>| async move {
        session
            .with(|session| {
                let _ = session.visits;
            })
            .await
            .unwrap();
        later.leave(work(session));
        std::future::pending::<()>().await
    };
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = Router::new()
        .route("/", get(page))
        .layer(layer.clone())
        .layer(Extension(later.clone()));
    let hung_up = tokio::time::timeout(Duration::from_millis(200), ask(&app, "/", cookie)).await;
    assert!(hung_up.is_err());
    later.work().await;
    layer.wait_until_stored().await;
}

#[tokio::test]
async fn g17_an_end_after_the_client_hung_up() {
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    after_hang_up(
        &bench,
        Some(&cookie),
        |session| async move { session.end() },
    )
    .await;
    assert_eq!(stored(&bench, &cookie).await, None);
}

#[tokio::test]
async fn no_session_begins_for_a_client_that_is_gone() {
    let bench = TestBench::<App>::new().await;
    after_hang_up(&bench, None, |session| async move {
        assert_eq!(
            told(session.update(|session| session.visits += 1).await),
            "late"
        );
        assert_eq!(told(session.log_in_as(App::default()).await), "late");
    })
    .await;
    assert!(bench.all_items().await.is_empty());
}
