//! G10. A failed read is not a missing session. Absent, corrupt and unavailable are three different
//! results, and nothing is written after a failed read.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use session_store::{Error, SessionId};
use session_store_tests::{Fault, Item, TestBench, chain};

use crate::App;

#[tokio::test]
async fn an_absent_session_is_none() {
    let bench = TestBench::<App>::new().await;
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    assert!(bench.store.load(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_unavailable_engine_is_a_service_error() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let faults: [fn() -> Fault; 4] = [
        || Fault::Answer(500, "InternalServerError", "broken"),
        || Fault::Refuse,
        || Fault::LoseResponse,
        Fault::throttled,
    ];
    for fault in faults {
        bench.wire.clear();
        for _ in 0..3 {
            bench.wire.next("GetItem", fault());
        }
        match bench.store.load(session.id()).await {
            Err(Error::Service(error)) => {
                assert_eq!(error.operation(), "GetItem");
                assert!(error.is_retryable());
            }
            loaded => panic!("{loaded:?}"),
        }
        assert_eq!(
            bench.wire.operations(),
            ["GetItem"; 3],
            "nothing is written"
        );
    }
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Damages the item of a session. The error must have the path, neither a load nor a save of an older copy
/// may write, and the item must not change.
async fn expect_corrupt(path: &str, damage: impl FnOnce(&mut Item)) {
    let bench = TestBench::<App>::new().await;
    let mut session = bench
        .store
        .create(App {
            cart: vec![crate::Line::default(); 2],
            ..App::of("u-17")
        })
        .await
        .unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    damage(&mut item);
    bench.put(item.clone()).await;
    bench.wire.clear();

    match bench.store.load(session.id()).await {
        Err(error @ Error::Decode(_)) => {
            let Error::Decode(decode) = &error else {
                unreachable!()
            };
            assert_eq!(decode.path(), path, "{}", chain(&error));
            assert_eq!(decode.handle(), Some(session.handle()));
        }
        loaded => panic!("{path}: {loaded:?}"),
    }
    assert_eq!(bench.wire.operations(), ["GetItem"]);
    assert_eq!(bench.item(session.handle()).await.unwrap(), item);

    // The store itself needs this attribute: a save of an older copy must not replace it.
    if !path.starts_with("cart") && path != "theme" && path != "created_at" {
        session.theme = "dark".into();
        let saved = bench.store.save(&mut session).await;
        assert!(matches!(saved, Err(Error::Decode(_))), "{path}: {saved:?}");
        assert_eq!(bench.item(session.handle()).await.unwrap(), item);
    }
}

fn data(item: &mut Item) -> &mut Item {
    match item.get_mut("data") {
        Some(AttributeValue::M(data)) => data,
        data => panic!("{data:?}"),
    }
}

#[tokio::test]
async fn a_corrupt_item_is_a_decode_error_and_stays() {
    expect_corrupt("data", |item| drop(item.remove("data"))).await;
    expect_corrupt("data", |item| {
        drop(item.insert("data".into(), string("{}")))
    })
    .await;
    expect_corrupt("version", |item| drop(item.remove("version"))).await;
    expect_corrupt("version", |item| {
        drop(item.insert("version".into(), string("1")))
    })
    .await;
    expect_corrupt("version", |item| {
        let largest = AttributeValue::N(u64::MAX.to_string());
        drop(item.insert("version".into(), largest))
    })
    .await;
    expect_corrupt("writes", |item| drop(item.remove("writes"))).await;
    expect_corrupt("writes", |item| {
        drop(item.insert("writes".into(), AttributeValue::L(vec![])))
    })
    .await;
    expect_corrupt("expires_at", |item| drop(item.remove("expires_at"))).await;
    expect_corrupt("expires_at", |item| {
        drop(item.insert("expires_at".into(), string("soon")))
    })
    .await;
    expect_corrupt("created_at", |item| {
        drop(item.insert("created_at".into(), AttributeValue::N("1.5".into())))
    })
    .await;
    expect_corrupt("theme", |item| drop(data(item).remove("theme"))).await;
    expect_corrupt("theme", |item| {
        drop(data(item).insert("theme".into(), AttributeValue::Bool(true)))
    })
    .await;
    expect_corrupt("cart[1].qty", |item| {
        let Some(AttributeValue::L(cart)) = data(item).get_mut("cart") else {
            panic!()
        };
        let AttributeValue::M(line) = &mut cart[1] else {
            panic!()
        };
        line.insert("qty".into(), string("many"));
    })
    .await;
    expect_corrupt("cart[0].sku", |item| {
        let Some(AttributeValue::L(cart)) = data(item).get_mut("cart") else {
            panic!()
        };
        let AttributeValue::M(line) = &mut cart[0] else {
            panic!()
        };
        line.remove("sku");
    })
    .await;
}

/// A format of a later version of this crate: it is neither read nor overwritten.
#[tokio::test]
async fn an_unknown_format_is_a_decode_error_and_stays() {
    expect_corrupt("format", |item| {
        item.insert("format".into(), string("zstd"));
        item.insert("data".into(), AttributeValue::B(Blob::new([1, 2, 3])));
    })
    .await;
}

#[tokio::test]
async fn an_expired_session_is_absent_however_corrupt() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    item.remove("data");
    bench.put(item).await;
    bench.clock.advance(std::time::Duration::from_secs(31 * 60));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// An option of the store: after a deploy that cannot read old sessions, users log in again.
#[tokio::test]
async fn an_unreadable_session_can_count_as_absent() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    data(&mut item).remove("theme");
    bench.put(item.clone()).await;
    let store = session_store::DynamoDbStore::<App>::builder()
        .client(bench.store.client().clone())
        .table_name(bench.store.table_name())
        .unreadable(session_store::Unreadable::Absent)
        .build()
        .await
        .unwrap();
    assert!(store.load(session.id()).await.unwrap().is_none());
    assert!(matches!(
        store.update(session.id(), |app| app.visits += 1).await,
        Err(Error::Gone(_))
    ));
    assert_eq!(
        bench.item(session.handle()).await.unwrap(),
        item,
        "the item stays"
    );
    bench
        .wire
        .next("GetItem", Fault::Answer(400, "AccessDeniedException", "no"));
    assert!(
        store.load(session.id()).await.is_err(),
        "a failed read is still an error"
    );
}
