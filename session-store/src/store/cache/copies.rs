//! The copies, and when one may be used.

use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use quick_cache::sync::Cache as Entries;
use quick_cache::{Lifecycle, Weighter};
use tokio::time::Instant;

use crate::dynamodb::WriteObserver;
use crate::id::SessionHandle;
use crate::item::{Map, Millis, State};
use crate::telemetry::metrics;

use super::settings::Cache;
use super::tracks::{Own, Tracks, Watch};

/// A session as it was stored at a moment.
struct Copy<S> {
    data: S,
    state: State,
    read_at: Moment,
    bytes: u64,
}

/// A moment by the store's clock and by one that never goes back.
#[derive(Clone, Copy)]
pub(in crate::store) struct Moment {
    clock: Millis,
    steady: Instant,
}

impl Moment {
    pub(in crate::store) fn now(clock: Millis) -> Self {
        Self {
            clock,
            steady: Instant::now(),
        }
    }

    /// Whether less than this time has passed by both clocks.
    fn is_within(self, time: Duration, now: Self) -> bool {
        let by_clock = now.clock.0.checked_sub(self.clock.0);
        let by_clock = by_clock.map(Duration::from_millis);
        by_clock.is_some_and(|age| age < time) && now.steady.duration_since(self.steady) < time
    }
}

/// The copies of one store.
pub(in crate::store) struct SessionCache<S> {
    copies: Entries<SessionHandle, Arc<Copy<S>>, Weight, foldhash::fast::RandomState, Evictions>,
    tracks: Tracks,
    for_at_most: Duration,
    /// This host has ended all sessions that were created before this moment.
    revoked_before: AtomicU64,
}
