//! G10 and G13 with answers that come too late, or when a test says so.

use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use session_store::DynamoDbStore;
use session_store_tests::{Fault, TestBench};

use crate::App;
use crate::g13_torn_answers::{is_unknown, stored};

/// A store whose client waits 50 ms for an answer, and does not try again.
async fn impatient(bench: &TestBench<App>) -> DynamoDbStore<App> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(50))
        .build();
    let retry = aws_sdk_dynamodb::config::retry::RetryConfig::disabled();
    let config = bench.store.client().config().to_builder();
    let config = config.timeout_config(timeouts).retry_config(retry).build();
    let builder = DynamoDbStore::builder().client(aws_sdk_dynamodb::Client::from_conf(config));
    let store = builder.table_name(bench.store.table_name()).build().await;
    store.unwrap()
}

#[tokio::test]
async fn an_answer_after_the_time_out_fails_the_read_and_leaves_the_write_unknown() {
    let bench = TestBench::<App>::new().await;
    let store = impatient(&bench).await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let never = || Fault::delayed(Duration::from_secs(3600));

    bench.wire.every("GetItem", never);
    is_unknown(store.load(session.id()).await, "load");
    bench.wire.restore("GetItem");

    for operation in ["PutItem", "UpdateItem", "TransactWriteItems", "DeleteItem"] {
        bench.wire.every(operation, never);
    }
    session.visits = 1;
    is_unknown(store.save(&mut session).await, "save");
    assert_eq!(stored(&bench, session.id()).await.visits, 1);
    is_unknown(
        store.update(session.id(), |app| app.visits += 1).await,
        "update",
    );
    assert_eq!(stored(&bench, session.id()).await.visits, 2);
    is_unknown(store.create(App::of("u-18")).await, "create");
    let other = bench.store.load(session.id()).await.unwrap().unwrap();
    let mut cycled = other;
    is_unknown(store.cycle_id(&mut cycled).await, "cycle_id");
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
    bench.wire.restore("TransactWriteItems");
    store.cycle_id(&mut cycled).await.unwrap();
    is_unknown(store.delete(cycled.id()).await, "delete");
    assert!(bench.store.load(cycled.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_held_answer_comes_when_it_is_released() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let id = session.id().clone();
    let (fault, mut held) = Fault::held();
    bench.wire.next("UpdateItem", fault);
    let store = bench.store.clone();
    let saving = tokio::spawn(async move {
        session.visits = 1;
        store.save(&mut session).await
    });
    held.carried_out().await;
    assert_eq!(stored(&bench, &id).await.visits, 1);
    assert!(!saving.is_finished());
    held.release();
    saving.await.unwrap().unwrap();
}

#[tokio::test]
async fn every_request_meets_the_fault_until_it_is_restored() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.every("GetItem", || Fault::Refuse);
    for _ in 0..5 {
        assert!(bench.store.load(session.id()).await.is_err());
    }
    // One fault of a request comes first, and other operations meet none.
    bench.wire.every("GetItem", Fault::throttled);
    bench.wire.next("GetItem", Fault::delayed(Duration::ZERO));
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    assert!(bench.store.load(session.id()).await.is_err());
    bench.store.delete(session.id()).await.unwrap();
    bench.wire.restore("GetItem");
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}
