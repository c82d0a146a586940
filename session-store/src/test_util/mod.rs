//! For the tests of an application: a separate store for each test, a clock to move, and DynamoDB's
//! faults to inject; and [`fixtures`], what a store gives to handlers, without one.
//!
//! tokio's time can be paused: while an engine works on a request it stands still, and no time-out of the SDK fires. It
//! is another clock than that of the store, [`TestStore::clock`].
//!
//! There is no trait of the store to replace it by a mock: the embedded engine answers in microseconds, in the same
//! process and without a socket, and refuses what DynamoDB refuses. A handler is tested with the real store on it.
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
//! test.wire.every("GetItem", Fault::throttled);
//! let failed = test.store.load(session.id()).await;
//! assert!(matches!(failed, Err(Error::Service(_))));
//! test.wire.restore("GetItem");
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
mod fault;
pub mod fixtures;
mod snapshot;
mod still;
mod wire;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{Builder, SharedHttpClient};
#[cfg(feature = "axum")]
use http::HeaderValue;

use crate::embedded::Embedded;
#[cfg(feature = "axum")]
use crate::id::SessionId;
use crate::schema::SessionData;
use crate::store::{DynamoDbStore, with_local_credentials};

pub use self::clock::Clock;
pub use self::fault::{Fault, HeldResponse};
use self::still::Still;
pub use self::wire::{Call, Wire};

/// The header `Authorization: Bearer <id>` with which an API client sends the session of this id: for a layer
/// with [`bearer`](crate::frameworks::axum::SessionLayer::bearer) or
/// [`cookie_or_bearer`](crate::frameworks::axum::SessionLayer::cookie_or_bearer). For browsers, see
/// [`SessionCookie::request_header`](crate::frameworks::axum::SessionCookie::request_header).
#[cfg(feature = "axum")]
pub fn bearer_header(id: &SessionId) -> HeaderValue {
    let header = HeaderValue::try_from(format!("Bearer {}", id.expose()));
    let mut header = header.expect("an id has only characters of base64url");
    header.set_sensitive(true);
    header
}

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

/// Retries that no other test takes away: the SDK allows all clients of a process a number of them together, and
/// faults use it up.
fn own_retries() -> RetryPartition {
    let retries = RetryPartition::custom("session-store-test");
    retries.token_bucket(TokenBucket::new(1_000_000)).build()
}

impl<S: SessionData> TestStore<S> {
    /// A store on its own embedded engine.
    pub async fn new() -> Self {
        let embedded = Embedded::memory().await.expect("it starts");
        Self::on(embedded.config(), SharedHttpClient::new(embedded)).await
    }

    /// A store on a new table of the engine at this address, such as DynamoDB Local at `http://127.0.0.1:8000`, or
    /// in a container at `http://dynamodb:8000`. It takes neither TLS nor the environment's credentials.
    pub async fn at(endpoint: &str) -> Self {
        let engine = aws_smithy_http_client::Builder::new().build_http();
        Self::on(with_local_credentials(endpoint), engine).await
    }

    /// A store on a new table of the engine that this HTTP client reaches with this configuration.
    pub async fn on(config: Builder, engine: SharedHttpClient) -> Self {
        let test = Self::without_table(config, engine).await;
        let created = test.store.create_table().await;
        created.expect("the table is created");
        test.store.own_table().await;
        test.wire.clear();
        test
    }

    /// The same as [`on`](Self::on), without the table.
    pub async fn without_table(config: Builder, engine: SharedHttpClient) -> Self {
        let still = Still(engine.clone());
        let client = Client::from_conf(config.clone().http_client(still).build());
        let clock = Clock::default();
        let wire = Wire::new(engine);
        // By default, the SDK pauses for about a second between attempts: too long for a test.
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = config
            .http_client(wire.clone())
            .time_source(clock.clone())
            .retry_config(retry)
            .retry_partition(own_retries());
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
