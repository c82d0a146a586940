//! The sessions that a log-in evicts are reported exactly, even if responses are lost or others come
//! between.

use session_store::Session;
use session_store_tests::{Fault, TestBench};

use super::{Seats, Three, listed, log_in, stored, take_seats};

/// The transaction that evicts is applied, and its responses are lost.
#[tokio::test]
async fn an_eviction_of_unknown_outcome_is_reported() {
    let bench = TestBench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), [old[0].handle()]);
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[1].handle()]
    );
    assert_eq!(stored(&bench).await, 3);
}

/// Two attempts of it are lost, and the next one is refused. Then another session leaves, and no session is
/// evicted.
#[tokio::test]
async fn an_eviction_that_never_took_place_is_not_reported() {
    let bench = TestBench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let (store, id) = (bench.store.clone(), old[1].id().clone());
    let held = serde_json::json!([{ "Code": "TransactionConflict" }, { "Code": "None" }]);
    for fault in [
        Fault::Refuse,
        Fault::cancelled(held),
        Fault::Refuse,
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    ] {
        bench.wire.next("TransactWriteItems", fault);
    }
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), []);
    assert_eq!(listed(&bench).await.len(), 3);
}

/// Two parallel evictions do not end two sessions for one new one.
#[tokio::test]
async fn an_eviction_is_dropped_if_another_session_left_first() {
    let bench = TestBench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let (store, id) = (bench.store.clone(), old[1].id().clone());
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(
        Session::evicted(&new),
        [],
        "another session left, so there was room"
    );
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[0].handle()]
    );
}

/// Between the refusal and the read of the sessions, one has left the roster: there is room.
#[tokio::test]
async fn a_session_that_moves_away_meanwhile_makes_room() {
    let bench = TestBench::<Three>::new().await;
    let mut old = log_in(&bench, 3).await;
    let (store, mut moving) = (bench.store.clone(), old.remove(0));
    bench.wire.next(
        "BatchGetItem",
        Fault::meanwhile(move || async move {
            moving.user_id = None;
            store.save(&mut moving).await.unwrap();
        }),
    );
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), []);

    let bench = TestBench::<Seats>::new().await;
    let mut old = take_seats(&bench, 3).await;
    let (store, mut moving) = (bench.store.clone(), old.remove(0));
    bench.wire.next(
        "BatchGetItem",
        Fault::meanwhile(move || async move {
            moving.user_id = None;
            store.save(&mut moving).await.unwrap();
        }),
    );
    take_seats(&bench, 1).await;
}
