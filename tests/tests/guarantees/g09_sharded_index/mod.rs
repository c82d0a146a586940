//! G9 and G14 for a default index with shards: all sessions of a value are found in all shards, newest
//! first, and the shard attribute always agrees with the promoted one.

mod find;
mod shard_attribute;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes, SessionHandle};
use session_store_tests::{Item, TestBench};

const SHARDS: usize = 4;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
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

async fn log_in(
    bench: &TestBench<Sharded>,
    tenant: &str,
    sessions: usize,
) -> Vec<Session<Sharded>> {
    let mut all = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        bench.clock.advance(Duration::from_millis(1));
        all.push(bench.store.create(Sharded::of(tenant)).await.unwrap());
    }
    all
}

async fn listed(bench: &TestBench<Sharded>, tenant: &str) -> Vec<SessionHandle> {
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

async fn shard(bench: &TestBench<Sharded>, handle: SessionHandle) -> Option<String> {
    text(&bench.item(handle).await.unwrap(), "tenant-shard")
}
