//! G6. The absolute timeout is absolute: no save extends it; none shortens what another has granted.

use std::time::Duration;

use session_store_tests::Bench;

use crate::App;

#[tokio::test]
async fn saves_extend_the_idle_timeout_and_not_the_absolute_one() {
    let bench = Bench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    // 20 minutes apart, so that the session is never idle for 30: 36 saves are 12 hours.
    for visit in 1..36 {
        bench.clock.advance(Duration::from_secs(20 * 60));
        session.visits = visit;
        bench.store.save(&mut session).await.unwrap();
        assert!(bench.store.load(session.id()).await.unwrap().is_some());
    }
    let absolute = session.created_at() + Duration::from_secs(12 * 60 * 60);
    assert_eq!(session.expires_at(), absolute);
    bench.clock.advance(Duration::from_secs(20 * 60));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_save_by_a_clock_that_is_behind_shortens_nothing() {
    let bench = Bench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut behind = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.clock.advance(Duration::from_secs(60));
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();

    bench.clock.set(bench.clock.millis() - 60_000);
    behind.visits = 3;
    bench.store.save(&mut behind).await.unwrap();
    assert_eq!(behind.expires_at(), session.expires_at());
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(stored.expires_at(), session.expires_at());
    assert_eq!((stored.visits, stored.theme.as_str()), (3, "dark"));
}
