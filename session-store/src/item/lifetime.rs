//! How long a session lives: idle and absolute timeout, and when a touch is written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::schema::Schema;

/// When [`DynamoDbStore::touch`](crate::DynamoDbStore::touch) writes.
///
/// A touch costs a write; not to write each of them lets a session end a little sooner than its
/// idle timeout after the last request.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Touch {
    /// Every time.
    Always,
    /// Not at all: only a save extends the idle timeout.
    Never,
    /// When this part of the idle timeout, from 0 to 1, has passed since the last touch or save.
    After(f64),
}

impl Default for Touch {
    /// After a tenth of the idle timeout.
    fn default() -> Self {
        Self::After(0.1)
    }
}

impl Touch {
    pub(crate) fn is_due(self, touched: Millis, now: Millis, idle: Duration) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::After(part) => {
                let passed = now.0.saturating_sub(touched.0) as f64;
                passed >= idle.as_millis() as f64 * part
            }
        }
    }
}

/// A moment in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

impl Millis {
    pub(crate) fn of(time: SystemTime) -> Self {
        // A clock before 1970 is a clock that is not set; every session is then young.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whole seconds, rounded down: the unit in which expiry is compared.
    pub(crate) fn seconds(self) -> u64 {
        self.0 / 1000
    }

    pub(crate) fn time(self) -> SystemTime {
        moment(Duration::from_millis(self.0))
    }
}

/// The moment that a count of whole seconds since 1970 stands for.
pub(crate) fn seconds_to_time(seconds: u64) -> SystemTime {
    moment(Duration::from_secs(seconds))
}

/// An item can hold any number; one past what the platform can express is as good as never.
fn moment(since_epoch: Duration) -> SystemTime {
    const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
    UNIX_EPOCH + since_epoch.min(YEAR_9999)
}

/// When a session ends, in whole seconds since 1970: `min(⌈touched + idle⌉, ⌊created + absolute⌋)`.
///
/// The idle part is rounded up, so that rounding takes nothing from it; the absolute part is
/// rounded down, so that rounding never extends it.
pub(crate) fn expires_at(
    schema: &Schema,
    created: Millis,
    touched: Millis,
    idle: Option<Duration>,
) -> u64 {
    let idle = idle.unwrap_or(schema.idle_timeout);
    let idle_end = touched.0.saturating_add(millis(idle)).div_ceil(1000);
    idle_end.min(absolute_end(schema, created))
}

/// The last second that the absolute timeout allows.
pub(crate) fn absolute_end(schema: &Schema, created: Millis) -> u64 {
    created.0.saturating_add(millis(schema.absolute_timeout)) / 1000
}

/// The first moment at which a session may have been created that may live until `ends`.
#[cfg(any(
    feature = "actix-session",
    feature = "tower-sessions",
    feature = "tower-sessions-0-14"
))]
pub(crate) fn earliest_creation(schema: &Schema, ends: u64) -> Millis {
    let end = ends.saturating_mul(1000);
    Millis(end.saturating_sub(millis(schema.absolute_timeout)))
}

/// Until when a roster is kept for a session, in seconds since 1970: a week after its absolute
/// timeout, and on to the end of a day, so that hosts whose clocks differ a little set it to the same.
pub(crate) fn roster_end(schema: &Schema, created: Millis) -> u64 {
    const DAY: u64 = 24 * 60 * 60;
    let end = absolute_end(schema, created).saturating_add(7 * DAY);
    end.div_ceil(DAY).saturating_mul(DAY)
}

/// Live as long as the second in which it ends has not begun.
pub(crate) fn is_live(expires_at: u64, now: Millis) -> bool {
    expires_at > now.seconds()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema::new("sessions")
        .idle_timeout(Duration::from_millis(10_500))
        .absolute_timeout(Duration::from_millis(60_500));

    fn end(created: u64, touched: u64) -> u64 {
        expires_at(&SCHEMA, Millis(created), Millis(touched), None)
    }

    #[test]
    fn idle_is_rounded_up_and_absolute_down() {
        assert_eq!(end(0, 0), 11);
        assert_eq!(end(0, 600), 12);
        assert_eq!(end(0, 55_000), 60);
        assert_eq!(end(400, 55_000), 60);
        assert_eq!(end(500, 55_000), 61);
    }

    #[test]
    fn an_override_of_idle_stays_within_absolute() {
        let idle = Some(Duration::from_secs(1_000_000));
        assert_eq!(expires_at(&SCHEMA, Millis(0), Millis(0), idle), 60);
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(end(u64::MAX, u64::MAX), u64::MAX / 1000);
        assert!(Millis(u64::MAX).time() > UNIX_EPOCH);
        assert!(seconds_to_time(u64::MAX) > UNIX_EPOCH);
        assert_eq!(Millis::of(UNIX_EPOCH - Duration::from_secs(1)), Millis(0));
    }

    #[test]
    fn the_last_second_is_not_live() {
        assert!(is_live(10, Millis(9_999)));
        assert!(!is_live(10, Millis(10_000)));
    }
}
