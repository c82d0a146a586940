//! G19. The running type rules: a deploy changes a session type under live sessions, and the timeouts, indexes
//! and limits of the binary that is asked are those that hold.
//!
//! Each test has two or three versions of one type on one table. The old one and the new one are alive at the
//! same time, as in a rolling deploy, and then the deploy is rolled back. docs/deploys.md says the same in words,
//! and names the test of each change.

/// A version of the session type of these tests: all of them are the same type in the table.
macro_rules! version {
    ($(#[$option:meta])* struct $name:ident { $($fields:tt)* }) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "App")]
        $(#[$option])*
        struct $name { $($fields)* }
    };
}

/// Two forms of each version: with `data` as a map, and as bytes.
macro_rules! versions {
    ($($map:ident $bytes:ident { $($fields:tt)* })*) => {$(
        version! {
            #[dynamo(data = "map")]
            struct $map { $($fields)* }
        }
        version! {
            #[dynamo(data = "binary")]
            struct $bytes { $($fields)* }
        }
    )*};
}

/// Defines a test that runs with a map and with bytes.
macro_rules! in_both_formats {
    ($($(#[$doc:meta])* async fn $test:ident($($name:ident: $map:ident $bytes:ident),*) $body:block)*) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $test() {
            {
                $(type $name = $map;)*
                $body
            }
            {
                $(type $name = $bytes;)*
                $body
            }
        }
    )*};
}

mod attributes;
mod cases;
mod conditions;
mod docs;
mod enums;
mod fields;
mod formats;
mod indexes;
mod kinds;
mod limits;
mod names;
mod reindex;
mod settings;
mod shards;
mod timeouts;
mod types;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use session_store::{AsKey, DynamoDbStore, Error, IsIndex, Session, SessionAttributes, SessionId};
use session_store_tests::TestBench;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

trait Version:
    SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<S> Version for S where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A request of the visitor, as a layer serves it: the session is loaded, and touched if that is due.
async fn visit<S: Version>(store: &DynamoDbStore<S>, id: &SessionId) -> Option<Session<S>> {
    let mut session = store.load(id).await.unwrap()?;
    store.touch(&mut session).await.unwrap();
    Some(session)
}

async fn is_live<S: Version>(store: &DynamoDbStore<S>, id: &SessionId) -> bool {
    store.load(id).await.unwrap().is_some()
}

/// How many sessions the index of this binary lists.
async fn listed<S: Version, I: IsIndex<S>>(
    store: &DynamoDbStore<S>,
    index: I,
    key: impl AsKey<I::Key>,
) -> usize {
    let all = store.sessions(index, key).all().await.unwrap();
    all.len()
}

/// How many sessions "log out everywhere" of this binary ends.
async fn revoked<S: Version, I: IsIndex<S>>(
    store: &DynamoDbStore<S>,
    index: I,
    key: impl AsKey<I::Key>,
) -> usize {
    store.revoke(index, key).await.unwrap().deleted()
}

async fn save<S: Version>(store: &DynamoDbStore<S>, id: &SessionId, change: impl Fn(&mut S)) {
    let mut session = store.load(id).await.unwrap().unwrap();
    change(&mut session);
    store.save(&mut session).await.unwrap();
}

async fn load<S: Version>(store: &DynamoDbStore<S>, id: &SessionId) -> S {
    Session::into_data(store.load(id).await.unwrap().unwrap())
}

/// The field at which a session cannot be read.
async fn unreadable<S: Version>(store: &DynamoDbStore<S>, id: &SessionId) -> String {
    match store.load(id).await {
        Err(Error::Decode(error)) => error.path().to_owned(),
        Ok(_) => panic!("it can be read"),
        Err(error) => panic!("{error}"),
    }
}

/// Deletes what has expired, as DynamoDB's TTL does.
async fn delete_expired<S: Version>(bench: &TestBench<S>) {
    for item in bench.all_items().await {
        let ends = item.get("expires_at").map(|ends| ends.as_n().unwrap());
        let ends = ends.map(|ends| ends.parse::<u64>().unwrap());
        if ends.is_some_and(|ends| ends < bench.clock.millis() / 1000) {
            bench.delete(item).await;
        }
    }
}
