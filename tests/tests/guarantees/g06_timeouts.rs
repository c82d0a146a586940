//! G6. The absolute timeout is absolute: no save extends it, and none shortens an expiry that another has
//! set.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes, SessionData, Touch};
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
async fn a_large_session_is_extended_after_a_third_of_its_idle_timeout() {
    let bench = TestBench::<App>::new().await;
    let (store, third) = (&bench.store, 10 * MINUTE);
    let large = || App {
        theme: "t".repeat(1024),
        ..App::of("u-17")
    };
    let created = store.create(large()).await.unwrap();
    let loaded = store.create(large()).await.unwrap();
    let loaded = store.load(loaded.id()).await.unwrap().unwrap();
    let mut grown = store.create(App::of("u-17")).await.unwrap();
    grown.theme = large().theme;
    store.save(&mut grown).await.unwrap();
    let grown = store.load(grown.id()).await.unwrap().unwrap();
    let mut moved = store.create(large()).await.unwrap();
    store.cycle_id(&mut moved).await.unwrap();
    let mut shrunk = store.create(large()).await.unwrap();
    shrunk.theme.clear();
    store.save(&mut shrunk).await.unwrap();

    bench.clock.advance(third - Duration::from_millis(1));
    bench.wire.clear();
    store.touch(&mut shrunk).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem"], "it is small now");
    let mut sessions = [created, loaded, grown, moved];
    bench.wire.clear();
    for session in &mut sessions {
        store.touch(session).await.unwrap();
    }
    assert_eq!(bench.wire.operations(), [""; 0]);
    // G5: after the last request, they are live for two thirds of the timeout, and one more millisecond here.
    let [mut early, late, ..] = sessions;
    bench.clock.advance(Duration::from_millis(1));
    store.touch(&mut early).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem"]);
    bench.clock.advance(2 * third - Duration::from_millis(1));
    assert!(store.load(late.id()).await.unwrap().is_some());
    bench.clock.advance(Duration::from_millis(1));
    assert!(store.load(late.id()).await.unwrap().is_none());
    bench.clock.advance(third - Duration::from_millis(1));
    assert!(store.load(early.id()).await.unwrap().is_some());
    bench.clock.advance(Duration::from_millis(1));
    assert!(store.load(early.id()).await.unwrap().is_none());
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

macro_rules! timeouts {
    ($($name:ident: $option:literal $(, $beside:ident = $text:literal)*;)*) => {$(
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", timeouts = $option $(, $beside = $text)*)]
        struct $name {
            user_id: Option<String>,
        }
    )*};
}

timeouts! {
    Nist4Level1: "nist-800-63b-4-aal1";
    Nist4Level2: "nist-800-63b-4-aal2";
    Nist4Level3: "nist-800-63b-4-aal3";
    Nist3Level1: "nist-800-63b-3-aal1";
    Nist3Level2: "nist-800-63b-3-aal2";
    Nist3Level3: "nist-800-63b-3-aal3";
    Cards: "pci-dss-4-8.2.8";
    ShortDay: "nist-800-63b-4-aal1", absolute_timeout = "8h";
    ShortHour: "nist-800-63b-4-aal2", absolute_timeout = "30m";
    SoonIdle: "nist-800-63b-4-aal2", idle_timeout = "15m";
    OnlyIdle: "nist-800-63b-4-aal1", idle_timeout = "14d";
    BothShorter: "nist-800-63b-4-aal3", idle_timeout = "5m", absolute_timeout = "8h";
    AsLong: "nist-800-63b-4-aal2", idle_timeout = "1h", absolute_timeout = "1 day";
    LongCards: "pci-dss-4-8.2.8", absolute_timeout = "14d";
}

const DAY: u64 = 24 * 60;

/// The idle and the absolute timeout, in minutes.
fn minutes<S: SessionAttributes>() -> (u64, u64) {
    let [idle, absolute] = [S::SCHEMA.idle(), S::SCHEMA.absolute()];
    (idle.as_secs() / 60, absolute.as_secs() / 60)
}

#[test]
fn a_standard_gives_both_timeouts() {
    assert_eq!(minutes::<Nist4Level1>(), (30 * DAY, 30 * DAY));
    assert_eq!(minutes::<Nist4Level2>(), (60, DAY));
    assert_eq!(minutes::<Nist4Level3>(), (15, DAY / 2));
    assert_eq!(minutes::<Nist3Level1>(), (30 * DAY, 30 * DAY));
    assert_eq!(minutes::<Nist3Level2>(), (30, DAY / 2));
    assert_eq!(minutes::<Nist3Level3>(), (15, DAY / 2));
    assert_eq!(minutes::<Cards>(), (15, DAY / 2));
}

#[test]
fn a_timeout_beside_a_standard_is_shorter() {
    assert_eq!(minutes::<ShortDay>(), (8 * 60, 8 * 60));
    assert_eq!(minutes::<ShortHour>(), (30, 30));
    assert_eq!(minutes::<SoonIdle>(), (15, DAY));
    assert_eq!(minutes::<OnlyIdle>(), (14 * DAY, 30 * DAY));
    assert_eq!(minutes::<BothShorter>(), (5, 8 * 60));
    assert_eq!(minutes::<AsLong>(), (60, DAY));
    // The standard has no figure for it.
    assert_eq!(minutes::<LongCards>(), (15, 14 * DAY));
}

#[tokio::test]
async fn no_session_has_longer_timeouts_than_the_standard_of_its_type() {
    let bench = TestBench::<Nist4Level2>::new().await;
    let mut session = bench.store.create(Nist4Level2::default()).await.unwrap();
    let created = session.created_at();
    for (chosen, lasts) in [(720, 60), (10, 10), (61, 60)] {
        Session::set_idle_timeout(&mut session, MINUTE * chosen);
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(session.expires_at(), created + MINUTE * lasts);
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(loaded.expires_at(), created + MINUTE * lasts);
    }
    bench.clock.advance(MINUTE * 60);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// After how many minutes without a visit a new session has ended; and after how many with a visit every minute,
/// which is looked at near the end alone.
async fn ends_after<S: SessionData + Default>(idle: u64, absolute: u64) {
    let bench = TestBench::<S>::new().await;
    let session = bench.store.create(S::default()).await.unwrap();
    bench
        .clock
        .advance(MINUTE * (idle as u32) - Duration::from_millis(1));
    let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.touch(&mut session).await.unwrap();
    while bench.store.now() < session.created_at() + MINUTE * (absolute as u32) - MINUTE {
        let left = session.expires_at().duration_since(bench.store.now());
        bench.clock.advance(left.unwrap() - Duration::from_secs(2));
        let loaded = bench.store.load(session.id()).await.unwrap();
        session = loaded.expect("it was used in time");
        bench.store.touch(&mut session).await.unwrap();
    }
    bench.clock.advance(Duration::from_secs(60));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());

    let unused = bench.store.create(S::default()).await.unwrap();
    bench.clock.advance(MINUTE * (idle as u32));
    assert!(bench.store.load(unused.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_end_by_the_timeouts_of_a_standard() {
    ends_after::<Nist4Level1>(30 * DAY, 30 * DAY).await;
    ends_after::<Nist4Level2>(60, DAY).await;
    ends_after::<Nist3Level2>(30, DAY / 2).await;
    ends_after::<ShortDay>(8 * 60, 8 * 60).await;
}
