//! The engine: the embedded one, or DynamoDB Local.

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, SharedHttpClient};
use session_store::embedded::Embedded;

/// The choice of engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// That of session-store, in this process.
    Embedded,
    /// AWS's own emulator, at the address in `SESSION_STORE_ENDPOINT`.
    DynamoDbLocal,
}

impl Engine {
    /// The engine that the environment asks for, and the address of DynamoDB Local.
    pub fn chosen() -> (Self, Option<String>) {
        match std::env::var("SESSION_STORE_ENDPOINT") {
            Ok(endpoint) if !endpoint.is_empty() => (Self::DynamoDbLocal, Some(endpoint)),
            _ => (Self::Embedded, None),
        }
    }

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::DynamoDbLocal => "DynamoDB Local",
        }
    }
}

/// The configuration of a client of the chosen engine, and its HTTP client; the embedded engine runs in
/// this process.
pub async fn near() -> (Builder, SharedHttpClient, Engine) {
    match Engine::chosen() {
        (engine, Some(endpoint)) => (at(&endpoint), http(), engine),
        (engine, None) => {
            let embedded = Embedded::memory().await.expect("it starts");
            (embedded.config(), SharedHttpClient::new(embedded), engine)
        }
    }
}

/// The configuration of a client on this address, without its HTTP client.
pub fn at(endpoint: &str) -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "benchmarks"))
        .endpoint_url(endpoint)
}

/// Plain HTTP, as the SDK sends it.
pub fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}
