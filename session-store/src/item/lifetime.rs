//! How long a session lives: idle and absolute timeout, and when a touch is written.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::SetupError;
use crate::schema::Schema;

/// When [`DynamoDbStore::touch`](crate::DynamoDbStore::touch) writes.
///
/// A touch costs a write. With fewer of them, a session can end a little sooner than its idle
/// timeout after the last request.
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
    /// Whether the policy makes sense.
    pub(crate) fn check(self) -> Result<(), SetupError> {
        match self {
            Self::After(part) if !(0.0..=1.0).contains(&part) => Err(SetupError::new(format!(
                "`Touch::After({part})` is not a part of the idle timeout; give a number from 0 to 1"
            ))),
            _ => Ok(()),
        }
    }

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
        // A clock before 1970 is a clock that is not set: it then shows 1970, and no session expires.
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

/// Converts whole seconds since 1970.
pub(crate) fn seconds_to_time(seconds: u64) -> SystemTime {
    moment(Duration::from_secs(seconds))
}

/// An item can hold any number. A time that the platform cannot express counts as the year 9999.
fn moment(since_epoch: Duration) -> SystemTime {
    const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
    UNIX_EPOCH + since_epoch.min(YEAR_9999)
}

/// How long a session may live: from when on, and by which timeouts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) created_at: Millis,
    /// The session's own idle timeout, which overrides that of its type.
    pub(crate) own_idle: Option<Duration>,
    type_idle: Duration,
    absolute: Duration,
}

impl Lifetime {
    pub(crate) fn new(schema: &Schema, created_at: Millis, own_idle: Option<Duration>) -> Self {
        Self {
            created_at,
            own_idle,
            type_idle: schema.idle_timeout,
            absolute: schema.absolute_timeout,
        }
    }

    /// The same with timeouts that the session's owner has set.
    pub(crate) fn changed(self, change: TimeoutChange) -> Self {
        Self {
            own_idle: change.idle.unwrap_or(self.own_idle),
            ..self
        }
    }

    /// When the session ends, in whole seconds since 1970, if it was last used at this moment:
    /// `min(⌈touched + idle⌉, ⌊created + absolute⌋)`.
    ///
    /// The idle part is rounded up, so that rounding takes nothing from it; the absolute part is
    /// rounded down, so that rounding never extends it.
    pub(crate) fn expires_at(&self, touched: Millis) -> u64 {
        let idle_end = touched.0.saturating_add(millis(self.idle())).div_ceil(1000);
        idle_end.min(self.absolute_end())
    }

    /// The last second that the absolute timeout allows.
    pub(crate) fn absolute_end(&self) -> u64 {
        self.created_at.0.saturating_add(millis(self.absolute)) / 1000
    }

    /// Until when a roster is kept for the session, in seconds since 1970: a week after the absolute
    /// timeout, rounded up to a whole day, so that hosts with slightly different clocks agree.
    pub(crate) fn roster_end(&self) -> u64 {
        let end = self.absolute_end().saturating_add(7 * DAY);
        end.div_ceil(DAY).saturating_mul(DAY)
    }

    /// When a cookie ends that is given to the client now, in seconds since 1970; 0 if with the browser.
    pub(crate) fn cookie_end(&self, life: CookieLife, now: Millis) -> u64 {
        match life {
            CookieLife::Browser => 0,
            CookieLife::Persistent => {
                let longest = now.seconds().saturating_add(MAX_COOKIE);
                self.absolute_end().min(longest)
            }
        }
    }

    /// Whether a client with a cookie that ends at this moment needs one that ends later: the session can live
    /// longer now, or half of the longest time that browsers keep a cookie has passed.
    #[cfg(feature = "_http")]
    pub(crate) fn outlives_cookie(&self, cookie_end: u64, now: Millis) -> bool {
        let possible = self.cookie_end(CookieLife::Persistent, now);
        let left = cookie_end.saturating_sub(now.seconds());
        cookie_end < possible && (possible == self.absolute_end() || left < MAX_COOKIE / 2)
    }

    /// Whether the policy asks for a touch now.
    pub(crate) fn is_touch_due(&self, policy: Touch, touched: Millis, now: Millis) -> bool {
        policy.is_due(touched, now, self.idle())
    }

    fn idle(&self) -> Duration {
        self.own_idle.unwrap_or(self.type_idle)
    }
}

/// How long a browser keeps the cookie of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "_http"),
    allow(dead_code, reason = "only a layer gives cookies")
)]
pub(crate) enum CookieLife {
    /// Until it is closed.
    Browser,
    /// Until the session ends for certain.
    Persistent,
}

/// The longest time that browsers keep a cookie, in seconds: 400 days, by RFC 6265bis.
const MAX_COOKIE: u64 = 400 * DAY;

/// Timeouts of a session's own that its owner has set, and that are not stored yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeoutChange {
    /// `Some(None)` goes back to the idle timeout of the type.
    pub(crate) idle: Option<Option<Duration>>,
}

impl TimeoutChange {
    /// Sets the idle timeout, in whole seconds, of which there is at least one.
    pub(crate) fn set_idle(&mut self, idle: Option<Duration>) {
        let seconds = |idle: Duration| Duration::from_secs(idle.as_secs().max(1));
        self.idle = Some(idle.map(seconds));
    }

    /// Whether there is nothing to store.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The earliest time of creation with which a session of this type may live until `ends`.
#[cfg(feature = "_record")]
pub(crate) fn earliest_creation(schema: &Schema, ends: u64) -> Millis {
    let end = ends.saturating_mul(1000);
    Millis(end.saturating_sub(millis(schema.absolute_timeout)))
}

/// A session is live until the second `expires_at` begins.
pub(crate) fn is_live(expires_at: u64, now: Millis) -> bool {
    expires_at > now.seconds()
}

/// Whether a session of this type that was created at this moment may be live by the clock of this host,
/// whatever end is stored: the absolute timeout is not over, and it was not created in the future.
///
/// No two clocks that are set differ by a day. A host whose clock is not set, or a value that was written by
/// hand, must not make a session live for years.
pub(crate) fn may_live(schema: &Schema, created_at: Millis, now: Millis) -> bool {
    creation_bounds(schema, now).contains(&created_at)
}

/// The first and the last moment at which a live session can have been created.
pub(crate) fn creation_bounds(schema: &Schema, now: Millis) -> RangeInclusive<Millis> {
    let next_second = now.seconds().saturating_add(1).saturating_mul(1000);
    let first = next_second.saturating_sub(millis(schema.absolute_timeout));
    let last = now.seconds().saturating_add(DAY).saturating_mul(1000);
    Millis(first)..=Millis(last.saturating_add(999))
}

/// In seconds.
pub(crate) const DAY: u64 = 24 * 60 * 60;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
