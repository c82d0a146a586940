//! The hosts: stores on one table, whose requests are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use session_store::{Cache, DynamoDbStore};
use session_store_tests::{TestBench, Wire};

use super::HOSTS;
use super::visitors::Visitor;

/// How the requests go to the engine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Directly.
    Near,
    /// Through a wire that asks for the cost of each.
    Metered,
}

pub(super) struct Hosts {
    pub(super) stores: Vec<DynamoDbStore<Visitor>>,
    pub(super) requests: Counter,
    /// The wire, if it asks for the cost.
    pub(super) metered: Option<Wire>,
}

impl Hosts {
    /// Hosts with these caches, on the table and the clock of this bench.
    pub(super) async fn new(bench: &TestBench<Visitor>, cache: Option<Cache>, way: Way) -> Self {
        let engine = bench.client.config().http_client().unwrap();
        let metered = (way == Way::Metered).then(|| bench.wire.clone());
        if let Some(wire) = &metered {
            wire.meter();
        }
        let requests = Counter {
            engine: metered.clone().map_or(engine, SharedHttpClient::new),
            count: Arc::default(),
        };
        let config = bench.store.client().config().to_builder();
        let client = Client::from_conf(config.http_client(requests.clone()).build());
        let mut stores = Vec::new();
        for _ in 0..HOSTS {
            let builder = DynamoDbStore::builder().client(client.clone());
            let builder = builder.table_name(bench.store.table_name());
            let store = match cache {
                Some(cache) => builder.cache(cache).build().await,
                None => builder.build().await,
            };
            stores.push(store.unwrap());
        }
        Self {
            stores,
            requests,
            metered,
        }
    }
}

/// Counts requests.
#[derive(Clone, Debug)]
pub(super) struct Counter<T = SharedHttpClient> {
    engine: T,
    count: Arc<AtomicU64>,
}

impl Counter {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl HttpClient for Counter {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Counter {
            engine: self.engine.http_connector(settings, components),
            count: Arc::clone(&self.count),
        })
    }
}

impl HttpConnector for Counter<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.engine.call(request)
    }
}
