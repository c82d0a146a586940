//! G2. No operation on an absent session leaves an item behind.

use session_store::{Error, SessionId};
use session_store_tests::{Fault, TestBench};

use crate::App;

fn unknown_id() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

#[tokio::test]
async fn operations_on_an_unknown_id_leave_no_item() {
    let bench = TestBench::<App>::new().await;
    let id = unknown_id();
    assert!(bench.store.load(&id).await.unwrap().is_none());
    bench.store.delete(&id).await.unwrap();
    let revoked = bench.store.revoke_handle(&id.handle()).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (0, 1));
    let revoked = bench.store.revoke(App::USER_ID, "nobody").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (0, 0));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "nobody")
            .count()
            .await
            .unwrap(),
        0
    );
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn a_second_delete_and_a_save_after_delete_leave_no_item() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    session.visits += 1;
    assert!(matches!(
        bench.store.save(&mut session).await,
        Err(Error::Gone(_))
    ));
    assert!(bench.items().await.is_empty());
}

/// The response to a delete is lost, and the SDK sends it again: the second delete finds nothing.
#[tokio::test]
async fn a_delete_that_is_sent_twice_leaves_no_item() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.next("DeleteItem", Fault::LoseResponse);
    bench.store.delete(session.id()).await.unwrap();
    assert!(bench.items().await.is_empty());
}
