//! For the tests of an application: a separate store for each test, a clock to move, and DynamoDB's
//! faults to inject.
//!
//! ```
//! use std::time::Duration;
//!
//! use serde::{Deserialize, Serialize};
//! use session_store::test_util::{Fault, TestStore};
//! use session_store::{Error, SessionAttributes};
//!
//! #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
//! #[dynamo(idle_timeout = "30m")]
//! struct AppSession {
//!     cart: Vec<String>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let test = TestStore::<AppSession>::new().await;
//! let session = test.store.create(AppSession::default()).await?;
//!
//! // DynamoDB throttles every attempt of the SDK.
//! for _ in 0..3 {
//!     test.wire.next("GetItem", Fault::throttled());
//! }
//! let failed = test.store.load(session.id()).await;
//! assert!(matches!(failed, Err(Error::Service(_))));
//!
//! // Half an hour later.
//! test.clock.advance(Duration::from_secs(30 * 60));
//! assert!(test.store.load(session.id()).await?.is_none());
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot continue panics, and shows where"
)]

mod clock;
mod wire;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Builder, SharedHttpClient};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::embedded::Embedded;
use crate::schema::SessionAttributes;
use crate::store::{DynamoDbStore, on_loopback};

pub use self::clock::Clock;
pub use self::wire::{Call, Fault, Wire};

/// A store on its own table, with control over its clock and its requests.
///
/// The constructors panic on an error, since the test cannot continue. To build another store on the same
/// table, such as one with options or of another type, use `store.client()`.
#[derive(Debug)]
pub struct TestStore<S> {
    /// The store under test.
    pub store: DynamoDbStore<S>,
    /// Its clock, which stands still until it is moved.
    pub clock: Clock,
    /// Records its requests, and injects faults into them.
    pub wire: Wire,
    /// A second client of the same engine. Its requests are not recorded and meet no faults, and its
    /// clock is the system's.
    pub client: Client,
}

impl<S> TestStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// A store on its own embedded engine.
    pub async fn new() -> Self {
        let embedded = Embedded::memory().await.expect("SQLite starts");
        Self::on(embedded.config(), SharedHttpClient::new(embedded)).await
    }

    /// A store on a new table of the engine at this address on loopback, such as DynamoDB Local at
    /// `http://127.0.0.1:8000`.
    pub async fn at(endpoint: &str) -> Self {
        let engine = aws_smithy_http_client::Builder::new().build_http();
        Self::on(on_loopback(endpoint), engine).await
    }

    /// A store on a new table of the engine that this HTTP client reaches with this configuration.
    pub async fn on(config: Builder, engine: SharedHttpClient) -> Self {
        let test = Self::without_table(config, engine).await;
        let created = test.store.create_table().await;
        created.expect("the table is created");
        test.wire.clear();
        test
    }

    /// The same as [`on`](Self::on), without the table.
    pub async fn without_table(config: Builder, engine: SharedHttpClient) -> Self {
        let client = Client::from_conf(config.clone().http_client(engine.clone()).build());
        let clock = Clock::default();
        let wire = Wire::new(engine);
        // By default, the SDK pauses for about a second between attempts: too long for a test.
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = config
            .http_client(wire.clone())
            .time_source(clock.clone())
            .retry_config(retry);
        let store = DynamoDbStore::builder()
            .client(Client::from_conf(config.build()))
            .table_name(format!("test-{}", fastrand::u64(..)))
            .build();
        Self {
            store: store.await.expect("a client that is ready is enough"),
            clock,
            wire,
            client,
        }
    }
}
