//! The limit of a consistent index is lowered, raised or taken away, and its policy changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, IsIndex, Session, SessionAttributes, SessionId};
use session_store_tests::TestBench;

use super::{MINUTE, Version, is_live, listed, visit};

/// Versions that differ in their limit.
macro_rules! limits {
    ($($name:ident: $index:meta;)*) => {$(
        version! {
            struct $name {
                #[dynamo(attr = "user_id", $index)]
                user_id: Option<String>,
            }
        }

        impl OfUser for $name {
            fn of_user() -> Self {
                Self { user_id: Some("u".into()) }
            }

            fn index() -> impl IsIndex<Self, Key = String> {
                Self::USER_ID
            }
        }
    )*};
}

trait OfUser: Version {
    fn of_user() -> Self;

    fn index() -> impl IsIndex<Self, Key = String>;
}

version! {
    /// It does not know the attribute.
    struct Plain {
        user_id: Option<String>,
    }
}

impl Plain {
    fn of_user() -> Self {
        Self {
            user_id: Some("u".into()),
        }
    }
}

limits! {
    Usual: index;
    Unlimited: index(consistent);
    Three: index(consistent, limit = 3);
    One: index(consistent, limit = 1);
    OneSeat: index(consistent, limit = 1, on_limit = reject);
    ThreeSeats: index(consistent, limit = 3, on_limit = reject);
}

async fn log_in<S: OfUser>(bench: &TestBench<Usual>, store: &DynamoDbStore<S>) -> Session<S> {
    bench.clock.advance(Duration::from_millis(1));
    store.create(S::of_user()).await.unwrap()
}

async fn is_refused<S: OfUser>(store: &DynamoDbStore<S>) -> bool {
    match store.create(S::of_user()).await {
        Err(Error::Limit(_)) => true,
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn count<S: OfUser>(store: &DynamoDbStore<S>) -> usize {
    listed(store, S::index(), "u").await
}

#[tokio::test]
async fn a_lowered_limit_ends_nobody_before_the_next_log_in() {
    let bench = TestBench::<Usual>::new().await;
    let (old, new) = (bench.other::<Three>().await, bench.other::<One>().await);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(log_in(&bench, &old).await);
    }
    bench.clock.advance(10 * MINUTE);
    for session in &sessions {
        let mut session = visit(&new, session.id()).await.unwrap();
        new.cycle_id(&mut session).await.unwrap();
    }
    assert_eq!(count(&new).await, 3);
    log_in(&bench, &new).await;
    assert_eq!(count(&new).await, 1);
}

#[tokio::test]
async fn while_both_run_each_log_in_leaves_the_limit_of_its_binary() {
    let bench = TestBench::<Usual>::new().await;
    let (old, new) = (bench.other::<Three>().await, bench.other::<One>().await);
    for _ in 0..2 {
        log_in(&bench, &new).await;
        assert_eq!(count(&old).await, 1);
        for sessions in [2, 3, 3] {
            log_in(&bench, &old).await;
            assert_eq!(count(&old).await, sessions);
        }
    }
}

/// Raised, and lowered again by a rollback: the oldest go with the next log-in.
#[tokio::test]
async fn a_raised_limit_applies_at_once_and_its_rollback_from_the_next_log_in() {
    let bench = TestBench::<Usual>::new().await;
    let (old, new) = (bench.other::<One>().await, bench.other::<Three>().await);
    let first = log_in(&bench, &old).await;
    log_in(&bench, &new).await;
    log_in(&bench, &new).await;
    assert!(is_live(&new, first.id()).await);
    let last = log_in(&bench, &old).await;
    assert_eq!(Session::evicted(&last).len(), 3);
    assert_eq!(count(&old).await, 1);
}

#[tokio::test]
async fn a_lowered_limit_that_refuses_does_so_until_enough_have_ended() {
    let bench = TestBench::<Usual>::new().await;
    let old = bench.other::<ThreeSeats>().await;
    let new = bench.other::<OneSeat>().await;
    let first = log_in(&bench, &old).await;
    let second = log_in(&bench, &old).await;
    assert!(is_refused(&new).await);
    old.delete(first.id()).await.unwrap();
    assert!(is_refused(&new).await);
    new.delete(second.id()).await.unwrap();
    log_in(&bench, &new).await;
    assert!(is_refused(&new).await);
    assert!(!is_refused(&old).await, "while the old one runs");
}

#[tokio::test]
async fn a_policy_that_changes_applies_from_the_next_log_in_and_back() {
    let bench = TestBench::<Usual>::new().await;
    let (evicts, refuses) = (bench.other::<One>().await, bench.other::<OneSeat>().await);
    let first = log_in(&bench, &evicts).await;
    assert!(is_refused(&refuses).await);
    let second = log_in(&bench, &evicts).await;
    assert_eq!(Session::evicted(&second), [first.handle()]);
    assert!(is_refused(&refuses).await);
    assert!(is_live(&refuses, second.id()).await);
}

#[tokio::test]
async fn a_limit_that_is_added_and_taken_away_counts_the_sessions_that_are_there() {
    let bench = TestBench::<Usual>::new().await;
    let without = bench.other::<Unlimited>().await;
    let with = bench.other::<Three>().await;
    for _ in 0..5 {
        log_in(&bench, &without).await;
    }
    let new = log_in(&bench, &with).await;
    assert_eq!(Session::evicted(&new).len(), 3);
    assert_eq!(count(&with).await, 3);
    log_in(&bench, &without).await;
    assert_eq!(count(&without).await, 4);
}

/// An index with a limit is added: visits fill the roster over it, and nobody is refused or ended.
#[tokio::test]
async fn visits_fill_a_new_roster_over_its_limit_and_the_next_log_in_settles_it() {
    for has_attribute in [true, false] {
        let bench = TestBench::<Usual>::new().await;
        let (plain, new) = (bench.other::<Plain>().await, bench.other::<Three>().await);
        let mut sessions = Vec::new();
        for _ in 0..5 {
            bench.clock.advance(Duration::from_millis(1));
            let id = if has_attribute {
                log_in(&bench, &bench.store).await.id().clone()
            } else {
                plain.create(Plain::of_user()).await.unwrap().id().clone()
            };
            sessions.push(id);
        }
        for id in &sessions {
            assert!(visit(&new, id).await.is_some());
        }
        assert_eq!(count(&new).await, 5);
        let last = log_in(&bench, &new).await;
        let mut oldest: Vec<_> = sessions[..3].iter().map(SessionId::handle).collect();
        oldest.sort();
        let mut evicted = Session::evicted(&last).to_vec();
        evicted.sort();
        assert_eq!(evicted, oldest);
        assert_eq!(count(&new).await, 3);
    }
}

#[tokio::test]
async fn visits_fill_a_new_roster_that_refuses_over_its_limit() {
    for has_attribute in [true, false] {
        let bench = TestBench::<Usual>::new().await;
        let (plain, new) = (bench.other::<Plain>().await, bench.other::<OneSeat>().await);
        let mut sessions = Vec::new();
        for _ in 0..3 {
            let id = if has_attribute {
                log_in(&bench, &bench.store).await.id().clone()
            } else {
                plain.create(Plain::of_user()).await.unwrap().id().clone()
            };
            sessions.push(id);
        }
        for id in &sessions {
            assert!(visit(&new, id).await.is_some());
        }
        assert_eq!(count(&new).await, 3);
        assert!(is_refused(&new).await);
        for id in &sessions {
            assert!(is_live(&new, id).await);
            new.delete(id).await.unwrap();
        }
        log_in(&bench, &new).await;
    }
}

/// The old binary, which does not know the index, changes the user of a session to one whose roster is full.
#[tokio::test]
async fn a_visit_after_a_change_by_the_old_binary_ends_nobody_and_misses_nobody() {
    for refuses in [false, true] {
        let bench = TestBench::<Usual>::new().await;
        let plain = bench.other::<Plain>().await;
        let (one, seat) = (bench.other::<One>().await, bench.other::<OneSeat>().await);
        let first = log_in(&bench, &one).await;
        let mut second = plain.create(Plain::default()).await.unwrap();
        second.user_id = Some("u".into());
        plain.save(&mut second).await.unwrap();
        if refuses {
            visit(&seat, second.id()).await.unwrap();
        } else {
            visit(&one, second.id()).await.unwrap();
        }
        assert_eq!(count(&one).await, 2, "{refuses}");
        assert!(is_live(&one, first.id()).await);
    }
}
