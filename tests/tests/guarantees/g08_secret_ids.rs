//! G8. Ids are secret: only the store creates them, and they are in no item, log, span, `Debug`, `Display`
//! or error. The store never adopts an id that it did not create. (`../telemetry/logs.rs` tests the logs.)

use session_store::SessionId;
use session_store_tests::{Fault, TestBench};

use crate::App;

#[tokio::test]
async fn an_id_from_elsewhere_is_not_adopted() {
    let bench = TestBench::<App>::new().await;
    let planted = SessionId::parse(&"A".repeat(43)).unwrap();
    assert!(bench.store.load(&planted).await.unwrap().is_none());
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    assert_ne!(session.id(), &planted);
    assert!(bench.store.load(&planted).await.unwrap().is_none());
    // The handle in the table is not valid as an id, either.
    let handle = SessionId::parse(&session.handle().to_string()).unwrap();
    assert!(bench.store.load(&handle).await.unwrap().is_none());
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_used() {
    let bench = TestBench::<App>::new().await;
    bench.wire.next(
        "PutItem",
        Fault::Answer(400, "ConditionalCheckFailedException", "taken"),
    );
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let puts = bench.wire.calls();
    assert_eq!(puts.len(), 2);
    assert_ne!(puts[0].input["Item"]["id"], puts[1].input["Item"]["id"]);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    for put in puts {
        assert!(
            put.input["ConditionExpression"]
                .as_str()
                .unwrap()
                .contains("attribute_not_exists")
        );
    }
}

#[tokio::test]
async fn ids_are_random() {
    let bench = TestBench::<App>::new().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let session = bench.store.create(App::default()).await.unwrap();
        assert_eq!(session.id().expose().len(), 43);
        assert!(ids.insert(session.id().expose()));
    }
}
