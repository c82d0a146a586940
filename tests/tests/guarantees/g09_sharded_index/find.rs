//! Listing and revoking go through all shards of a value, at a known cost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{AttributeValue, Error, SessionAttributes};
use session_store_tests::{Fault, TestBench, endpoint};

use super::{SHARDS, Sharded, listed, log_in, newest_first, text};

fn count(bench: &TestBench<Sharded>, operation: &str) -> usize {
    let operations = bench.wire.operations();
    operations.iter().filter(|name| *name == operation).count()
}

#[tokio::test]
async fn all_shards_are_listed_as_one_newest_first() {
    let bench = TestBench::<Sharded>::new().await;
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
    let bench = TestBench::<Sharded>::new().await;
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
async fn a_shard_is_queried_again_when_its_page_is_used_up() {
    // Almost all are in one shard, as after a change of the number of shards.
    let bench = TestBench::<Sharded>::new().await;
    let acme = log_in(&bench, "acme", 130).await;
    for (i, session) in acme.iter().enumerate() {
        let mut item = bench.item(session.handle()).await.unwrap();
        let k = if i == 60 { 3 } else { 0 };
        let shard = AttributeValue::S(format!("acme#{k}"));
        item.insert("tenant-shard".to_owned(), shard);
        bench.put(item).await;
    }
    assert_eq!(listed(&bench, "acme").await, newest_first(&acme));
    // Sessions that are left out of a page do not end the list.
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
    let bench = TestBench::<Sharded>::new().await;
    log_in(&bench, "acme", 5).await;
    for _ in 0..20 {
        bench.wire.next("Query", Fault::throttled());
    }
    let failed = bench.store.sessions(Sharded::TENANT, "acme").all().await;
    assert!(matches!(failed, Err(Error::Service(_))));
    bench.wire.clear();
    for _ in 0..20 {
        let denied = Fault::Answer(400, "AccessDeniedException", "no");
        bench.wire.next("Query", denied);
    }
    let failed = bench.store.revoke(Sharded::TENANT, "acme").await;
    assert!(matches!(failed, Err(Error::Service(_))));
    bench.wire.clear();
    assert_eq!(listed(&bench, "acme").await.len(), 5);
}

#[tokio::test]
async fn a_revocation_goes_through_all_shards() {
    let bench = TestBench::<Sharded>::new().await;
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

    let bench = TestBench::<Many>::new().await;
    for _ in 0..60 {
        let tenant = "acme".to_owned();
        bench.store.create(Many { tenant }).await.unwrap();
    }
    // Each first page ends after two sessions. It contains only their keys in the index.
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

fn expect(bench: &TestBench<Sharded>, bill: &[(&str, f64)]) {
    let expected: Vec<_> = bill
        .iter()
        .map(|(op, units)| ((*op).to_owned(), *units))
        .collect();
    assert_eq!(bench.wire.bill(), expected);
}

#[tokio::test]
async fn g14_reading_costs_a_query_for_each_shard_and_writing_no_more() {
    let bench = TestBench::<Sharded>::new().await;
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

    // For a query that finds nothing, DynamoDB Local 3.3.0 bills nothing, and AWS half a unit.
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
