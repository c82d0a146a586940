//! A clock that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;

/// A clock that stands still until it is moved, as the time source of a client of the SDK.
///
/// It begins at the last whole second of the system's time. All clones share one time, so that an app whose own code
/// asks [`now`](Self::now) has one clock with its store.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicU64>);

impl Default for Clock {
    fn default() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "the clock begins at the system's time"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // A whole second, so that a test knows when the next one begins.
        let millis = now.unwrap_or_default().as_secs() * 1000;
        Self(Arc::new(AtomicU64::new(millis)))
    }
}

impl Clock {
    /// The time.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis())
    }

    /// Milliseconds since 1970.
    pub fn millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves the clock forward by whole milliseconds.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// Sets the clock, forward or back, in milliseconds since 1970.
    pub fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}
