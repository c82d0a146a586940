//! G1. A write to a session that was deleted, revoked or has expired stores nothing and returns `Gone`.

use std::time::Duration;

use session_store::{Error, Session};
use session_store_tests::{Fault, TestBench};

use crate::App;

/// Saves a copy of a session that has ended, and expects that nothing is stored.
async fn expect_gone(bench: &TestBench<App>, mut session: Session<App>, expired: bool) {
    session.theme = "dark".into();
    let before = bench.items().await;
    match bench.store.save(&mut session).await {
        Err(Error::Gone(gone)) => {
            assert_eq!(gone.handle(), session.handle());
            assert_eq!(gone.is_expired(), expired);
        }
        saved => panic!("{saved:?}"),
    }
    assert_eq!(bench.items().await, before);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
    assert_eq!(
        session.theme, "dark",
        "the copy still has the unsaved change"
    );
}

#[tokio::test]
async fn a_save_after_delete_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    expect_gone(&bench, session, false).await;
}

#[tokio::test]
async fn a_save_after_revoke_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    expect_gone(&bench, session, false).await;
}

#[tokio::test]
async fn a_save_after_revoke_by_handle_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let revoked = bench.store.revoke_handle(&session.handle()).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    expect_gone(&bench, session, false).await;
}

#[tokio::test]
async fn a_save_after_expiry_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.clock.advance(Duration::from_secs(30 * 60));
    expect_gone(&bench, session, true).await;
}

#[tokio::test]
async fn a_save_that_a_delete_overtakes_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            store.delete(&id).await.unwrap();
        }),
    );
    let mut session = session;
    session.visits += 1;
    assert!(matches!(
        bench.store.save(&mut session).await,
        Err(Error::Gone(_))
    ));
    assert!(bench.items().await.is_empty());
}

/// The put of `create` is stored, its response is lost, and another client revokes the session. If the same
/// put were sent again, it would bring the session back.
#[tokio::test]
async fn a_create_of_unknown_outcome_is_not_sent_again() {
    let bench = TestBench::<App>::new().await;
    bench.wire.next("PutItem", Fault::LoseResponse);
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let puts: Vec<_> = bench
        .wire
        .calls()
        .into_iter()
        .filter(|call| call.operation == "PutItem")
        .collect();
    assert_eq!(puts.len(), 2);
    assert_ne!(puts[0].input["Item"]["id"], puts[1].input["Item"]["id"]);
    let items = bench.items().await;
    assert_eq!(items.len(), 1, "the item of the first put is taken back");
    assert_eq!(
        items[0]["id"].as_s().unwrap(),
        &session.handle().to_string()
    );
}

/// No request of a change of id arrived, and the caller asks again after the session has expired. The
/// session was still live at the first request.
#[tokio::test]
async fn a_cycle_id_that_is_resumed_after_expiry_is_gone() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let id = session.id().clone();
    bench.clock.advance(Duration::from_secs(20 * 60));
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::Refuse);
    }
    match bench.store.cycle_id(&mut session).await {
        Err(Error::Service(error)) => assert!(error.outcome_unknown()),
        cycled => panic!("{cycled:?}"),
    }
    bench.clock.advance(Duration::from_secs(15 * 60));
    assert!(bench.store.load(&id).await.unwrap().is_none());

    match bench.store.cycle_id(&mut session).await {
        Err(Error::Gone(gone)) => assert!(gone.is_expired()),
        cycled => panic!("{cycled:?}"),
    }
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// The same if the change of id was applied, and only its responses were lost.
#[tokio::test]
async fn a_cycle_id_that_was_carried_out_is_recognised_after_expiry() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let id = session.id().clone();
    bench.clock.advance(Duration::from_secs(20 * 60));
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    bench.store.cycle_id(&mut session).await.unwrap_err();
    bench.clock.advance(Duration::from_secs(15 * 60));

    bench.store.cycle_id(&mut session).await.unwrap();
    assert_ne!(session.id(), &id);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}
