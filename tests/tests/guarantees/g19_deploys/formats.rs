//! `data` as a map, as bytes and compressed, and a host that cannot read a format.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes, SessionId, Unreadable};
use session_store_tests::{Item, TestBench};

use super::{MINUTE, Version, is_live, listed, revoked, visit};

version! {
    #[dynamo(data = "map")]
    struct AsMap {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        visits: u64,
        text: String,
    }
}

version! {
    #[dynamo(data = "binary")]
    struct AsBytes {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        visits: u64,
        text: String,
    }
}

version! {
    #[dynamo(compress = "zstd")]
    struct Compressed {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        visits: u64,
        text: String,
    }
}

fn format_of(item: &Item) -> &str {
    match item.get("format") {
        None => "map",
        Some(format) => format.as_s().unwrap(),
    }
}

fn text() -> String {
    (0..60).map(|n| format!("interest number {n}; ")).collect()
}

async fn visits<S: Version>(store: &DynamoDbStore<S>, id: &SessionId, add: impl Fn(&mut S) + Send) {
    let mut session = visit(store, id).await.unwrap();
    add(&mut session);
    store.save(&mut session).await.unwrap();
    store.update(id, add).await.unwrap();
}

/// Map to bytes to compressed, with all three alive, and all the way back.
#[tokio::test]
async fn a_format_changes_step_by_step_and_back_and_loses_nothing() {
    let bench = TestBench::<AsMap>::new().await;
    let bytes = bench.other::<AsBytes>().await;
    let compressed = bench.other::<Compressed>().await;
    let session = AsMap {
        user_id: Some("u".into()),
        text: text(),
        ..AsMap::default()
    };
    let session = bench.store.create(session).await.unwrap();
    let id = session.id();
    for (step, format) in [
        (1, "cbor"),
        (0, "map"),
        (1, "cbor"),
        (2, "cbor+zstd"),
        (1, "cbor"),
        (2, "cbor+zstd"),
        (0, "map"),
    ] {
        match step {
            0 => visits(&bench.store, id, |session| session.visits += 1).await,
            1 => visits(&bytes, id, |session| session.visits += 1).await,
            _ => visits(&compressed, id, |session| session.visits += 1).await,
        }
        let item = bench.item(session.handle()).await.unwrap();
        assert_eq!(format_of(&item), format);
        assert_eq!(listed(&bench.store, AsMap::USER_ID, "u").await, 1);
        assert_eq!(listed(&compressed, Compressed::USER_ID, "u").await, 1);
    }
    let session = bench.store.load(id).await.unwrap().unwrap();
    assert_eq!((session.visits, &session.text), (14, &text()));
    assert_eq!(revoked(&bytes, AsBytes::USER_ID, "u").await, 1);
}

/// A visit stores no format: only a save does.
#[tokio::test]
async fn a_visit_leaves_the_format_as_it_is() {
    let bench = TestBench::<AsMap>::new().await;
    let bytes = bench.other::<AsBytes>().await;
    let session = bench.store.create(AsMap::default()).await.unwrap();
    bench.clock.advance(10 * MINUTE);
    visit(&bytes, session.id()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), "map");
}

/// The same for a host without the feature `zstd`, to which `cbor+zstd` is such a format.
#[tokio::test]
async fn a_host_that_cannot_read_a_format_changes_nothing_and_can_still_end_the_session() {
    let bench = TestBench::<AsBytes>::new().await;
    let session = AsBytes {
        user_id: Some("u".into()),
        ..AsBytes::default()
    };
    let mut session = bench.store.create(session).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert("format".into(), AttributeValue::S("tomorrow's".into()));
    item.insert("version".into(), AttributeValue::N("2".into()));
    bench.put(item.clone()).await;

    let decode = |result: Result<(), Error>| match result {
        Err(Error::Decode(error)) => assert_eq!(error.path(), "format"),
        other => panic!("{other:?}"),
    };
    decode(bench.store.load(session.id()).await.map(drop));
    session.visits = 1;
    decode(bench.store.save(&mut session).await);
    decode(bench.store.cycle_id(&mut session).await);
    assert_eq!(bench.item(session.handle()).await.unwrap(), item);

    let builder = DynamoDbStore::<AsBytes>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let lenient = builder.unreadable(Unreadable::Absent).build();
    let lenient = lenient.await.unwrap();
    assert!(!is_live(&lenient, session.id()).await);
    assert_eq!(listed(&bench.store, AsBytes::USER_ID, "u").await, 1);
    assert_eq!(revoked(&bench.store, AsBytes::USER_ID, "u").await, 1);
    assert_eq!(bench.item(session.handle()).await, None);
}
