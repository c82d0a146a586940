//! Metrics for the facade `metrics`, with the feature of this name. Without it, nothing.
//!
//! No label has a value that a visitor chooses.

#[cfg(feature = "metrics")]
use tokio::time::Instant;

/// Describes all metrics to the recorder that the application has installed. Call it once, after that.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use metrics::Unit;
    metrics::describe_histogram!(
        OPERATION,
        Unit::Seconds,
        "Operations of the store, retries included"
    );
    metrics::describe_counter!(
        ATTEMPTS,
        Unit::Count,
        "Requests to DynamoDB, each attempt by itself"
    );
    metrics::describe_counter!(
        RETRIES,
        Unit::Count,
        "Attempts after the first one of a request"
    );
    metrics::describe_counter!(
        CONFLICTS,
        Unit::Count,
        "Writes that others were ahead of, each attempt by itself"
    );
    metrics::describe_counter!(EVENTS, Unit::Count, "Events of the audit target");
    metrics::describe_histogram!(
        CAPACITY,
        Unit::Count,
        "Capacity units of a request, as DynamoDB reports them"
    );
    metrics::describe_counter!(
        CACHE_LOADS,
        Unit::Count,
        "Loads that could be answered from the cache, by whether they were"
    );
    metrics::describe_counter!(
        CACHE_EVICTIONS,
        Unit::Count,
        "Copies in the cache that made room for others"
    );
    metrics::describe_histogram!(
        SIZE,
        Unit::Bytes,
        "Items of sessions, each time that one is about to be written"
    );
}

/// What became of a question to the cache.
#[cfg(feature = "cache")]
#[derive(Clone, Copy)]
pub(crate) enum CacheUse {
    Hit,
    Miss,
    Eviction,
}

/// A question to the cache, or a copy that made room for another one.
#[cfg(feature = "cache")]
pub(crate) fn cache(what: CacheUse) {
    #[cfg(feature = "metrics")]
    {
        let (name, result) = match what {
            CacheUse::Hit => (CACHE_LOADS, "hit"),
            CacheUse::Miss => (CACHE_LOADS, "miss"),
            CacheUse::Eviction => {
                metrics::counter!(CACHE_EVICTIONS).increment(1);
                return;
            }
        };
        metrics::counter!(name, "result" => result).increment(1);
    }
    let _ = what;
}

#[cfg(feature = "metrics")]
const CACHE_LOADS: &str = "session_store_cache_loads_total";
#[cfg(feature = "metrics")]
const CACHE_EVICTIONS: &str = "session_store_cache_evictions_total";
#[cfg(feature = "metrics")]
const OPERATION: &str = "session_store_operation_duration_seconds";
#[cfg(feature = "metrics")]
const ATTEMPTS: &str = "session_store_attempts_total";
#[cfg(feature = "metrics")]
const RETRIES: &str = "session_store_retries_total";
#[cfg(feature = "metrics")]
const CONFLICTS: &str = "session_store_conflicts_total";
#[cfg(feature = "metrics")]
const EVENTS: &str = "session_store_events_total";
#[cfg(feature = "metrics")]
const CAPACITY: &str = "session_store_capacity_units";
#[cfg(feature = "metrics")]
const SIZE: &str = "session_store_item_size_bytes";

/// Measures one operation. If its future is dropped, it ends so.
#[must_use]
pub(super) struct Stopwatch {
    #[cfg(feature = "metrics")]
    operation: &'static str,
    #[cfg(feature = "metrics")]
    outcome: &'static str,
    #[cfg(feature = "metrics")]
    began: Instant,
}

#[cfg(feature = "metrics")]
impl Stopwatch {
    pub(super) fn start(operation: &'static str) -> Self {
        Self {
            operation,
            outcome: "dropped",
            began: Instant::now(),
        }
    }

    pub(super) fn operation_done(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

#[cfg(feature = "metrics")]
impl Drop for Stopwatch {
    fn drop(&mut self) {
        let (operation, outcome) = (self.operation, self.outcome);
        metrics::histogram!(OPERATION, "operation" => operation, "outcome" => outcome)
            .record(self.began.elapsed());
    }
}

#[cfg(not(feature = "metrics"))]
impl Stopwatch {
    pub(super) fn start(_: &'static str) -> Self {
        Self {}
    }

    pub(super) fn operation_done(self, _: &'static str) {}
}

/// One attempt of a request, and how it ended.
#[cfg(feature = "metrics")]
pub(crate) fn attempt(request: &str, result: &'static str, is_first: bool) {
    metrics::counter!(ATTEMPTS, "request" => request.to_owned(), "result" => result).increment(1);
    if !is_first {
        metrics::counter!(RETRIES, "request" => request.to_owned()).increment(1);
    }
}

/// A write that others were ahead of.
pub(crate) fn conflict(request: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!(CONFLICTS, "request" => request).increment(1);
    let _ = request;
}

pub(super) fn event(event: &'static str, reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!(EVENTS, "event" => event, "reason" => reason).increment(1);
    let _ = (event, reason);
}

/// The capacity units of a request.
pub(crate) fn capacity(request: &'static str, units: f64) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(CAPACITY, "request" => request).record(units);
    let _ = (request, units);
}

/// The size that an item will have, also if only a part of it is written.
pub(crate) fn item_size(bytes: usize) {
    #[cfg(feature = "metrics")]
    #[allow(clippy::cast_precision_loss, reason = "an item has 400 KB at most")]
    metrics::histogram!(SIZE).record(bytes as f64);
    let _ = bytes;
}
