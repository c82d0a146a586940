//! Measuring: what a piece of work sends and is billed for, and how long it takes near the engine and
//! some way off.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use session_store::DynamoDbStore;
use session_store_tests::Bench;

use crate::{HEAP, Kind};

/// How long a request waits before it is sent.
pub(crate) const DISTANCE: Duration = Duration::from_millis(5);

/// A table, and three stores on it.
pub(crate) struct Lab<S> {
    /// Its store sends through a wire that asks what each request costs. That takes time and memory,
    /// so neither is measured with it.
    pub(crate) bench: Bench<S>,
    /// Sends to the engine directly.
    pub(crate) near: DynamoDbStore<S>,
    /// The same from [`DISTANCE`].
    pub(crate) far: DynamoDbStore<S>,
}

/// What a piece of work took.
pub(crate) struct Measured {
    /// How many requests of each operation there were, and their capacity units.
    bill: BTreeMap<String, (usize, f64)>,
    pub(crate) near: Duration,
    pub(crate) far: Duration,
    /// The most bytes that were allocated at a time beyond those at its beginning, near the engine.
    pub(crate) peak: usize,
}

impl<S: Kind> Lab<S> {
    pub(crate) async fn new() -> Self {
        let bench = Bench::new().await;
        let engine = bench.client.config().http_client().unwrap();
        let far = bench
            .client
            .config()
            .to_builder()
            .http_client(Far(engine))
            .build();
        let store = async |client: Client| {
            let builder = DynamoDbStore::builder().client(client);
            let builder = builder.table_name(bench.store.table_name());
            builder.build().await.unwrap()
        };
        Self {
            near: store(bench.client.clone()).await,
            far: store(Client::from_conf(far)).await,
            bench,
        }
    }

    /// Does the work three times, each time after its preparation.
    pub(crate) async fn measure(
        &self,
        prepare: impl AsyncFn(),
        work: impl AsyncFn(&DynamoDbStore<S>),
    ) -> Measured {
        prepare().await;
        self.bench.wire.meter();
        work(&self.bench.store).await;
        let mut bill = BTreeMap::<_, (usize, f64)>::new();
        for (operation, units) in self.bench.wire.bill() {
            let sum = bill.entry(operation).or_default();
            sum.0 += 1;
            sum.1 += units;
        }

        prepare().await;
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        let (_, near) = timed(work(&self.near)).await;
        let peak = HEAP.peak_usage() - before;

        prepare().await;
        let (_, far) = timed(work(&self.far)).await;
        Measured {
            bill,
            near,
            far,
            peak,
        }
    }
}

impl Measured {
    pub(crate) fn requests(&self) -> String {
        let bill = self.bill.iter();
        let requests =
            bill.map(|(operation, (count, _))| format!("{} {operation}", thousands(*count as f64)));
        requests.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn read_units(&self) -> f64 {
        self.units(|operation| matches!(operation, "GetItem" | "BatchGetItem" | "Query"))
    }

    pub(crate) fn write_units(&self) -> f64 {
        self.units(|operation| matches!(operation, "DeleteItem" | "UpdateItem"))
    }

    fn units(&self, of: impl Fn(&str) -> bool) -> f64 {
        let bill = self.bill.iter().filter(|(operation, _)| of(operation));
        bill.map(|(_, (_, units))| units).sum()
    }
}

/// What comes of some work, and how long it took.
#[allow(
    clippy::disallowed_methods,
    reason = "what is measured is the time of whoever waits"
)]
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed())
}

/// Begins a table.
pub(crate) fn heading(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// A further line of it.
pub(crate) fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// A number as people write it; half a capacity unit is the smallest there is.
pub(crate) fn thousands(n: f64) -> String {
    let digits = format!("{}", n.trunc());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if n.fract() > 0.0 {
        text.push_str(".5");
    }
    text
}

/// Bytes as kilobytes.
pub(crate) fn kilobytes(bytes: usize) -> String {
    format!("{} KB", thousands((bytes / 1024) as f64))
}

/// A time to three digits or so.
pub(crate) fn time(it: Duration) -> String {
    match it.as_secs_f64() {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.1 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.1} ms", s * 1e3),
    }
}

/// An engine that is some way off.
#[derive(Clone, Debug)]
struct Far<T>(T);

impl HttpClient for Far<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Far(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Far<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = self.0.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(DISTANCE).await;
            engine.call(request).await
        })
    }
}
