//! The operations of the store, and the same requests by the SDK alone and by another store.

use std::collections::HashMap;
use std::hint::black_box;
use std::pin::Pin;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::types::AttributeValue;
use session_store::{DynamoDbStore, Session, SessionHandle, SessionId, Touch};
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};
use tower_sessions_dynamodb_store::{DynamoDBStore, DynamoDBStoreKey, DynamoDBStoreProps};

use crate::engine;
use crate::sdk::{Sdk, key};
use crate::session::{Plain, TEA, prose};

/// An operation of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the store documents them")]
pub enum Operation {
    Load,
    Save,
    Create,
    CycleId,
    Touch,
    List,
    Revoke,
    Delete,
}

/// The operations, with their names in the tables.
pub const OPERATIONS: [(&str, Operation); 8] = [
    ("load", Operation::Load),
    ("save", Operation::Save),
    ("create", Operation::Create),
    ("delete", Operation::Delete),
    ("touch", Operation::Touch),
    ("cycle_id", Operation::CycleId),
    ("list", Operation::List),
    ("revoke", Operation::Revoke),
];

/// The subject that runs an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// This store.
    Store,
    /// The SDK alone.
    Sdk,
    /// tower-sessions-dynamodb-store 0.3, which has no `cycle_id`, `touch`, `list` and `revoke`.
    Peer,
}

/// An operation that is ready to run a number of times.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

/// A table, and three clients of it.
pub struct Lab {
    store: DynamoDbStore<Plain>,
    sdk: Sdk,
    peer: DynamoDBStore,
}

/// The bytes of the text in a session.
const PROFILE: usize = 2048;

/// How many sessions are listed and revoked.
const SESSIONS: usize = 5;

impl Lab {
    /// Uses a new table of the engine at this address, with plain HTTP.
    pub async fn at(endpoint: &str) -> Self {
        Self::on(engine::at(endpoint).http_client(engine::http())).await
    }

    async fn on(config: Builder) -> Self {
        let table = format!("bench-{}", fastrand::u64(..));
        let client = Client::from_conf(config.build());
        let store = DynamoDbStore::builder()
            .client(client.clone())
            .table_name(&table)
            .touch(Touch::Always)
            // What the check costs: the same with `SESSION_STORE_READ_BACK=1`.
            .read_back(std::env::var_os("SESSION_STORE_READ_BACK").is_some());
        let store = store.build().await.unwrap();
        store.create_table().await.unwrap();
        let partition_key = DynamoDBStoreKey {
            name: "id".to_owned(),
            ..DynamoDBStoreKey::default()
        };
        let props = DynamoDBStoreProps {
            table_name: table.clone(),
            partition_key,
            expirey_name: "expires_at".to_owned(),
            ..DynamoDBStoreProps::default()
        };
        Self {
            store,
            peer: DynamoDBStore::new(client.clone(), props),
            sdk: Sdk { client, table },
        }
    }

    /// Prepares this many runs of an operation; `None` if the subject does not have it.
    pub async fn prepare(&self, operation: Operation, by: By, times: usize) -> Option<Work> {
        match by {
            By::Store => Some(self.by_store(operation, times).await),
            By::Sdk => Some(self.by_sdk(operation, times).await),
            By::Peer => self.by_peer(operation, times).await,
        }
    }

    async fn by_store(&self, operation: Operation, times: usize) -> Work {
        let store = self.store.clone();
        match operation {
            Operation::Load => {
                let id = self.session().await.id().clone();
                Box::pin(async move {
                    for _ in 0..times {
                        black_box(store.load(&id).await.unwrap().unwrap());
                    }
                })
            }
            Operation::Save => {
                let mut session = self.session().await;
                Box::pin(async move {
                    for _ in 0..times {
                        session.visits += 1;
                        store.save(&mut session).await.unwrap();
                    }
                })
            }
            Operation::Create => {
                let data = vec![data(&user()); times];
                Box::pin(async move {
                    for data in data {
                        black_box(store.create(data).await.unwrap());
                    }
                })
            }
            Operation::CycleId => {
                let mut session = self.session().await;
                Box::pin(async move {
                    for _ in 0..times {
                        store.cycle_id(&mut session).await.unwrap();
                    }
                })
            }
            Operation::Touch => {
                let mut session = self.session().await;
                Box::pin(async move {
                    for _ in 0..times {
                        store.touch(&mut session).await.unwrap();
                    }
                })
            }
            Operation::List => {
                let user = self.user_with_sessions().await;
                Box::pin(async move {
                    for _ in 0..times {
                        let listed = store.sessions(Plain::USER_ID, user.as_str()).all().await;
                        black_box(listed.unwrap());
                    }
                })
            }
            Operation::Revoke => {
                let users = self.users_with_sessions(times).await;
                Box::pin(async move {
                    for user in &users {
                        let revoked = store.revoke(Plain::USER_ID, user.as_str()).await;
                        assert_eq!(revoked.unwrap().deleted(), SESSIONS);
                    }
                })
            }
            Operation::Delete => {
                let ids = self.ids(times).await;
                Box::pin(async move {
                    for id in &ids {
                        store.delete(id).await.unwrap();
                    }
                })
            }
        }
    }

    async fn by_sdk(&self, operation: Operation, times: usize) -> Work {
        let sdk = self.sdk.clone();
        match operation {
            Operation::Load => {
                let id = id(self.session().await.handle());
                Box::pin(async move {
                    for _ in 0..times {
                        sdk.load(key(id.clone())).await;
                    }
                })
            }
            Operation::Save => {
                let id = id(self.session().await.handle());
                Box::pin(async move {
                    for n in 1..=times as u64 {
                        sdk.save(key(id.clone()), n, n).await;
                    }
                })
            }
            Operation::Create => {
                let items = self.items(times).await;
                Box::pin(async move {
                    for item in items {
                        sdk.create(item).await;
                    }
                })
            }
            Operation::CycleId => {
                let first = id(self.session().await.handle());
                let items = self.items(times).await;
                Box::pin(async move {
                    let mut from = first;
                    for item in items {
                        let to = item["id"].clone();
                        sdk.cycle_id(key(from), item, 1).await;
                        from = to;
                    }
                })
            }
            Operation::Touch => {
                let id = id(self.session().await.handle());
                Box::pin(async move {
                    for _ in 0..times {
                        sdk.touch(key(id.clone())).await;
                    }
                })
            }
            Operation::List => {
                let user = self.user_with_sessions().await;
                Box::pin(async move {
                    for _ in 0..times {
                        sdk.list(&user).await;
                    }
                })
            }
            Operation::Revoke => {
                let users = self.users_with_sessions(times).await;
                Box::pin(async move {
                    for user in &users {
                        sdk.revoke(user).await;
                    }
                })
            }
            Operation::Delete => {
                let ids = self.ids(times).await;
                Box::pin(async move {
                    for of in &ids {
                        sdk.delete(key(id(of.handle()))).await;
                    }
                })
            }
        }
    }

    async fn by_peer(&self, operation: Operation, times: usize) -> Option<Work> {
        let store = self.peer.clone();
        let mut record = record();
        Some(match operation {
            Operation::Load => {
                store.create(&mut record).await.unwrap();
                Box::pin(async move {
                    for _ in 0..times {
                        black_box(store.load(&record.id).await.unwrap().unwrap());
                    }
                })
            }
            Operation::Save => {
                store.create(&mut record).await.unwrap();
                Box::pin(async move {
                    for n in 0..times {
                        record.data.insert("visits".to_owned(), n.into());
                        store.save(&record).await.unwrap();
                    }
                })
            }
            Operation::Create => {
                let records = vec![record; times];
                Box::pin(async move {
                    for mut record in records {
                        record.id = Id::default();
                        store.create(&mut record).await.unwrap();
                    }
                })
            }
            Operation::Delete => {
                let mut ids = Vec::new();
                for _ in 0..times {
                    record.id = Id::default();
                    store.create(&mut record).await.unwrap();
                    ids.push(record.id);
                }
                Box::pin(async move {
                    for id in &ids {
                        store.delete(id).await.unwrap();
                    }
                })
            }
            _ => return None,
        })
    }

    async fn session(&self) -> Session<Plain> {
        self.store.create(data(&user())).await.unwrap()
    }

    async fn ids(&self, times: usize) -> Vec<SessionId> {
        let mut ids = Vec::new();
        for _ in 0..times {
            ids.push(self.session().await.id().clone());
        }
        ids
    }

    async fn user_with_sessions(&self) -> String {
        let user = user();
        for _ in 0..SESSIONS {
            self.store.create(data(&user)).await.unwrap();
        }
        user
    }

    async fn users_with_sessions(&self, times: usize) -> Vec<String> {
        let mut users = Vec::new();
        for _ in 0..times {
            users.push(self.user_with_sessions().await);
        }
        users
    }

    /// Items that the store has made, but that are not in the table.
    async fn items(&self, times: usize) -> Vec<HashMap<String, AttributeValue>> {
        let mut items = Vec::new();
        for _ in 0..times {
            let session = self.session().await;
            let get = self.sdk.client.get_item().table_name(&self.sdk.table);
            let get = get.key("id", id(session.handle())).consistent_read(true);
            items.push(get.send().await.unwrap().item.unwrap());
            self.store.delete(session.id()).await.unwrap();
        }
        items
    }
}

fn id(handle: SessionHandle) -> AttributeValue {
    AttributeValue::S(handle.to_string())
}

/// A user without other sessions.
pub(crate) fn user() -> String {
    format!("u-{:016x}", fastrand::u64(..))
}

pub(crate) fn data(user: &str) -> Plain {
    Plain {
        user_id: Some(user.to_owned()),
        theme: "dark".to_owned(),
        cart: vec![TEA.to_owned(); 2],
        visits: 0,
        profile: Some(prose(PROFILE)),
    }
}

/// The same session in the form of tower-sessions.
fn record() -> Record {
    let data = serde_json::to_value(data(&user())).unwrap();
    let serde_json::Value::Object(data) = data else {
        unreachable!("a struct is an object");
    };
    Record {
        id: Id::default(),
        data: data.into_iter().collect(),
        expiry_date: time::OffsetDateTime::now_utc() + time::Duration::minutes(30),
    }
}

#[cfg(all(test, feature = "test-util"))]
mod tests;
