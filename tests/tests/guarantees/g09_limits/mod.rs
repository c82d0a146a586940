//! G9. The limit of a consistent index is exact: there is never one more session that is live and known, no
//! matter how many requests log in at the same time, and which of them are lost.

mod evictions;
mod exact;
mod of_one_user;
mod stale_entries;
mod two_indexes;
mod unknown;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes, SessionHandle};
use session_store_tests::TestBench;

/// One more session ends the oldest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Three {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
}

/// One more session is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Seats {
    #[dynamo(attr = "user_id", index(consistent, limit = 3, on_limit = reject))]
    user_id: Option<String>,
}

fn three() -> Three {
    Three {
        user_id: Some("u-17".into()),
    }
}

fn seats() -> Seats {
    Seats {
        user_id: Some("u-17".into()),
    }
}

async fn log_in(bench: &TestBench<Three>, count: usize) -> Vec<Session<Three>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(three()).await.unwrap());
    }
    sessions
}

async fn take_seats(bench: &TestBench<Seats>, count: usize) -> Vec<Session<Seats>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(seats()).await.unwrap());
    }
    sessions
}

async fn listed(bench: &TestBench<Three>) -> Vec<SessionHandle> {
    let all = bench
        .store
        .sessions(Three::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    all.iter().map(|session| session.handle()).collect()
}

/// The number of items that are sessions, known or not.
async fn stored<S>(bench: &TestBench<S>) -> usize
where
    S: SessionAttributes + Clone + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let items = bench.items().await;
    items
        .iter()
        .filter(|item| item.contains_key("data"))
        .count()
}
