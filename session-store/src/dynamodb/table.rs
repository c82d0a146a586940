//! The table that requests go to, and all that an operation needs to know of it.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_smithy_async::time::SharedTimeSource;

use crate::item::{Codec, Millis};
use crate::schema::Schema;

use super::answer::with_checked_answers;
use super::observer::WriteObserver;

pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) codec: Codec,
    /// Whether each answer says what it cost.
    pub(super) reports_capacity: bool,
    /// Who is told of each write.
    pub(super) observer: Option<Arc<dyn WriteObserver>>,
    clock: StoreClock,
    /// When the first copy of the cutoff was last read, in seconds since 1970.
    first_cutoff_read: AtomicU64,
}

impl Table {
    pub(crate) fn new(client: Client, name: String, codec: Codec) -> Self {
        let clock = StoreClock(client.config().time_source().unwrap_or_default());
        Self {
            client: with_checked_answers(&client),
            name,
            codec,
            reports_capacity: false,
            observer: None,
            clock,
            first_cutoff_read: AtomicU64::new(0),
        }
    }

    /// The same table, with answers that say what they cost.
    pub(crate) fn reporting_capacity(self, reports_capacity: bool) -> Self {
        Self {
            reports_capacity,
            ..self
        }
    }

    /// The same table, whose writes are told to this observer.
    #[cfg(feature = "cache")]
    pub(crate) fn observed_by(self, observer: Arc<dyn WriteObserver>) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// The same table as another client reaches it.
    #[cfg(feature = "test-util")]
    pub(crate) fn with_client(&self, client: &Client) -> Self {
        Self {
            client: client.clone(),
            ..self.with_schema(self.schema())
        }
    }

    /// The same table with another schema of the same type.
    #[cfg(any(feature = "_record", feature = "test-util"))]
    pub(crate) fn with_schema(&self, schema: &'static Schema) -> Self {
        Self {
            client: self.client.clone(),
            name: self.name.clone(),
            codec: self.codec.with_schema(schema),
            reports_capacity: self.reports_capacity,
            observer: self.observer.clone(),
            clock: self.clock.clone(),
            first_cutoff_read: AtomicU64::new(0),
        }
    }

    pub(crate) fn schema(&self) -> &'static Schema {
        self.codec.schema()
    }

    /// Whether the next load has to read the first copy of the cutoff as well: at first, and then once a minute.
    /// An earlier program writes that one alone.
    pub(super) fn is_first_cutoff_due(&self) -> bool {
        let (now, read) = (
            self.now().seconds(),
            self.first_cutoff_read.load(Ordering::Relaxed),
        );
        now >= read.saturating_add(60) || now < read
    }

    pub(super) fn note_first_cutoff(&self) {
        self.first_cutoff_read
            .store(self.now().seconds(), Ordering::Relaxed);
    }

    /// The time by the client's time source, and no other clock.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> StoreClock {
        self.clock.clone()
    }
}

/// The client's time source; that of the system by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreClock(SharedTimeSource);

// To ask a clock leaves nothing half done.
impl UnwindSafe for StoreClock {}
impl RefUnwindSafe for StoreClock {}

impl StoreClock {
    pub(crate) fn now(&self) -> Millis {
        Millis::of(self.0.now())
    }
}
