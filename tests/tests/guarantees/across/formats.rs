//! The guarantees if `data` is bytes: G1, G3, G4, G7, G10, G11, G13 and G14, and a change of format on a
//! live table.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, Item, TestBench};

/// Three types with the same fields, that differ in how they are stored.
macro_rules! shapes {
    ($($name:ident: $option:literal $(, $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", idle_timeout = "30m", data = $option $(, compress = $compress)?)]
        #[serde(default)]
        struct $name {
            #[dynamo(attr = "user_id", index(consistent, limit = 3))]
            user_id: Option<String>,
            theme: String,
            visits: u64,
            profile: String,
        }
    )*};
}

shapes! {
    AsMap: "map";
    AsBytes: "binary";
    Compressed: "binary", "zstd";
    MapOrCompressed: "map", "zstd";
}

/// An older binary, which knows fewer fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "30m",
    data = "binary"
)]
#[serde(default)]
struct Old {
    theme: String,
}

fn profile() -> String {
    (0..60).map(|n| format!("interest number {n}; ")).collect()
}

fn format_of(item: &Item) -> Option<&str> {
    item.get("format")
        .map(|format| format.as_s().unwrap().as_str())
}

#[tokio::test]
async fn the_format_attribute_says_how_data_is_stored() {
    let bench = TestBench::<AsBytes>::new().await;
    let compressed = bench.other::<Compressed>().await;
    let either = bench.other::<MapOrCompressed>().await;

    let session = bench.store.create(AsBytes::default()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor"));
    let bytes = item["data"].as_b().unwrap().as_ref();
    assert_eq!(bytes[0], 0xa4, "a map of four entries in CBOR");
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(*loaded, AsBytes::default());

    let large = Compressed {
        profile: profile(),
        ..Compressed::default()
    };
    let session = compressed.create(large.clone()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor+zstd"));
    assert!(item["data"].as_b().unwrap().as_ref().len() < large.profile.len() / 2);
    let loaded = compressed.load(session.id()).await.unwrap().unwrap();
    assert_eq!(*loaded, large);

    let session = compressed.create(Compressed::default()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor"), "too small to compress");

    let mut session = either.create(MapOrCompressed::default()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), None);
    assert!(item["data"].is_m());
    session.profile = profile();
    either.save(&mut session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor+zstd"));
    session.profile.clear();
    either.save(&mut session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), None);
    assert!(item["data"].is_m());
}

#[tokio::test]
async fn a_refresh_of_bytes_keeps_unsaved_changes() {
    let bench = TestBench::<AsBytes>::new().await;
    let mut session = bench.store.create(AsBytes::default()).await.unwrap();
    let add = |session: &mut AsBytes| session.visits += 1;
    bench.store.update(session.id(), add).await.unwrap();

    session.theme = "dark".into();
    bench.store.refresh(&mut session).await.unwrap();
    assert_eq!((session.theme.as_str(), session.visits), ("dark", 1));
    bench.store.save(&mut session).await.unwrap();
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((loaded.theme.as_str(), loaded.visits), ("dark", 1));
}

#[tokio::test]
async fn a_type_changes_its_format_on_a_live_table() {
    let bench = TestBench::<AsMap>::new().await;
    let bytes = bench.other::<AsBytes>().await;

    let session = bench.store.create(AsMap::default()).await.unwrap();
    let mut by_bytes = bytes.load(session.id()).await.unwrap().unwrap();
    bytes.touch(&mut by_bytes).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert!(item["data"].is_m(), "its format stays until it is saved");
    by_bytes.theme = "dark".into();
    bytes.save(&mut by_bytes).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor"));

    // An instance that was not deployed yet reads it, and stores it in its own format.
    let mut by_map = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(by_map.theme, "dark");
    bench.clock.advance(Duration::from_secs(600));
    bench.store.touch(&mut by_map).await.unwrap();
    by_map.visits = 1;
    bench.store.save(&mut by_map).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(format_of(&item), None);
    assert!(item["data"].is_m());

    bytes.cycle_id(&mut by_bytes).await.unwrap();
    assert_eq!((by_bytes.visits, &*by_bytes.theme), (1, "dark"));
    let item = bench.item(by_bytes.handle()).await.unwrap();
    assert_eq!(format_of(&item), Some("cbor"));
}

/// G3: copies in every format, loaded before any of them was saved.
#[tokio::test]
async fn copies_in_different_formats_that_change_different_fields_all_survive() {
    let bench = TestBench::<AsMap>::new().await;
    let bytes = bench.other::<AsBytes>().await;
    let compressed = bench.other::<MapOrCompressed>().await;
    let session = bench.store.create(AsMap::default()).await.unwrap();
    let id = session.id().clone();

    let mut map = session;
    let mut byte = bytes.load(&id).await.unwrap().unwrap();
    let mut other = bytes.load(&id).await.unwrap().unwrap();
    let mut large = compressed.load(&id).await.unwrap().unwrap();
    byte.theme = "dark".into();
    bytes.save(&mut byte).await.unwrap();
    map.visits = 7;
    bench.store.save(&mut map).await.unwrap();
    large.profile = profile();
    compressed.save(&mut large).await.unwrap();
    other.user_id = Some("u-17".into());
    bytes.save(&mut other).await.unwrap();

    let loaded = bench.store.load(&id).await.unwrap().unwrap();
    let expected = AsMap {
        user_id: Some("u-17".into()),
        theme: "dark".into(),
        visits: 7,
        profile: profile(),
    };
    assert_eq!(*loaded, expected);
    let listed = bytes
        .sessions(AsBytes::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn a_counter_in_bytes_loses_no_increment() {
    let bench = TestBench::<AsBytes>::new().await;
    let session = bench.store.create(AsBytes::default()).await.unwrap();
    let add = |_| {
        let (store, id) = (bench.store.clone(), session.id().clone());
        tokio::spawn(async move { store.update(&id, |session| session.visits += 1).await })
    };
    for added in (0..10).map(add).collect::<Vec<_>>() {
        added.await.unwrap().unwrap();
    }
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(loaded.visits, 10);
}

/// G4.
#[tokio::test]
async fn fields_unknown_to_an_old_binary_survive_in_bytes() {
    let bench = TestBench::<AsBytes>::new().await;
    let old = bench.other::<Old>().await;
    let data = AsBytes {
        user_id: Some("u-17".into()),
        visits: 3,
        ..AsBytes::default()
    };
    let session = bench.store.create(data).await.unwrap();
    let mut by_old = old.load(session.id()).await.unwrap().unwrap();
    by_old.theme = "dark".into();
    old.save(&mut by_old).await.unwrap();
    old.cycle_id(&mut by_old).await.unwrap();
    let loaded = bench.store.load(by_old.id()).await.unwrap().unwrap();
    assert_eq!((loaded.visits, &*loaded.theme), (3, "dark"));
    assert_eq!(loaded.user_id.as_deref(), Some("u-17"));
}

/// G1, G7.
#[tokio::test]
async fn an_ended_session_in_bytes_takes_no_writes() {
    let bench = TestBench::<AsBytes>::new().await;
    let session = bench.store.create(AsBytes::default()).await.unwrap();
    let mut copy = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.delete(session.id()).await.unwrap();
    copy.theme = "dark".into();
    assert!(matches!(
        bench.store.save(&mut copy).await,
        Err(Error::Gone(_))
    ));
    assert!(matches!(
        bench.store.cycle_id(&mut copy).await,
        Err(Error::Gone(_))
    ));
    bench.clock.advance(Duration::from_secs(600));
    assert!(matches!(
        bench.store.touch(&mut copy).await,
        Err(Error::Gone(_))
    ));
    assert!(bench.items().await.is_empty());
}

/// G13.
#[tokio::test]
async fn a_save_in_bytes_whose_response_was_lost_is_not_applied_again() {
    let bench = TestBench::<AsBytes>::new().await;
    let mut session = bench.store.create(AsBytes::default()).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            let change = |session: &mut AsBytes| session.theme = "newer".into();
            store.update(&id, change).await.unwrap();
        }),
    );
    session.theme = "older".into();
    bench.store.save(&mut session).await.unwrap();
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(loaded.theme, "newer");
    assert_eq!(loaded.version(), 3);
}

/// G10, G11.
#[tokio::test]
async fn bytes_that_are_not_a_session_are_an_error_and_unchanged() {
    let bench = TestBench::<AsBytes>::new().await;
    let session = bench.store.create(AsBytes::default()).await.unwrap();
    let good = bench.item(session.handle()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.into());
    let bytes = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes));
    for (name, value, path) in [
        ("data", bytes(b""), "data"),
        ("data", bytes(&[0xff; 20]), "data"),
        ("data", text("no map"), "data"),
        ("format", text("cbor+zstd"), "data"),
        ("format", text("tomorrow's"), "format"),
        ("format", AttributeValue::N("1".into()), "format"),
    ] {
        let mut bad = good.clone();
        bad.insert(name.into(), value);
        // Another program wrote it.
        bad.insert("version".into(), AttributeValue::N("2".into()));
        bench.put(bad.clone()).await;

        let unreadable = |result: Result<(), Error>| match result {
            Err(Error::Decode(error)) => assert_eq!(error.path(), path),
            other => panic!("{name}: {other:?}"),
        };
        let loaded = bench.store.load(session.id()).await;
        unreadable(loaded.map(drop));
        let update = |session: &mut AsBytes| session.visits += 1;
        unreadable(bench.store.update(session.id(), update).await);
        assert_eq!(bench.item(session.handle()).await.unwrap(), bad);
    }
}

/// G11: the stored size counts.
#[tokio::test]
async fn too_large_is_judged_by_the_packed_size() {
    let bench = TestBench::<Compressed>::new().await;
    let data = Compressed {
        profile: "a".repeat(1 << 20),
        ..Compressed::default()
    };
    let session = bench.store.create(data.clone()).await.unwrap();
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(*loaded, data);

    bench.wire.clear();
    let random = std::iter::repeat_with(fastrand::alphanumeric);
    let data = Compressed {
        profile: random.take(700_000).collect(),
        ..Compressed::default()
    };
    let Err(Error::TooLarge(error)) = bench.store.create(data).await else {
        panic!("it is stored");
    };
    assert_eq!(error.largest()[0].0, "profile");
    assert!(error.size().unwrap() > 400 * 1024);
    assert!(bench.wire.calls().is_empty(), "known before the call");
}

/// G14: a write of all data is also one request, and cheaper if the item is smaller.
#[tokio::test]
async fn the_cost_is_that_of_the_smaller_item() {
    let bench = TestBench::<Compressed>::new().await;
    let maps = bench.other::<AsMap>().await;
    bench.wire.meter();
    let mut session = bench
        .store
        .create(Compressed {
            profile: profile().repeat(2),
            ..Compressed::default()
        })
        .await
        .unwrap();
    session.visits = 1;
    bench.store.save(&mut session).await.unwrap();
    bench.store.load(session.id()).await.unwrap();
    let bill = |bill: &[(&str, f64)]| -> Vec<(String, f64)> {
        bill.iter()
            .map(|(op, units)| ((*op).to_owned(), *units))
            .collect()
    };
    let calls = [("PutItem", 1.0), ("UpdateItem", 1.0), ("GetItem", 1.0)];
    assert_eq!(bench.wire.bill(), bill(&calls));

    let mut session = maps
        .create(AsMap {
            profile: profile().repeat(2),
            ..AsMap::default()
        })
        .await
        .unwrap();
    session.visits = 1;
    maps.save(&mut session).await.unwrap();
    assert_eq!(
        bench.wire.bill(),
        bill(&[("PutItem", 3.0), ("UpdateItem", 3.0)])
    );
}
