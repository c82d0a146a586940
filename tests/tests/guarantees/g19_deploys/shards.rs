//! A default index that gets shards or loses them, or has another number of them.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes};
use session_store_tests::TestBench;

use super::{is_live, listed, revoked, visit};

version! {
    /// The table with the indexes of all versions.
    struct Table {
        #[dynamo(attr = "tenant", index)]
        tenant: Option<String>,
        #[dynamo(attr = "tenant-shard", index(name = "tenant-shards"))]
        shard: Option<String>,
    }
}

version! {
    struct Unsharded {
        #[dynamo(attr = "tenant", index)]
        tenant: Option<String>,
        visits: u64,
    }
}

version! {
    struct Two {
        #[dynamo(attr = "tenant", index(name = "tenant-shards", shards = 2))]
        tenant: Option<String>,
        visits: u64,
    }
}

version! {
    struct Eight {
        #[dynamo(attr = "tenant", index(name = "tenant-shards", shards = 8))]
        tenant: Option<String>,
        visits: u64,
    }
}

/// Enough that some are in a shard that `Two` does not read.
const MANY: usize = 16;

async fn many<S: super::Version>(store: &DynamoDbStore<S>, session: S) -> Vec<Session<S>> {
    let mut sessions = Vec::new();
    for _ in 0..MANY {
        sessions.push(store.create(session.clone()).await.unwrap());
    }
    sessions
}

fn acme<S: Default>(set: impl FnOnce(&mut S)) -> S {
    let mut session = S::default();
    set(&mut session);
    session
}

fn unsharded() -> Unsharded {
    acme(|session: &mut Unsharded| session.tenant = Some("acme".into()))
}

fn eight() -> Eight {
    acme(|session: &mut Eight| session.tenant = Some("acme".into()))
}

fn two() -> Two {
    acme(|session: &mut Two| session.tenant = Some("acme".into()))
}

#[tokio::test]
async fn an_index_that_gets_shards_has_a_session_from_its_next_visit() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Unsharded>().await, bench.other::<Two>().await);
    let session = old.create(unsharded()).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, Two::TENANT, "acme").await, 1);
    assert_eq!(revoked(&new, Two::TENANT, "acme").await, 1);
    assert!(!is_live(&new, session.id()).await);
}

#[tokio::test]
async fn while_both_run_the_shards_follow_the_old_binary_at_the_next_visit() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Unsharded>().await, bench.other::<Two>().await);
    let mut session = old.create(unsharded()).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    session.tenant = Some("umbrella".into());
    old.save(&mut session).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, Two::TENANT, "acme").await, 0);
    assert_eq!(listed(&new, Two::TENANT, "umbrella").await, 1);
    // The other way round, nothing is to be mended: the attribute is the same.
    let mut session = new.load(session.id()).await.unwrap().unwrap();
    session.tenant = Some("acme".into());
    new.save(&mut session).await.unwrap();
    assert_eq!(listed(&old, Unsharded::TENANT, "acme").await, 1);
}

#[tokio::test]
async fn an_index_that_loses_its_shards_misses_nothing_and_can_get_them_again() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Two>().await, bench.other::<Unsharded>().await);
    let sessions = many(&old, two()).await;
    assert_eq!(listed(&new, Unsharded::TENANT, "acme").await, MANY);
    // The new one moves a session, and does not know the shard.
    let mut session = new.load(sessions[0].id()).await.unwrap().unwrap();
    session.tenant = Some("umbrella".into());
    new.save(&mut session).await.unwrap();
    // Rolled back.
    visit(&old, session.id()).await.unwrap();
    assert_eq!(listed(&old, Two::TENANT, "acme").await, MANY - 1);
    assert_eq!(listed(&old, Two::TENANT, "umbrella").await, 1);
}

#[tokio::test]
async fn more_shards_miss_no_session_that_is_there() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Two>().await, bench.other::<Eight>().await);
    let sessions = many(&old, two()).await;
    assert_eq!(listed(&new, Eight::TENANT, "acme").await, MANY);
    bench.wire.clear();
    visit(&new, sessions[0].id()).await.unwrap();
    assert_eq!(
        bench.wire.operations(),
        ["GetItem"],
        "there is nothing to mend"
    );
    assert_eq!(revoked(&new, Eight::TENANT, "acme").await, MANY);
}

/// Old binaries do not read the added shards: a visit to one of them brings the session back.
#[tokio::test]
async fn while_both_run_the_fewer_shards_have_what_their_binary_has_visited() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Two>().await, bench.other::<Eight>().await);
    let sessions = many(&new, eight()).await;
    assert!(listed(&old, Two::TENANT, "acme").await < MANY);
    for session in &sessions {
        visit(&old, session.id()).await.unwrap();
    }
    assert_eq!(listed(&old, Two::TENANT, "acme").await, MANY);
    assert_eq!(listed(&new, Eight::TENANT, "acme").await, MANY);
}

#[tokio::test]
async fn fewer_shards_have_each_session_from_its_next_visit() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Eight>().await, bench.other::<Two>().await);
    let sessions = many(&old, eight()).await;
    for session in &sessions {
        visit(&new, session.id()).await.unwrap();
    }
    assert_eq!(revoked(&new, Two::TENANT, "acme").await, MANY);
    for session in &sessions {
        assert!(!is_live(&old, session.id()).await);
    }
}

/// A session in a shard that is gone, which no binary reads, logs out.
#[tokio::test]
async fn a_log_out_takes_the_shard_away_with_the_value() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (bench.other::<Eight>().await, bench.other::<Two>().await);
    for session in many(&old, eight()).await {
        let mut session = new.load(session.id()).await.unwrap().unwrap();
        session.tenant = None;
        new.save(&mut session).await.unwrap();
        let item = bench.item(session.handle()).await.unwrap();
        assert!(!item.contains_key("tenant") && !item.contains_key("tenant-shard"));
    }
}
