//! The shard attribute follows the promoted one, whichever binary wrote the session.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use serde::{Deserialize, Serialize};
use session_store::{Attribute, AttributeValue, Error, Schema, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::{Sharded, listed, log_in, shard, text};

/// The same type before its index had shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Plain {
    #[dynamo(attr = "tenant", index(name = "by-tenant"))]
    tenant: Option<String>,
    theme: String,
}

#[tokio::test]
async fn the_shard_changes_with_the_value() {
    let bench = TestBench::<Sharded>::new().await;
    let mut sessions = log_in(&bench, "acme", 1).await;
    let session = &mut sessions[0];
    let before = shard(&bench, session.handle()).await.unwrap();
    session.tenant = Some("umbrella".into());
    bench.store.save(session).await.unwrap();
    let after = shard(&bench, session.handle()).await.unwrap();
    assert_eq!(before.replace("acme", "umbrella"), after);
    assert_eq!(listed(&bench, "acme").await, []);
    assert_eq!(listed(&bench, "umbrella").await, [session.handle()]);

    // The index of the old value still shows it.
    let key = serde_json::json!({ "id": { "S": session.handle().to_string() } });
    let still = Fault::edit(move |answer| {
        answer["Items"].as_array_mut().unwrap().push(key);
    });
    bench.wire.next("Query", still);
    let revoked = bench.store.revoke(Sharded::TENANT, "acme").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.moved()), (0, 1));

    session.tenant = None;
    bench.store.save(session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert!(!item.contains_key("tenant") && !item.contains_key("tenant-shard"));
    assert_eq!(listed(&bench, "umbrella").await, []);
    bench
        .store
        .update(session.id(), |app| app.tenant = Some("acme".into()))
        .await
        .unwrap();
    assert_eq!(listed(&bench, "acme").await, [session.handle()]);
}

#[tokio::test]
async fn a_session_with_a_new_id_is_in_one_shard() {
    let bench = TestBench::<Sharded>::new().await;
    for _ in 0..8 {
        let mut sessions = log_in(&bench, "acme", 1).await;
        let session = &mut sessions[0];
        bench.store.cycle_id(session).await.unwrap();
        assert_eq!(listed(&bench, "acme").await, [session.handle()]);
        session.tenant = None;
        bench.store.cycle_id(session).await.unwrap();
        assert_eq!(shard(&bench, session.handle()).await, None);
        assert_eq!(listed(&bench, "acme").await, []);
    }
}

#[tokio::test]
async fn a_new_id_of_a_loaded_session_drops_the_old_shard() {
    let bench = TestBench::<Sharded>::new().await;
    let sessions = log_in(&bench, "acme", 1).await;
    let mut item = bench.item(sessions[0].handle()).await.unwrap();
    item.insert("note".to_owned(), AttributeValue::S("kept".into()));
    bench.put(item).await;
    let loaded = bench.store.load(sessions[0].id()).await.unwrap();
    let mut session = loaded.unwrap();
    session.tenant = None;
    bench.store.cycle_id(&mut session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(text(&item, "note").as_deref(), Some("kept"));
    assert!(!item.contains_key("tenant-shard"));
}

#[tokio::test]
async fn the_next_save_adds_the_shard_that_an_older_binary_left_out() {
    let bench = TestBench::<Sharded>::new().await;
    let plain = bench.other::<Plain>().await;
    let old = Plain {
        tenant: Some("acme".into()),
        ..Plain::default()
    };
    let old = plain.create(old).await.unwrap();
    assert_eq!(listed(&bench, "acme").await, []);
    let mut session = bench.store.load(old.id()).await.unwrap().unwrap();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(listed(&bench, "acme").await, []);
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(listed(&bench, "acme").await, [old.handle()]);

    // The old binary changes the value, and does not know the shard.
    let moved = plain.update(old.id(), |app| app.tenant = Some("umbrella".into()));
    moved.await.unwrap();
    assert_eq!(listed(&bench, "acme").await, []);
    let mut session = bench.store.load(old.id()).await.unwrap().unwrap();
    session.theme = "light".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(listed(&bench, "umbrella").await, [old.handle()]);
}

#[tokio::test]
async fn a_valid_shard_is_kept_and_an_invalid_one_is_repaired() {
    let bench = TestBench::<Sharded>::new().await;
    let sessions = log_in(&bench, "acme", 1).await;
    let handle = sessions[0].handle();
    let own = shard(&bench, handle).await.unwrap();
    for (stored, after) in [
        ("acme#0", "acme#0"),
        ("acme#3", "acme#3"),
        // A shard of an index that had more shards, and values that no store writes.
        ("acme#4", &own),
        ("acme#03", &own),
        ("acme", &own),
        ("umbrella#0", &own),
    ] {
        let mut item = bench.item(handle).await.unwrap();
        let shard_was = AttributeValue::S(stored.to_owned());
        item.insert("tenant-shard".to_owned(), shard_was);
        bench.put(item).await;
        let mut session = bench.store.load(sessions[0].id()).await.unwrap().unwrap();
        session.theme.push('x');
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(shard(&bench, handle).await.as_deref(), Some(after));
        assert_eq!(listed(&bench, "acme").await, [handle]);
    }
}

#[tokio::test]
async fn a_create_that_begins_again_is_found() {
    let bench = TestBench::<Sharded>::new().await;
    for _ in 0..8 {
        bench.wire.next("PutItem", Fault::LoseResponse);
        let mut session = bench.store.create(Sharded::of("acme")).await.unwrap();
        assert_eq!(listed(&bench, "acme").await, [session.handle()]);
        let kept = shard(&bench, session.handle()).await;
        session.theme = "dark".into();
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(shard(&bench, session.handle()).await, kept);
        bench.store.delete(session.id()).await.unwrap();
    }
}

#[tokio::test]
async fn byte_and_number_keys_are_sharded_too() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "app")]
    struct Bytes {
        #[dynamo(attr = "key", index(shards = 3))]
        key: Option<Vec<u8>>,
    }

    let bench = TestBench::<Bytes>::new().await;
    let key = vec![0xff, 0x00, b'#'];
    let data = Bytes {
        key: Some(key.clone()),
    };
    let session = bench.store.create(data).await.unwrap();
    let shard = text(&bench.item(session.handle()).await.unwrap(), "key-shard").unwrap();
    assert_eq!(shard.split_once('#').unwrap().0, "_wAj");
    let found = bench.store.sessions(Bytes::KEY, key.clone()).all().await;
    assert_eq!(found.unwrap()[0].handle(), session.handle());
    let revoked = bench.store.revoke(Bytes::KEY, key).await.unwrap();
    assert_eq!(revoked.deleted(), 1);

    let bench = TestBench::<Sharded>::new().await;
    let data = Sharded {
        number: Some(-17),
        ..Sharded::default()
    };
    let session = bench.store.create(data).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["number"], AttributeValue::N("-17".into()));
    let shards = BTreeSet::from(["-17#0".to_owned(), "-17#1".to_owned()]);
    assert!(shards.contains(&text(&item, "number-shard").unwrap()));
    assert!(!item.contains_key("tenant-shard"));
    let found = bench.store.sessions(Sharded::NUMBER, -17).count().await;
    assert_eq!(found.unwrap(), 1);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_known_before_the_call() {
    let bench = TestBench::<Sharded>::new().await;
    let longest = "x".repeat(2048 - "#3".len());
    bench.store.create(Sharded::of(&longest)).await.unwrap();
    assert_eq!(listed(&bench, &longest).await.len(), 1);
    bench.wire.clear();
    let refused = bench
        .store
        .create(Sharded::of(&format!("{longest}x")))
        .await;
    let Err(Error::Encode(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.path(), "tenant");
    assert!(bench.wire.operations().is_empty());
}

#[test]
fn a_handwritten_schema_is_checked_for_clashing_names_and_shard_counts() {
    const fn sharded(name: &'static str, shard: &'static str) -> Attribute {
        Attribute::index::<String>(name).sharded(4, shard)
    }
    const NAMES: &[(&[Attribute], bool)] = &[
        (&[sharded("a", "b"), sharded("c", "d")], true),
        (&[sharded("a", "a")], false),
        (&[sharded("a", "")], false),
        (&[sharded("a", "version")], false),
        (&[sharded("a", "sk")], false),
        (&[sharded("a", "b"), sharded("c", "b")], false),
        (&[sharded("a", "b"), Attribute::promoted("b")], false),
        (&[Attribute::promoted("b"), sharded("a", "b")], false),
        (&[sharded("a", "b").consistent()], false),
    ];
    for (attributes, fits) in NAMES {
        let schema = Schema::new("tests").sort_key("sk", "SESSION");
        let checked = catch_unwind(|| schema.attributes(attributes).checked());
        assert_eq!(checked.is_ok(), *fits, "{attributes:?}");
    }
    for (shards, fits) in [(0, false), (1, false), (2, true), (100, true), (101, false)] {
        let index = Attribute::index::<String>("a");
        let sharded = catch_unwind(|| index.sharded(shards, "b"));
        assert_eq!(sharded.is_ok(), fits, "{shards}");
    }
}
