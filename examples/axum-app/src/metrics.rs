//! The metrics of the store, as a page for Prometheus.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

pub use metrics_exporter_prometheus::PrometheusHandle;

/// The upper bounds in seconds that OpenTelemetry recommends for calls of databases.
const SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// In bytes: a write unit, a read unit, and on to DynamoDB's largest item.
const SIZES: &[f64] = &[
    1_024.0, 4_096.0, 16_384.0, 65_536.0, 131_072.0, 262_144.0, 409_600.0,
];

/// In capacity units.
const UNITS: &[f64] = &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0];

/// Counts what the store does from now on.
///
/// # Errors
///
/// If the process has another recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let suffix = |suffix: &str| Matcher::Suffix(suffix.to_owned());
    // Without buckets, the page would have quantiles, which cannot be added up over hosts.
    let recorded = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), SECONDS)?
        .set_buckets_for_metric(suffix("_bytes"), SIZES)?
        .set_buckets_for_metric(suffix("_units"), UNITS)?
        .install_recorder()?;
    session_store::describe_metrics();
    Ok(recorded)
}

/// The page. Serve it where only the collector can reach it.
pub fn page(recorded: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(async move || recorded.render()))
}

/// Sorts the samples into their buckets from time to time, which otherwise wait for the next reader of the page.
pub async fn keep_up(recorded: PrometheusHandle) {
    let mut interval = tokio::time::interval(Duration::from_secs(5));
    loop {
        interval.tick().await;
        recorded.run_upkeep();
    }
}
