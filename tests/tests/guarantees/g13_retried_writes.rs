//! G13. When a response is lost and the SDK sends again, every operation reports what happened,
//! once, or says that the outcome is unknown; it never re-applies.

use session_store::Error;
use session_store_tests::{Bench, Fault};

use crate::App;

#[tokio::test]
async fn a_save_recognises_itself() {
    let bench = Bench::<App>::new().await;
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

/// Between the write and its repetition, others write the same field: theirs must stand.
async fn lose_and_let_others_write(writes: u64) -> (Bench<App>, Result<(), Error>, App) {
    let bench = Bench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    // The repetition, before which the others come. Their own writes meet no fault.
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
async fn a_repetition_does_not_undo_what_came_after() {
    for others in 1..=3 {
        let (_, saved, stored) = lose_and_let_others_write(others).await;
        saved.unwrap();
        assert_eq!(stored.theme, format!("other {others}"));
    }
}

/// So many others that the item has forgotten the write: whether it was applied is not known, and
/// it is not applied again.
#[tokio::test]
async fn a_repetition_after_many_others_is_not_applied() {
    for others in 4..=6 {
        let (_, saved, stored) = lose_and_let_others_write(others).await;
        assert_eq!(stored.theme, format!("other {others}"));
        match saved {
            Err(Error::Conflict(conflict)) => assert!(conflict.outcome_unknown()),
            saved => panic!("{saved:?}"),
        }
    }
}
