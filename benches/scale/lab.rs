//! Measures the requests of some work, their cost, and the time that it takes, near the engine and at a
//! distance.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use session_store::{DynamoDbStore, Touch};
use session_store_tests::TestBench;

use crate::{HEAP, Kind};

/// The wait of a request before it is sent.
pub(crate) const DISTANCE: Duration = Duration::from_millis(5);

/// A time is the median of this many, unless they take long.
const TIMES: usize = 5;
const LONG: Duration = Duration::from_secs(1);

/// A table, and stores on it. They write every touch.
pub(crate) struct Lab<S> {
    pub(crate) bench: TestBench<S>,
    /// Sends through a wire that asks for the cost of each request. That takes time and memory, so neither
    /// is measured with it.
    metered: DynamoDbStore<S>,
    /// Sends to the engine directly.
    pub(crate) near: DynamoDbStore<S>,
    /// The same, at [`DISTANCE`].
    pub(crate) far: DynamoDbStore<S>,
}

/// The measurements of some work.
pub(crate) struct Measured {
    /// The number of requests of each operation, and their capacity units.
    bill: BTreeMap<String, (usize, f64)>,
    pub(crate) near: Duration,
    pub(crate) far: Duration,
    /// The most bytes that were allocated at one time, minus those at the beginning, near the engine.
    pub(crate) peak: usize,
}

impl<S: Kind> Lab<S> {
    pub(crate) async fn new() -> Self {
        let bench = TestBench::new().await;
        let engine = bench.client.config().http_client().unwrap();
        let store = async |way: SharedHttpClient| {
            let config = bench.client.config().to_builder().http_client(way);
            let builder = DynamoDbStore::builder().client(Client::from_conf(config.build()));
            let builder = builder.table_name(bench.store.table_name());
            builder.touch(Touch::Always).build().await.unwrap()
        };
        Self {
            metered: store(SharedHttpClient::new(bench.wire.clone())).await,
            far: store(SharedHttpClient::new(Far(engine.clone()))).await,
            near: store(engine).await,
            bench,
        }
    }

    /// Does the work with each of the stores, with its preparation each time.
    pub(crate) async fn measure(
        &self,
        prepare: impl AsyncFn(),
        work: impl AsyncFn(&DynamoDbStore<S>),
    ) -> Measured {
        let calls = loop {
            prepare().await;
            self.bench.wire.meter();
            work(&self.metered).await;
            let calls = self.bench.wire.bill();
            // One in eight writes to a large roster is refused first, and the response of that does not
            // give its cost. The tables show the other seven.
            if !calls.contains(&("UpdateItem".into(), 0.0)) {
                break calls;
            }
        };
        let mut bill = BTreeMap::<_, (usize, f64)>::new();
        for (operation, units) in calls {
            let sum = bill.entry(operation).or_default();
            sum.0 += 1;
            sum.1 += units;
        }

        let (near, peak) = repeated(&prepare, || work(&self.near)).await;
        let (far, _) = repeated(&prepare, || work(&self.far)).await;
        Measured {
            bill,
            near,
            far,
            peak,
        }
    }
}

/// The median of the times of some work, and of its allocations.
async fn repeated(prepare: impl AsyncFn(), work: impl AsyncFn()) -> (Duration, usize) {
    let mut times = Vec::new();
    let mut peaks = Vec::new();
    while times.len() < TIMES && times.iter().sum::<Duration>() < LONG {
        prepare().await;
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        times.push(timed(work()).await.1);
        peaks.push(HEAP.peak_usage() - before);
    }
    times.sort();
    peaks.sort();
    (times[times.len() / 2], peaks[peaks.len() / 2])
}

impl Measured {
    pub(crate) fn requests(&self) -> String {
        let bill = self.bill.iter();
        let requests =
            bill.map(|(operation, (count, _))| format!("{} {operation}", thousands(*count as f64)));
        requests.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn read_units(&self) -> f64 {
        self.units_of(is_read)
    }

    pub(crate) fn write_units(&self) -> f64 {
        self.units_of(|operation| !is_read(operation))
    }

    /// Read units and write units.
    pub(crate) fn units(&self) -> String {
        let both = [(self.read_units(), "RRU"), (self.write_units(), "WRU")];
        let both = both.into_iter().filter(|(units, _)| *units > 0.0);
        let both = both.map(|(units, name)| format!("{} {name}", thousands(units)));
        both.collect::<Vec<_>>().join(", ")
    }

    fn units_of(&self, these: impl Fn(&str) -> bool) -> f64 {
        let bill = self.bill.iter().filter(|(operation, _)| these(operation));
        bill.map(|(_, (_, units))| units).sum()
    }
}

fn is_read(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query")
}

/// The result of some work, and its time.
#[allow(
    clippy::disallowed_methods,
    reason = "the benchmark measures the time that a caller waits"
)]
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed())
}

/// Begins a table.
pub(crate) fn heading(title: &str, columns: &[impl AsRef<str>]) {
    let columns: Vec<_> = columns.iter().map(AsRef::as_ref).collect();
    println!("\n### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// Adds a line to the table.
pub(crate) fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// A number with separators; half a capacity unit is the smallest step.
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

/// A time with about three digits.
pub(crate) fn time(it: Duration) -> String {
    match it.as_secs_f64() {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.1 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.1} ms", s * 1e3),
    }
}

/// An engine at a distance.
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
