//! G9. A consistent index misses nothing: every live session whose id is known to any client is in the
//! roster of its value, no matter which requests are lost or interleaved.

mod contents;
mod moves;
mod revoke;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes, SessionHandle};
use session_store_tests::TestBench;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Exact {
    #[dynamo(attr = "user_id", index(consistent))]
    user_id: Option<String>,
    theme: String,
}

impl Exact {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            ..Self::default()
        }
    }
}

/// The handles in the roster of a user; `None` if there is no roster.
async fn roster(bench: &TestBench<Exact>, user: &str) -> Option<BTreeSet<String>> {
    let key = format!("#user_id#{user}#S#Exact");
    let items = bench.items().await;
    let item = items.iter().find(|item| item["id"].as_s() == Ok(&key))?;
    Some(item["m"].as_m().unwrap().keys().cloned().collect())
}

fn handles<'a>(sessions: impl IntoIterator<Item = &'a Session<Exact>>) -> Option<BTreeSet<String>> {
    let handles = sessions.into_iter();
    Some(
        handles
            .map(|session| session.handle().to_string())
            .collect(),
    )
}

async fn log_in(bench: &TestBench<Exact>, user: &str, count: usize) -> Vec<Session<Exact>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(Exact::of(user)).await.unwrap());
    }
    sessions
}

async fn listed(bench: &TestBench<Exact>, user: &str) -> Vec<SessionHandle> {
    let all = bench
        .store
        .sessions(Exact::USER_ID, user)
        .all()
        .await
        .unwrap();
    all.iter().map(|session| session.handle()).collect()
}
