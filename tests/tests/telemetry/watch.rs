//! Captures the spans, the events and the metrics of one test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// A span or an event.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: &'static str,
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<String, String>,
    /// The name of the span around it.
    pub(crate) parent: Option<&'static str>,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value)
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.target.starts_with("session_store")
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields
            .insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields
            .insert(field.name().to_owned(), format!("{value:?}"));
    }
}

#[derive(Default)]
struct Captured {
    spans: Vec<Seen>,
    events: Vec<Seen>,
}

/// What was captured since it was last asked.
#[derive(Clone)]
pub(crate) struct Watch {
    captured: Arc<Mutex<Captured>>,
    metrics: Arc<Snapshotter>,
}

/// Runs a test, and captures what it does.
pub(crate) fn watched<F: Future<Output = ()>>(test: impl FnOnce(Watch) -> F) {
    let recorder = DebuggingRecorder::new();
    let watch = Watch {
        captured: Arc::default(),
        metrics: Arc::new(recorder.snapshotter()),
    };
    let capture = Capture(Arc::clone(&watch.captured));
    let subscriber = tracing_subscriber::registry().with(capture);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        tracing::subscriber::with_default(subscriber, || runtime.block_on(test(watch)));
    });
}

impl Watch {
    /// Forgets what came before.
    pub(crate) fn clear(&self) {
        *self.captured.lock().unwrap() = Captured::default();
        self.metrics.snapshot();
    }

    pub(crate) fn spans(&self) -> Vec<Seen> {
        std::mem::take(&mut self.captured.lock().unwrap().spans)
    }

    /// All events, of whatever target.
    pub(crate) fn records(&self) -> Vec<Seen> {
        std::mem::take(&mut self.captured.lock().unwrap().events)
    }

    /// The audit events: name and reason, and the handle.
    pub(crate) fn audit(&self) -> Vec<(String, String)> {
        let records = self.records().into_iter();
        let audit = records.filter(|record| record.target == "session_store_audit");
        let audit = audit.map(|event| {
            let name = format!("{} {}", event.field("event"), event.field("reason"));
            (name.trim_end().to_owned(), event.field("handle").to_owned())
        });
        audit.collect()
    }

    /// Each metric as `name{label=value}`, with the value of a counter, or those of a histogram.
    pub(crate) fn metrics(&self) -> BTreeMap<String, Vec<f64>> {
        let mut metrics = BTreeMap::new();
        for (key, _, _, value) in self.metrics.snapshot().into_vec() {
            let key = key.key();
            let labels = key.labels();
            let mut labels: Vec<_> = labels
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            labels.sort();
            let values = match value {
                DebugValue::Counter(0) => continue,
                #[allow(clippy::cast_precision_loss, reason = "a test counts to ten")]
                DebugValue::Counter(value) => vec![value as f64],
                DebugValue::Gauge(value) => vec![*value],
                DebugValue::Histogram(values) if values.is_empty() => continue,
                DebugValue::Histogram(values) => values.into_iter().map(|value| *value).collect(),
            };
            metrics.insert(format!("{}{{{}}}", key.name(), labels.join(",")), values);
        }
        metrics
    }

    /// The counters of this name: the labels, and the value.
    pub(crate) fn counters(&self, name: &str) -> Vec<(String, f64)> {
        let metrics = self.metrics().into_iter();
        let counters = metrics.filter_map(|(key, values)| {
            let labels = key.strip_prefix(name)?.strip_prefix('{')?;
            Some((labels.trim_end_matches('}').to_owned(), values.iter().sum()))
        });
        counters.collect()
    }
}

struct Capture(Arc<Mutex<Captured>>);

/// The place of a span in the list.
struct Place(usize);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let metadata = attributes.metadata();
        let mut seen = Seen {
            name: metadata.name(),
            target: metadata.target().to_owned(),
            level: *metadata.level(),
            fields: BTreeMap::new(),
            parent: span.parent().map(|parent| parent.name()),
        };
        attributes.record(&mut seen);
        let mut captured = self.0.lock().unwrap();
        span.extensions_mut().insert(Place(captured.spans.len()));
        captured.spans.push(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let extensions = span.extensions();
        let place = extensions.get::<Place>().unwrap().0;
        // Not there if it began before the last `clear`.
        if let Some(seen) = self.0.lock().unwrap().spans.get_mut(place) {
            values.record(seen);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut seen = Seen {
            name: metadata.name(),
            target: metadata.target().to_owned(),
            level: *metadata.level(),
            fields: BTreeMap::new(),
            parent: context.event_span(event).map(|span| span.name()),
        };
        event.record(&mut seen);
        self.0.lock().unwrap().events.push(seen);
    }
}
