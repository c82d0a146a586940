//! G6. The absolute timeout is absolute: no save extends it, and none shortens an expiry that another has
//! set.

use std::time::Duration;

use session_store::{DynamoDbStore, Error, Session, Touch};
use session_store_tests::TestBench;

use crate::App;

#[tokio::test]
async fn saves_extend_the_idle_timeout_and_not_the_absolute_one() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    // 20 minutes apart, so that the session is never idle for 30: 36 saves take 12 hours.
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
    let bench = TestBench::<App>::new().await;
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

const MINUTE: Duration = Duration::from_secs(60);

async fn with_policy(bench: &TestBench<App>, policy: Touch) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    builder
        .table_name(bench.store.table_name())
        .touch(policy)
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_touch_extends_the_idle_timeout_and_writes_nothing_else() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let before = bench.item(session.handle()).await.unwrap();
    bench.clock.advance(10 * MINUTE);
    session.theme = "unsaved".into();
    bench.wire.clear();
    bench.store.touch(&mut session).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem"]);
    assert_eq!(session.expires_at(), session.created_at() + 40 * MINUTE);
    assert_eq!(
        Session::touched_at(&session),
        session.created_at() + 10 * MINUTE
    );

    let mut after = bench.item(session.handle()).await.unwrap();
    for name in ["touched_at", "expires_at"] {
        assert_ne!(after[name], before[name]);
        after.insert(name.into(), before[name].clone());
    }
    assert_eq!(after, before);
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(
        bench.store.load(session.id()).await.unwrap().unwrap().theme,
        "unsaved"
    );
}

#[tokio::test]
async fn a_touch_is_written_as_the_policy_says() {
    let bench = TestBench::<App>::new().await;
    let tenth = 3 * MINUTE;
    for (policy, early, late) in [
        (Touch::default(), 0, 1),
        (Touch::Always, 1, 1),
        (Touch::Never, 0, 0),
        (Touch::After(0.5), 0, 0),
        (Touch::After(0.0), 1, 1),
        (Touch::Every(30 * MINUTE), 0, 1),
        (Touch::Every(MINUTE), 1, 0),
    ] {
        let store = with_policy(&bench, policy).await;
        let mut session = store.create(App::of("u-17")).await.unwrap();
        for (pause, requests) in [
            (tenth - Duration::from_millis(1), early),
            (Duration::from_millis(1), late),
        ] {
            bench.clock.advance(pause);
            bench.wire.clear();
            store.touch(&mut session).await.unwrap();
            // Some have just extended it; the others have waited for a tenth by now.
            assert_eq!(
                bench.wire.operations().len(),
                requests,
                "{policy:?} after {pause:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_touch_passes_the_absolute_timeout() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    for _ in 0..35 {
        bench.clock.advance(20 * MINUTE);
        bench.store.touch(&mut session).await.unwrap();
    }
    assert_eq!(
        session.expires_at(),
        session.created_at() + 12 * 60 * MINUTE
    );
    bench.clock.advance(20 * MINUTE);
    assert!(
        matches!(bench.store.touch(&mut session).await, Err(Error::Gone(gone)) if gone.is_expired())
    );
}

#[tokio::test]
async fn a_touch_of_a_session_that_has_ended_leaves_nothing_behind() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    bench.clock.advance(10 * MINUTE);
    assert!(matches!(
        bench.store.touch(&mut session).await,
        Err(Error::Gone(_))
    ));
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn a_touch_by_a_clock_that_is_behind_shortens_nothing() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut behind = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.clock.advance(11 * MINUTE);
    bench.store.touch(&mut session).await.unwrap();
    bench.clock.set(bench.clock.millis() - 60_000);
    bench.store.touch(&mut behind).await.unwrap();
    assert_eq!(behind.expires_at(), session.expires_at());
}

/// "Remember me": a longer idle timeout for one session, within the absolute one.
#[tokio::test]
async fn a_session_can_have_an_idle_timeout_of_its_own() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut earlier = bench.store.load(session.id()).await.unwrap().unwrap();
    Session::set_idle_timeout(&mut session, 5 * 60 * MINUTE);
    bench.wire.clear();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem"]);
    assert_eq!(session.expires_at(), session.created_at() + 5 * 60 * MINUTE);
    assert_eq!(
        bench.item(session.handle()).await.unwrap()["idle"]
            .as_n()
            .unwrap(),
        "18000"
    );

    // A copy from before does not know the new timeout. The refusal of its save shows it.
    bench.clock.advance(10 * MINUTE);
    earlier.visits = 1;
    bench.wire.clear();
    bench.store.save(&mut earlier).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem", "UpdateItem"]);
    bench.store.touch(&mut earlier).await.unwrap();
    let mut stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(stored.expires_at(), session.created_at() + 310 * MINUTE);

    // It applies on load, on touch and with a new id.
    bench.clock.advance(60 * MINUTE);
    bench.store.touch(&mut stored).await.unwrap();
    assert_eq!(stored.expires_at(), session.created_at() + 370 * MINUTE);
    bench.store.cycle_id(&mut stored).await.unwrap();
    let mut stored = bench.store.load(stored.id()).await.unwrap().unwrap();
    assert_eq!(stored.expires_at(), session.created_at() + 370 * MINUTE);

    // The absolute timeout limits it, and a return to the type's timeout takes effect at once.
    Session::set_idle_timeout(&mut stored, 100 * 60 * MINUTE);
    bench.store.cycle_id(&mut stored).await.unwrap();
    assert_eq!(stored.expires_at(), session.created_at() + 12 * 60 * MINUTE);
    Session::set_idle_timeout(&mut stored, None);
    bench.store.save(&mut stored).await.unwrap();
    assert_eq!(stored.expires_at(), session.created_at() + 100 * MINUTE);
    assert!(
        !bench
            .item(stored.handle())
            .await
            .unwrap()
            .contains_key("idle")
    );
}
