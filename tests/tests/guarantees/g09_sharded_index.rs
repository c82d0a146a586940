//! G9 and G14 for a default index with shards: all sessions of a value are found, newest first, in
//! whichever shard they are, and the store's own attribute never disagrees with the promoted one.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{
    Attribute, AttributeValue, Error, Schema, Session, SessionAttributes, SessionHandle,
};
use session_store_tests::{Bench, Fault, Item, endpoint};

const SHARDS: usize = 4;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Sharded {
    #[dynamo(attr = "tenant", index(shards = 4))]
    tenant: Option<String>,
    #[dynamo(attr = "number", index(shards = 2))]
    number: Option<i64>,
    theme: String,
}

impl Sharded {
    fn of(tenant: &str) -> Self {
        Self {
            tenant: Some(tenant.to_owned()),
            ..Self::default()
        }
    }
}

/// The same before its index had shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Plain {
    #[dynamo(attr = "tenant", index(name = "by-tenant"))]
    tenant: Option<String>,
    theme: String,
}

async fn log_in(bench: &Bench<Sharded>, tenant: &str, sessions: usize) -> Vec<Session<Sharded>> {
    let mut all = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        bench.clock.advance(Duration::from_millis(1));
        all.push(bench.store.create(Sharded::of(tenant)).await.unwrap());
    }
    all
}

async fn listed(bench: &Bench<Sharded>, tenant: &str) -> Vec<SessionHandle> {
    let all = bench.store.sessions(Sharded::TENANT, tenant).all();
    let all = all.await.unwrap();
    all.iter().map(|session| session.handle()).collect()
}

fn newest_first(sessions: &[Session<Sharded>]) -> Vec<SessionHandle> {
    sessions.iter().rev().map(Session::handle).collect()
}

fn text(item: &Item, name: &str) -> Option<String> {
    Some(item.get(name)?.as_s().unwrap().clone())
}

async fn shard(bench: &Bench<Sharded>, handle: SessionHandle) -> Option<String> {
    text(&bench.item(handle).await.unwrap(), "tenant-shard")
}

fn count(bench: &Bench<Sharded>, operation: &str) -> usize {
    let operations = bench.wire.operations();
    operations.iter().filter(|name| *name == operation).count()
}

#[tokio::test]
async fn it_is_one_list_newest_first() {
    let bench = Bench::<Sharded>::new().await;
    let acme = log_in(&bench, "acme", 230).await;
    let other = log_in(&bench, "acme#1", 3).await;
    let mut shards = BTreeMap::<_, usize>::new();
    for item in bench.items().await {
        let shard = text(&item, "tenant-shard").unwrap();
        *shards.entry(shard).or_default() += 1;
    }
    for k in 0..SHARDS {
        assert!(shards[&format!("acme#{k}")] > 20, "{shards:?}");
    }

    assert_eq!(listed(&bench, "acme").await, newest_first(&acme));
    assert_eq!(listed(&bench, "acme#1").await, newest_first(&other));
    assert_eq!(listed(&bench, "acm").await, []);
    let count = bench.store.sessions(Sharded::TENANT, "acme").count();
    assert_eq!(count.await.unwrap(), 230);
}

#[tokio::test]
async fn a_limit_gives_the_newest_and_asks_each_shard_once() {
    let bench = Bench::<Sharded>::new().await;
    let acme = log_in(&bench, "acme", 60).await;
    let newest = newest_first(&acme);
    for limit in [1, 10, 40] {
        bench.wire.clear();
        let sessions = bench.store.sessions(Sharded::TENANT, "acme").limit(limit);
        let sessions = sessions.all().await.unwrap();
        let handles: Vec<_> = sessions.iter().map(|session| session.handle()).collect();
        assert_eq!(handles, newest[..limit]);
        assert_eq!(count(&bench, "Query"), SHARDS);
        assert_eq!(count(&bench, "BatchGetItem"), 1);
    }
}

#[tokio::test]
async fn shards_that_run_dry_are_read_further() {
    // Almost all lie in one shard, as after a change of their number.
    let bench = Bench::<Sharded>::new().await;
    let acme = log_in(&bench, "acme", 130).await;
    for (i, session) in acme.iter().enumerate() {
        let mut item = bench.item(session.handle()).await.unwrap();
        let k = if i == 60 { 3 } else { 0 };
        let shard = AttributeValue::S(format!("acme#{k}"));
        item.insert("tenant-shard".to_owned(), shard);
        bench.put(item).await;
    }
    assert_eq!(listed(&bench, "acme").await, newest_first(&acme));
    // Those that are left out of a page do not end the list.
    for session in &acme[20..] {
        let mut item = bench.item(session.handle()).await.unwrap();
        item.insert("expires_at".to_owned(), AttributeValue::N("1".to_owned()));
        bench.put(item).await;
    }
    let limited = bench.store.sessions(Sharded::TENANT, "acme").limit(5);
    let handles: Vec<_> = limited.all().await.unwrap();
    let handles: Vec<_> = handles.iter().map(|session| session.handle()).collect();
    assert_eq!(handles, newest_first(&acme[15..20]));
}

#[tokio::test]
async fn a_query_that_fails_ends_the_listing() {
    let bench = Bench::<Sharded>::new().await;
    log_in(&bench, "acme", 5).await;
    for _ in 0..20 {
        bench.wire.next("Query", Fault::throttled());
    }
    let failed = bench.store.sessions(Sharded::TENANT, "acme").all().await;
    assert!(matches!(failed, Err(Error::Service(_))));
    bench.wire.clear();
    for _ in 0..20 {
        bench.wire.next("Query", Fault::throttled());
    }
    let failed = bench.store.revoke(Sharded::TENANT, "acme").await;
    assert!(matches!(failed, Err(Error::Service(_))));
    bench.wire.clear();
    assert_eq!(listed(&bench, "acme").await.len(), 5);
}

#[tokio::test]
async fn a_revocation_goes_through_all_shards() {
    let bench = Bench::<Sharded>::new().await;
    let acme = log_in(&bench, "acme", 40).await;
    let other = log_in(&bench, "umbrella", 3).await;
    let (spared, early) = (&acme[7], acme[20].created_at());
    let revoked = bench
        .store
        .revoke_created_before(Sharded::TENANT, "acme", early)
        .except(spared)
        .await
        .unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (19, 0));
    let mut left = newest_first(&acme[20..]);
    left.push(spared.handle());
    assert_eq!(listed(&bench, "acme").await, left);

    let mut told = 0;
    let revoked = bench
        .store
        .revoke(Sharded::TENANT, "acme")
        .sweep_after(Duration::from_millis(1))
        .on_progress(move |so_far| {
            told += 1;
            assert_eq!(so_far.deleted(), told);
        })
        .await
        .unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (21, 0));
    assert_eq!(listed(&bench, "acme").await, []);
    assert_eq!(listed(&bench, "umbrella").await, newest_first(&other));

    let only = bench.store.revoke(Sharded::TENANT, "umbrella");
    let only = only.only(other[0].handle()).await.unwrap();
    assert_eq!(only.deleted(), 1);
}

#[tokio::test]
async fn a_revocation_goes_through_all_pages_of_all_shards() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    struct Many {
        #[dynamo(attr = "tenant", index(shards = 10))]
        tenant: String,
    }

    let bench = Bench::<Many>::new().await;
    for _ in 0..60 {
        let tenant = "acme".to_owned();
        bench.store.create(Many { tenant }).await.unwrap();
    }
    // Each first page ends after two; what it shows of a session is its key in the index.
    for _ in 0..10 {
        let cut = Fault::edit(|answer| {
            let items = answer["Items"].as_array_mut().unwrap();
            if items.len() > 2 {
                items.truncate(2);
                answer["LastEvaluatedKey"] = items[1].clone();
            }
        });
        bench.wire.next("Query", cut);
    }
    let revoked = bench.store.revoke(Many::TENANT, "acme").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (60, 0));
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn it_moves_with_its_value() {
    let bench = Bench::<Sharded>::new().await;
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
async fn a_new_id_is_in_one_shard() {
    let bench = Bench::<Sharded>::new().await;
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
async fn a_new_id_of_what_was_loaded_carries_no_old_shard_along() {
    let bench = Bench::<Sharded>::new().await;
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
async fn the_next_save_enters_what_a_binary_without_shards_stored() {
    let bench = Bench::<Sharded>::new().await;
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

    // It moves the session on, and knows of no shard.
    let moved = plain.update(old.id(), |app| app.tenant = Some("umbrella".into()));
    moved.await.unwrap();
    assert_eq!(listed(&bench, "acme").await, []);
    let mut session = bench.store.load(old.id()).await.unwrap().unwrap();
    session.theme = "light".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(listed(&bench, "umbrella").await, [old.handle()]);
}

#[tokio::test]
async fn a_shard_that_is_read_stays_and_another_is_mended() {
    let bench = Bench::<Sharded>::new().await;
    let sessions = log_in(&bench, "acme", 1).await;
    let handle = sessions[0].handle();
    let own = shard(&bench, handle).await.unwrap();
    for (stored, after) in [
        ("acme#0", "acme#0"),
        ("acme#3", "acme#3"),
        // Of an index that had more shards; and what no store writes.
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
    let bench = Bench::<Sharded>::new().await;
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
async fn keys_of_each_type() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    struct Bytes {
        #[dynamo(attr = "key", index(shards = 3))]
        key: Option<Vec<u8>>,
    }

    let bench = Bench::<Bytes>::new().await;
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

    let bench = Bench::<Sharded>::new().await;
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
    let bench = Bench::<Sharded>::new().await;
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
fn a_schema_by_hand_keeps_the_rules() {
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

fn expect(bench: &Bench<Sharded>, bill: &[(&str, f64)]) {
    let expected: Vec<_> = bill
        .iter()
        .map(|(op, units)| ((*op).to_owned(), *units))
        .collect();
    assert_eq!(bench.wire.bill(), expected);
}

#[tokio::test]
async fn g14_it_costs_a_query_for_each_shard_and_no_more_to_write() {
    let bench = Bench::<Sharded>::new().await;
    bench.wire.meter();
    let mut session = bench.store.create(Sharded::of("acme")).await.unwrap();
    expect(&bench, &[("PutItem", 1.0 + 1.0)]);
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0)]);
    session.tenant = Some("umbrella".into());
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0 + 2.0)]);
    session.tenant = None;
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0 + 1.0)]);
    bench.store.delete(session.id()).await.unwrap();
    expect(&bench, &[("DeleteItem", 1.0)]);

    log_in(&bench, "acme", 100).await;
    bench.wire.bill();
    assert_eq!(listed(&bench, "acme").await.len(), 100);
    let bill = bench.wire.bill();
    let (details, queries) = bill.split_last().unwrap();
    assert_eq!(*details, ("BatchGetItem".to_owned(), 100.0));
    assert_eq!(*queries, vec![("Query".to_owned(), 0.5); SHARDS]);

    // DynamoDB Local 3.3.0 bills nothing for a query that finds nothing, and AWS half a unit.
    let nothing = ("Query", if endpoint().is_some() { 0.0 } else { 0.5 });
    assert_eq!(listed(&bench, "nobody").await, []);
    expect(&bench, &[nothing; SHARDS]);
    let session = bench.store.create(Sharded::of("umbrella")).await.unwrap();
    bench.wire.bill();
    let revoked = bench.store.revoke(Sharded::TENANT, "umbrella").await;
    assert_eq!(revoked.unwrap().deleted(), 1);
    let bill = bench.wire.bill();
    let queries: f64 = bill[..SHARDS].iter().map(|(_, units)| units).sum();
    assert_eq!(queries, 0.5 + (SHARDS - 1) as f64 * nothing.1);
    assert_eq!(bill[SHARDS..], [("DeleteItem".to_owned(), 2.0)]);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}
