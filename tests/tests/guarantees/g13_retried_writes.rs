//! G13. If a response is lost and the SDK retries, every operation reports what happened once, or says that
//! the outcome is unknown. It never applies a write again.

use session_store::Error;
use session_store_tests::{Fault, TestBench};

use crate::App;

#[tokio::test]
async fn a_save_whose_response_was_lost_recognises_itself() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    session.visits = 1;
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(bench.wire.operations(), ["UpdateItem"; 2]);
    assert_eq!(session.version(), 2);
    assert_eq!(
        bench
            .store
            .load(session.id())
            .await
            .unwrap()
            .unwrap()
            .version(),
        2,
        "applied once"
    );
}

/// Between the write and its retry, others write the same field: their changes must stay.
async fn lose_and_let_others_write(writes: u64) -> (TestBench<App>, Result<(), Error>, App) {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    // The retry, before which the others write. Their own writes meet no fault.
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            for n in 1..=writes {
                let mut other = store.load(&id).await.unwrap().unwrap();
                other.theme = format!("other {n}");
                store.save(&mut other).await.unwrap();
            }
        }),
    );
    session.theme = "mine".into();
    let saved = bench.store.save(&mut session).await;
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    let stored = session_store::Session::into_data(stored);
    (bench, saved, stored)
}

#[tokio::test]
async fn a_repeated_save_does_not_undo_later_writes() {
    for others in 1..=3 {
        let (_, saved, stored) = lose_and_let_others_write(others).await;
        saved.unwrap();
        assert_eq!(stored.theme, format!("other {others}"));
    }
}

/// So many others have written that the mark of this write is no longer in the item. The outcome is
/// unknown, and the error says so.
#[tokio::test]
async fn a_save_whose_mark_is_gone_reports_an_unknown_outcome() {
    let (_, saved, stored) = lose_and_let_others_write(5).await;
    match saved {
        Err(Error::Conflict(conflict)) => assert!(conflict.outcome_unknown()),
        saved => panic!("{saved:?}"),
    }
    assert_eq!(stored.theme, "other 5", "and nothing is applied again");
}

/// A copy that is behind by more writes than the item remembers is still saved.
#[tokio::test]
async fn a_save_from_far_behind_is_written() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
    for visits in 1..=6 {
        other.visits = visits;
        bench.store.save(&mut other).await.unwrap();
    }
    session.theme = "mine".into();
    bench.store.save(&mut session).await.unwrap();
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(
        (stored.theme.as_str(), stored.visits, stored.version()),
        ("mine", 6, 8)
    );
    bench.wire.clear();
    session.theme = "mine again".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(
        bench.wire.operations(),
        ["UpdateItem"],
        "it knows the current version now"
    );
}

/// Attempts that were throttled were not carried out, no matter how many there were.
#[tokio::test]
async fn a_throttled_request_does_not_make_the_outcome_unknown() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    for _ in 0..3 {
        bench.wire.next("UpdateItem", Fault::throttled());
    }
    session.visits = 1;
    match bench.store.save(&mut session).await {
        Err(Error::Service(error)) => assert!(error.is_throttled() && !error.outcome_unknown()),
        saved => panic!("{saved:?}"),
    }
    // The first attempt is carried out without a response, and the others are throttled.
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    for _ in 0..2 {
        bench.wire.next("UpdateItem", Fault::throttled());
    }
    match bench.store.save(&mut session).await {
        Err(Error::Service(error)) => assert!(error.is_throttled() && error.outcome_unknown()),
        saved => panic!("{saved:?}"),
    }
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(
        bench
            .store
            .load(session.id())
            .await
            .unwrap()
            .unwrap()
            .visits,
        1
    );
}

#[tokio::test]
async fn an_update_whose_response_was_lost_is_applied_once() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await
        .unwrap();
    bench.wire.next("UpdateItem", Fault::Refuse);
    bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .load(session.id())
            .await
            .unwrap()
            .unwrap()
            .visits,
        2
    );
}

#[tokio::test]
async fn a_delete_whose_response_was_lost_counts_as_done() {
    let bench = TestBench::<App>::new().await;
    bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.next("DeleteItem", Fault::LoseResponse);
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (1, 0));
}

#[tokio::test]
async fn a_touch_may_be_sent_twice() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.clock.advance(std::time::Duration::from_secs(600));
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    bench.store.touch(&mut session).await.unwrap();
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(stored.expires_at(), session.expires_at());
}

/// A change of id was applied, and its response was lost. DynamoDB throttles the next call, which says
/// nothing about the first one.
#[tokio::test]
async fn a_cycle_id_is_of_unknown_outcome_until_an_answer_tells() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let old = session.id().clone();
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    bench.store.cycle_id(&mut session).await.unwrap_err();

    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::throttled());
    }
    match bench.store.cycle_id(&mut session).await {
        Err(Error::Service(error)) => assert!(error.outcome_unknown() && error.is_throttled()),
        cycled => panic!("{cycled:?}"),
    }
    bench.store.cycle_id(&mut session).await.unwrap();
    assert!(bench.store.load(&old).await.unwrap().is_none());
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}

/// The copy does not know which of both values is stored.
#[tokio::test]
async fn a_field_that_is_set_back_after_a_save_of_unknown_outcome_is_stored() {
    for is_dropped in [false, true] {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        session.visits = 7;
        if is_dropped {
            let (fault, mut held) = Fault::held();
            bench.wire.next("UpdateItem", fault);
            tokio::select! {
                saved = bench.store.save(&mut session) => panic!("{saved:?}"),
                () = held.carried_out() => {}
            }
        } else {
            bench.wire.every("UpdateItem", || Fault::LoseResponse);
            bench.store.save(&mut session).await.unwrap_err();
        }
        bench.wire.clear();
        session.visits = 0;
        bench.store.save(&mut session).await.unwrap();
        let stored = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(stored.visits, 0, "dropped: {is_dropped}");

        // What was certainly refused leaves nothing to store.
        session.visits = 7;
        bench.wire.every("UpdateItem", Fault::throttled);
        bench.store.save(&mut session).await.unwrap_err();
        bench.wire.clear();
        session.visits = 0;
        bench.store.save(&mut session).await.unwrap();
        assert!(bench.wire.operations().is_empty());
    }
}
