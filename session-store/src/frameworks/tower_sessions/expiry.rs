//! An expiry of the framework that the absolute timeout cuts short: an error at start, or a warning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::SetupError;
use crate::item::Millis;
use crate::schema::Schema;

/// The `Expiry` of tower-sessions 0.15 or 0.14.
pub trait FrameworkExpiry: sealed::Sealed {
    /// How long a session lives from this moment on if it is not used; `None` if the browser decides.
    #[doc(hidden)]
    fn lasts_from(&self, now: time::OffsetDateTime) -> Option<Duration>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! framework_expiry {
    ($feature:literal, $core:ident) => {
        #[cfg(feature = $feature)]
        impl sealed::Sealed for $core::Expiry {}

        #[cfg(feature = $feature)]
        impl FrameworkExpiry for $core::Expiry {
            fn lasts_from(&self, now: time::OffsetDateTime) -> Option<Duration> {
                let lasts = match *self {
                    Self::OnInactivity(lasts) => lasts,
                    Self::AtDateTime(end) => end - now,
                    Self::OnSessionEnd => return None,
                };
                // One that is over is not too long.
                Some(lasts.try_into().unwrap_or_default())
            }
        }
    };
}

framework_expiry!("tower-sessions", tower_sessions_core);
framework_expiry!("tower-sessions-0-14", tower_sessions_core_0_14);

/// Whether the application knows that sessions can end before the framework's expiry. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Warned(Arc<AtomicBool>);

impl Warned {
    /// Refuses an expiry that is longer than the absolute timeout of the type.
    pub(super) fn check(
        &self,
        expiry: impl FrameworkExpiry,
        now: Millis,
        schema: &Schema,
        type_name: &str,
    ) -> Result<(), SetupError> {
        let longest = schema.absolute_timeout;
        match expiry.lasts_from(now.time().into()) {
            Some(lasts) if lasts > longest => Err(SetupError::new(format!(
                "an expiry of {lasts:?} is longer than the absolute timeout of `{type_name}`, which is \
                 {longest:?}: no session lives as long; set a longer `absolute_timeout`, or a sooner expiry"
            ))),
            Some(_) => Ok(()),
            None => {
                self.0.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Warns, once, of a record that is to live longer than any session of its type can.
    pub(super) fn of_long_expiry(&self, ends: Millis, now: Millis, schema: &Schema) {
        let longest = schema.absolute_timeout;
        let lasts = Duration::from_millis(ends.0.saturating_sub(now.0));
        // The clock that the framework reads may be a little ahead.
        let is_too_long = lasts > longest.saturating_add(Duration::from_secs(1));
        if is_too_long && !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a session is to live for {lasts:?}, and ends after {longest:?}, the absolute timeout of its \
                 type; set a longer `absolute_timeout`, or a sooner expiry; `TowerSessions::check_expiry` \
                 tells when the application starts"
            );
        }
    }
}
