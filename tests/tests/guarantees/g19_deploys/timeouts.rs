//! Idle and absolute timeouts that are made longer and shorter, and those of single sessions.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes, Touch};
use session_store_tests::TestBench;

use super::{DAY, HOUR, MINUTE, is_live, visit};

version! {
    #[dynamo(idle_timeout = "30m", absolute_timeout = "30d")]
    struct HalfAnHour { visits: u64 }
}

version! {
    #[dynamo(idle_timeout = "1h", absolute_timeout = "30d")]
    struct Hour { visits: u64 }
}

version! {
    #[dynamo(idle_timeout = "14d", absolute_timeout = "30d")]
    struct Fortnight { visits: u64 }
}

version! {
    #[dynamo(idle_timeout = "1h", absolute_timeout = "12h")]
    struct WorkDay { visits: u64 }
}

version! {
    #[dynamo(idle_timeout = "1h", absolute_timeout = "1h")]
    struct AtMostAnHour { visits: u64 }
}

version! {
    #[dynamo(idle_timeout = "30d", absolute_timeout = "30d")]
    struct Month { visits: u64 }
}

fn left<S>(session: &Session<S>, at: SystemTime) -> Duration {
    session.expires_at().duration_since(at).unwrap()
}

#[tokio::test]
async fn a_longer_idle_timeout_applies_from_the_next_visit() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let new = bench.other::<Fortnight>().await;
    bench.clock.advance(MINUTE);
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(13 * DAY);
    assert!(is_live(&new, session.id()).await);
}

#[tokio::test]
async fn a_visitor_of_every_twenty_minutes_is_never_logged_out_by_a_longer_idle_timeout() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let new = bench.other::<Fortnight>().await;
    for visits in 0..20 {
        bench.clock.advance(20 * MINUTE);
        let seen = visit(&new, session.id()).await;
        assert!(seen.is_some(), "after {visits} visits");
    }
}

/// Each binary judges by its own type, and a rolling deploy has both.
#[tokio::test]
async fn while_both_run_the_binary_that_is_asked_decides_the_idle_timeout() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Fortnight>().await);
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(20 * MINUTE);
    visit(old, session.id()).await.unwrap();
    bench.clock.advance(MINUTE);
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(HOUR);
    assert!(!is_live(old, session.id()).await);
    assert!(is_live(&new, session.id()).await);
    bench.clock.advance(DAY);
    assert!(is_live(&new, session.id()).await);
}

/// A visitor of every minute, on new hosts only. They touch seldom, and an old host, or a rollback, knows the last
/// touch alone.
#[tokio::test]
async fn an_old_binary_takes_a_visitor_for_away_whom_the_new_one_did_not_have_to_touch() {
    for (policy, stays) in [(Touch::default(), false), (Touch::After(0.0001), true)] {
        let bench = TestBench::<HalfAnHour>::new().await;
        let session = bench.store.create(HalfAnHour::default()).await.unwrap();
        let builder = DynamoDbStore::<Fortnight>::builder();
        let builder = builder.client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let new = builder.touch(policy).build().await.unwrap();
        for _ in 0..60 {
            bench.clock.advance(MINUTE);
            visit(&new, session.id()).await.unwrap();
        }
        assert_eq!(is_live(&bench.store, session.id()).await, stays);
    }
}

#[tokio::test]
async fn a_longer_idle_timeout_that_is_rolled_back_is_the_old_one_at_once() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Fortnight>().await);
    let idle = new.create(Fortnight::default()).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    // Rolled back. A visitor goes on, and one who is away for half an hour does not.
    for _ in 0..2 {
        bench.clock.advance(20 * MINUTE);
        assert!(visit(old, session.id()).await.is_some());
    }
    assert!(!is_live(old, idle.id()).await);
    bench.clock.advance(31 * MINUTE);
    assert!(!is_live(old, session.id()).await);
}

#[tokio::test]
async fn a_shorter_idle_timeout_ends_those_who_are_away_at_once() {
    let bench = TestBench::<Fortnight>::new().await;
    let session = bench.store.create(Fortnight::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Hour>().await);
    bench.clock.advance(61 * MINUTE);
    assert!(!is_live(&new, session.id()).await);
    assert!(is_live(old, session.id()).await, "while the old one runs");
}

#[tokio::test]
async fn a_shorter_idle_timeout_holds_after_a_touch_a_save_and_a_new_id() {
    let bench = TestBench::<Fortnight>::new().await;
    let session = bench.store.create(Fortnight::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Hour>().await);
    bench.clock.advance(30 * MINUTE);
    let mut session = visit(&new, session.id()).await.unwrap();
    let touched = Session::touched_at(&session);
    assert_eq!(left(&session, touched), HOUR, "by a touch");
    bench.clock.advance(MINUTE);
    session.visits += 1;
    new.save(&mut session).await.unwrap();
    assert_eq!(left(&session, touched + MINUTE), HOUR, "by a save");
    bench.clock.advance(MINUTE);
    new.cycle_id(&mut session).await.unwrap();
    assert!(
        left(&session, touched + 2 * MINUTE) <= HOUR,
        "with a new id"
    );

    // What the new one has stored holds for the old one too, and after it was rolled back.
    bench.clock.advance(61 * MINUTE);
    assert!(!is_live(&new, session.id()).await);
    assert!(!is_live(old, session.id()).await);
}

/// A rollback gives the visitors who are still there their longer timeout again.
#[tokio::test]
async fn a_shorter_idle_timeout_that_is_rolled_back_is_long_again_from_the_next_visit() {
    let bench = TestBench::<Fortnight>::new().await;
    let session = bench.store.create(Fortnight::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Hour>().await);
    bench.clock.advance(30 * MINUTE);
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(30 * MINUTE);
    visit(old, session.id()).await.unwrap();
    bench.clock.advance(13 * DAY);
    assert!(is_live(old, session.id()).await);
}

#[tokio::test]
async fn a_longer_absolute_timeout_applies_to_the_sessions_that_are_there() {
    let bench = TestBench::<WorkDay>::new().await;
    let session = bench.store.create(WorkDay::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<Hour>().await);
    for _ in 0..23 {
        bench.clock.advance(30 * MINUTE);
        visit(old, session.id()).await.unwrap();
    }
    bench.clock.advance(25 * MINUTE);
    visit(old, session.id()).await.unwrap();
    // Eleven hours and 57 minutes after the log-in.
    bench.clock.advance(2 * MINUTE);
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(30 * MINUTE);
    assert!(is_live(&new, session.id()).await);
    assert!(!is_live(old, session.id()).await, "also when rolled back");
}

#[tokio::test]
async fn a_shorter_absolute_timeout_applies_to_the_sessions_that_are_there() {
    let bench = TestBench::<Month>::new().await;
    let session = bench.store.create(Month::default()).await.unwrap();
    let away = bench.store.create(Month::default()).await.unwrap();
    let (old, new) = (&bench.store, bench.other::<AtMostAnHour>().await);
    bench.clock.advance(30 * MINUTE);
    let mut session = visit(&new, session.id()).await.unwrap();
    let (created, limit) = (session.created_at(), session.created_at() + HOUR);
    assert!(session.expires_at() <= limit, "by a touch");
    session.visits += 1;
    new.save(&mut session).await.unwrap();
    assert!(session.expires_at() <= limit, "by a save");
    new.cycle_id(&mut session).await.unwrap();
    assert!(session.expires_at() <= limit, "with a new id");
    assert_eq!(session.created_at(), created);
    bench.clock.advance(31 * MINUTE);
    assert!(!is_live(&new, session.id()).await);
    assert!(!is_live(&new, away.id()).await);

    // Rolled back: the session that the new binary has met has ended, and the other has not.
    assert!(!is_live(old, session.id()).await);
    assert!(is_live(old, away.id()).await);
}

/// A session that is old already when its type gets a shorter absolute timeout.
#[tokio::test]
async fn a_session_beyond_a_shorter_absolute_timeout_takes_no_writes() {
    let bench = TestBench::<Month>::new().await;
    let session = bench.store.create(Month::default()).await.unwrap();
    let new = bench.other::<WorkDay>().await;
    let mut copy = new.load(session.id()).await.unwrap().unwrap();
    bench.clock.advance(20 * DAY);
    copy.visits = 1;
    for written in [
        new.save(&mut copy).await,
        new.touch(&mut copy).await,
        new.cycle_id(&mut copy).await,
    ] {
        assert!(
            matches!(written, Err(session_store::Error::Gone(_))),
            "{written:?}"
        );
    }
}

#[tokio::test]
async fn an_own_idle_timeout_stays_when_that_of_the_type_changes() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let (old, new) = (&bench.store, bench.other::<Fortnight>().await);
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let mut session = old.load(session.id()).await.unwrap().unwrap();
    Session::set_idle_timeout(&mut session, 2 * HOUR);
    old.save(&mut session).await.unwrap();
    for _ in 0..3 {
        bench.clock.advance(119 * MINUTE);
        assert!(visit(&new, session.id()).await.is_some());
        bench.clock.advance(119 * MINUTE);
        assert!(visit(old, session.id()).await.is_some());
    }
    bench.clock.advance(121 * MINUTE);
    assert!(!is_live(&new, session.id()).await);
}

#[tokio::test]
async fn an_own_idle_timeout_gives_nothing_beyond_a_shorter_absolute_timeout() {
    let bench = TestBench::<Month>::new().await;
    let mut session = bench.store.create(Month::default()).await.unwrap();
    Session::set_idle_timeout(&mut session, 7 * DAY);
    bench.store.save(&mut session).await.unwrap();
    let new = bench.other::<WorkDay>().await;
    visit(&new, session.id()).await.unwrap();
    bench.clock.advance(13 * HOUR);
    assert!(!is_live(&new, session.id()).await);
}

/// The visitor takes "remember me" back in one tab, while another has the page open.
#[tokio::test]
async fn a_stale_copy_does_not_undo_an_own_idle_timeout_that_was_made_shorter() {
    for way in ["touch", "save", "new id"] {
        let bench = TestBench::<HalfAnHour>::new().await;
        let mut session = bench.store.create(HalfAnHour::default()).await.unwrap();
        Session::set_idle_timeout(&mut session, DAY);
        bench.store.save(&mut session).await.unwrap();
        bench.clock.advance(3 * HOUR);
        let mut stale = bench.store.load(session.id()).await.unwrap().unwrap();
        let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
        Session::set_idle_timeout(&mut session, 5 * MINUTE);
        bench.store.save(&mut session).await.unwrap();

        bench.clock.advance(MINUTE);
        stale.visits = 7;
        match way {
            "touch" => bench.store.touch(&mut stale).await.unwrap(),
            "save" => bench.store.save(&mut stale).await.unwrap(),
            _ => bench.store.cycle_id(&mut stale).await.unwrap(),
        }
        bench.clock.advance(6 * MINUTE);
        assert!(!is_live(&bench.store, stale.id()).await, "{way}");
    }
}

/// A session that only saves extend.
#[tokio::test]
async fn a_longer_idle_timeout_without_touches_applies_from_the_next_save() {
    let bench = TestBench::<HalfAnHour>::new().await;
    let session = bench.store.create(HalfAnHour::default()).await.unwrap();
    let builder = DynamoDbStore::<Fortnight>::builder();
    let builder = builder.client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let new = builder.touch(Touch::Never).build().await.unwrap();
    let mut session = visit(&new, session.id()).await.unwrap();
    assert!(left(&session, session.created_at()) <= HOUR / 2);
    session.visits += 1;
    new.save(&mut session).await.unwrap();
    bench.clock.advance(13 * DAY);
    assert!(is_live(&new, session.id()).await);
}
