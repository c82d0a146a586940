//! Shared by the tests of session-store: an engine, a clock that a test moves, and the wire between the SDK
//! and the engine, which records every call and injects faults.
//!
//! The engine is the embedded one in memory, unless the environment asks for another: `SESSION_STORE_ENDPOINT` has
//! the address of one, as `tests/with-dynamodb-local` sets it, or `SESSION_STORE_ENGINE` is `dynoxide`. Every test has
//! its own table.

pub mod aws_errors;
pub mod conformance;
pub mod control_plane;
pub mod dynoxide;
pub mod fuzz;

use std::collections::HashMap;
use std::ops::Deref;

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, SessionAttributes, SessionHandle, Touch};

use self::dynoxide::Dynoxide;

pub use session_store::test_util::{Call, Clock, Fault, TestStore, Wire};

/// The example in the docs of the derive, which cannot run in its own crate.
#[cfg(doctest)]
#[doc = include_str!("../../session-store-derive/src/derive.md")]
pub struct DeriveDocs;

/// The examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The example on the page of the cache.
#[cfg(doctest)]
#[doc = include_str!("../../docs/cache.md")]
pub struct CachePage;

/// The address of the engine, if it is not in this process.
pub fn endpoint() -> Option<String> {
    std::env::var("SESSION_STORE_ENDPOINT")
        .ok()
        .filter(|endpoint| !endpoint.is_empty())
}

/// The engine at the endpoint, or a new one in this process: the configuration of a client, and its HTTP client.
pub async fn engine() -> (Builder, SharedHttpClient) {
    let name = std::env::var("SESSION_STORE_ENGINE").unwrap_or_default();
    match (endpoint(), name.as_str()) {
        (Some(endpoint), _) => (
            on_loopback(&endpoint),
            aws_smithy_http_client::Builder::new().build_http(),
        ),
        // No request gets as far as the address.
        (None, "dynoxide") => (
            on_loopback("http://localhost"),
            SharedHttpClient::new(Dynoxide::memory()),
        ),
        (None, "" | "embedded") => {
            let embedded = Embedded::memory().await.expect("it starts");
            (embedded.config(), SharedHttpClient::new(embedded))
        }
        (None, other) => panic!(
            "there is no engine `{other}`; set SESSION_STORE_ENGINE to `embedded` or `dynoxide`"
        ),
    }
}

/// A macro for the users of a facade, who depend neither on session-store nor on serde.
#[macro_export]
macro_rules! session {
    ($(#[$option:meta])* $vis:vis struct $name:ident { $($(#[$of_field:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(
            Clone,
            $crate::facade::serde::Serialize,
            $crate::facade::serde::Deserialize,
            $crate::facade::SessionAttributes,
        )]
        #[serde(crate = "session_store_tests::facade::serde")]
        #[dynamo(crate = $crate::facade)]
        $(#[$option])*
        $vis struct $name { $($(#[$of_field])* $field: $type,)* }
    };
}

/// session-store as another crate re-exports it.
pub mod facade {
    pub use serde;
    pub use session_store::*;
}

/// A [`TestStore`] on the engine under test, with a view of its items.
#[derive(Debug)]
pub struct TestBench<S>(TestStore<S>);

impl<S> Deref for TestBench<S> {
    type Target = TestStore<S>;

    fn deref(&self) -> &TestStore<S> {
        &self.0
    }
}

impl<S> TestBench<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// A store on a new table.
    pub async fn new() -> Self {
        let (config, engine) = engine().await;
        Self(TestStore::on(config, engine).await)
    }

    /// The same as [`new`](Self::new), without the table.
    pub async fn without_table() -> Self {
        let (config, engine) = engine().await;
        Self(TestStore::without_table(config, engine).await)
    }

    /// The same as [`new`](Self::new), with this policy of touches.
    pub async fn touching(policy: Touch) -> Self {
        let mut bench = Self::new().await;
        let builder = DynamoDbStore::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name()).touch(policy);
        bench.0.store = builder
            .build()
            .await
            .expect("a client that is ready is enough");
        bench
    }

    /// A store of another type on the same table, such as a newer version of the same type.
    pub async fn other<T>(&self) -> DynamoDbStore<T>
    where
        T: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let builder = DynamoDbStore::builder().client(self.store.client().clone());
        let store = builder.table_name(self.store.table_name()).build().await;
        store.expect("a client that is ready is enough")
    }

    /// The stored item of a session.
    pub async fn item(&self, handle: SessionHandle) -> Option<Item> {
        let get = self.client.get_item().table_name(self.store.table_name());
        let key = AttributeValue::S(handle.to_string());
        get.key("id", key)
            .consistent_read(true)
            .send()
            .await
            .unwrap()
            .item
    }

    /// Puts an item, and overwrites an existing one.
    pub async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(self.store.table_name());
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Deletes the item with the key of this one.
    pub async fn delete(&self, item: Item) {
        let delete = self
            .client
            .delete_item()
            .table_name(self.store.table_name());
        delete.key("id", item["id"].clone()).send().await.unwrap();
    }

    /// All items in the table but the marks that changes of ids have left.
    pub async fn items(&self) -> Vec<Item> {
        let items = self.all_items().await.into_iter();
        items
            .filter(|item| !item.contains_key("moved_to"))
            .collect()
    }

    /// All items in the table.
    pub async fn all_items(&self) -> Vec<Item> {
        let scan = self.client.scan().table_name(self.store.table_name());
        scan.consistent_read(true)
            .send()
            .await
            .unwrap()
            .items
            .unwrap_or_default()
    }
}

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// The configuration of a client on this endpoint, without its HTTP client.
pub fn on_loopback(endpoint: &str) -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
        .endpoint_url(endpoint)
}

/// An error with all its causes, as a log would show it.
pub fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
