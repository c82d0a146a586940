//! G12. No control-plane calls at run time.

use session_store_tests::TestBench;

use crate::App;

#[tokio::test]
async fn no_operation_describes_or_changes_a_table() {
    let bench = TestBench::<App>::without_table().await;
    assert!(
        bench.wire.calls().is_empty(),
        "building a store sends nothing"
    );
    bench.store.create_table().await.unwrap();
    bench.wire.clear();

    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    session.visits += 1;
    bench.store.save(&mut session).await.unwrap();
    bench.store.load(session.id()).await.unwrap();
    bench
        .store
        .sessions(App::USER_ID, "u-17")
        .count()
        .await
        .unwrap();
    let _ = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    let _ = bench.store.revoke_handle(&session.handle()).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    assert_eq!(
        bench.wire.operations(),
        [
            "PutItem",
            "UpdateItem",
            "GetItem",
            "Query",
            "BatchGetItem",
            "Query",
            "DeleteItem",
            "DeleteItem",
            "DeleteItem"
        ],
    );
}
