//! How long a session lives: idle and absolute timeout, and when a touch is written.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::SetupError;
use crate::schema::Schema;

use super::own_timeouts::{KnownTimeouts, OwnTimeouts};

/// When [`DynamoDbStore::touch`](crate::DynamoDbStore::touch) writes.
///
/// A touch is billed as a write of the whole item. With fewer of them, a session can end sooner than its idle timeout
/// after the last request. Let `part` be the part of the idle timeout after which a touch is due. Then a session ends
/// after the last request at `1 - part` of its idle timeout at the earliest, and at the whole of it at the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Touch {
    /// By what it costs: after a tenth of the idle timeout if the item is not larger than 1 KB, and after a third if it
    /// is, and so is more than one write unit. The default.
    ///
    /// With an idle timeout of 30 minutes, a session ends 27 to 30 minutes after the last request, and a large one
    /// 20 to 30 minutes after it.
    #[default]
    BySize,
    /// Every time.
    Always,
    /// Not at all: only a save extends the idle timeout. A touch still writes what the session
    /// [lacks](crate::DynamoDbStore::touch) of its type, and extends nothing.
    Never,
    /// When this part of the idle timeout, from 0 to 1, has passed since the last touch or save, or when so
    /// much of what a touch would grant is missing: a program whose type has a shorter idle timeout may have
    /// written last.
    After(f64),
    /// When so much time has passed since the last touch or save, or a tenth of the idle timeout, if that is less: a list
    /// of sessions shows no last activity that is older than that. By a tenth alone, it is up to three days old for a
    /// session of 30 days.
    Every(Duration),
}

/// The part of the idle timeout after which a touch is due that costs one write unit.
const TENTH: f64 = 0.1;

/// The same for one that costs more.
const THIRD: f64 = 1.0 / 3.0;

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
}

/// A moment in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

impl Millis {
    /// The moment so much later.
    #[cfg(feature = "actix-session")]
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(millis(time)))
    }

    /// The beginning of a second since 1970.
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds, rounded up.
    pub(crate) fn seconds_up(self) -> u64 {
        self.0.div_ceil(1000)
    }

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
    pub(crate) own: OwnTimeouts,
    idle: Duration,
    absolute: Duration,
    /// The absolute timeout of the type: no session of it has a longer one.
    longest: Duration,
}

impl Lifetime {
    pub(crate) fn new(schema: &Schema, created_at: Millis, own: OwnTimeouts) -> Self {
        let longest = schema.absolute_timeout;
        Self {
            created_at,
            own,
            idle: own.idle(schema),
            absolute: own.absolute(schema),
            longest,
        }
    }

    /// When the session ends, in whole seconds since 1970, if it was last used at this moment:
    /// `min(⌈touched + idle⌉, ⌊created + absolute⌋)`.
    ///
    /// The idle part is rounded up, so that rounding takes nothing from it; the absolute part is
    /// rounded down, so that rounding never extends it.
    pub(crate) fn expires_at(&self, touched: Millis) -> u64 {
        let idle_end = touched.0.saturating_add(millis(self.idle)).div_ceil(1000);
        idle_end.min(self.absolute_end())
    }

    /// When a session that was last used at this moment ends by its timeouts, to the millisecond.
    fn end(&self, touched: Millis) -> Millis {
        let absolute_end = self.absolute_end().saturating_mul(1000);
        Millis(touched.0.saturating_add(millis(self.idle))).min(Millis(absolute_end))
    }

    /// The same if it has this stored end.
    pub(crate) fn end_as_stored(&self, expires_at: u64, touched: Millis) -> Millis {
        self.end(touched).min(Millis::of_seconds(expires_at))
    }

    /// The last second that the absolute timeout allows.
    pub(crate) fn absolute_end(&self) -> u64 {
        self.created_at.0.saturating_add(millis(self.absolute)) / 1000
    }

    /// Until when a roster is kept for the session, in seconds since 1970: a week after the absolute
    /// timeout of the type, rounded up to a whole day, so that hosts with slightly different clocks agree.
    pub(crate) fn roster_end(&self) -> u64 {
        let end = self.created_at.0.saturating_add(millis(self.longest)) / 1000;
        let end = end.saturating_add(7 * DAY);
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

    /// Whether the policy asks for a touch now, of a session that was last used at this moment and has this
    /// stored end. `is_large`: its item is more than one write unit.
    pub(crate) fn is_touch_due(
        &self,
        policy: Touch,
        is_large: bool,
        (touched, expires_at): (Millis, u64),
        now: Millis,
    ) -> bool {
        let part = match policy {
            Touch::Always => return true,
            Touch::Never => return false,
            Touch::BySize if is_large => THIRD,
            Touch::BySize => TENTH,
            Touch::After(part) => part,
            Touch::Every(time) => (millis(time) as f64 / millis(self.idle) as f64).min(TENTH),
        };
        let passed = now.0.saturating_sub(touched.0) as f64;
        if passed >= millis(self.idle) as f64 * part {
            return true;
        }
        // G19: a program whose type has a shorter timeout has written last.
        let left = |end: Millis| end.0.saturating_sub(now.0) as f64;
        let granted = left(self.end(now));
        // Rounding must not make one due before its part has passed.
        left(self.end_as_stored(expires_at, touched)) + 1.0 < granted * (1.0 - part)
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

/// The earliest time of creation with which a session with these timeouts may live until `ends`.
#[cfg(feature = "_record")]
pub(crate) fn earliest_creation(schema: &Schema, own: OwnTimeouts, ends: u64) -> Millis {
    let end = ends.saturating_mul(1000);
    Millis(end.saturating_sub(millis(own.absolute(schema))))
}

/// When a session of this type ends, to the millisecond, by what its item says of it: at the stored end, or sooner
/// by its timeouts (G19).
///
/// DynamoDB's TTL takes whole seconds, so the stored end is rounded up. And another version of the type may have
/// stored it, with longer timeouts.
pub(crate) fn end(
    schema: &Schema,
    expires_at: u64,
    created_at: Option<Millis>,
    touched: Option<Millis>,
    own: OwnTimeouts,
) -> Millis {
    let stored = Millis::of_seconds(expires_at);
    let by_idle = match (touched, own.idle_unless_stored(schema)) {
        (Some(touched), Some(idle)) => stored.min(Millis(touched.0.saturating_add(millis(idle)))),
        _ => stored,
    };
    created_at.map_or(by_idle, |created_at| {
        let lifetime = Lifetime::new(schema, created_at, own);
        by_idle.min(Millis::of_seconds(lifetime.absolute_end()))
    })
}

/// By what a write judges whether a session has expired.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) at: Millis,
    pub(crate) timeouts: KnownTimeouts,
}

/// The last use, and the idle timeout in whole seconds, by which a session ends at this moment. So an end that a
/// framework chooses is stored to the millisecond: the last use is less than a second before now.
#[cfg(feature = "_record")]
pub(crate) fn use_until(end: Millis, now: Millis) -> (Millis, Duration) {
    let idle = end.0.saturating_sub(now.0).div_ceil(1000).max(1);
    let used = end.0.saturating_sub(idle.saturating_mul(1000));
    (Millis(used), Duration::from_secs(idle))
}

/// Whether a session of this type that was created at this moment may be live by the clock of this host,
/// whatever end is stored: the absolute timeout is not over, and it was not created in the future.
///
/// No two clocks that are set differ by a day. A host whose clock is not set, or a value that was written by
/// hand, must not make a session live for years.
pub(crate) fn may_live(schema: &Schema, created_at: Millis, now: Millis) -> bool {
    creation_bounds(schema.absolute_timeout, now).contains(&created_at)
}

/// The first and the last moment at which a live session with this absolute timeout can have been created.
pub(crate) fn creation_bounds(absolute: Duration, now: Millis) -> RangeInclusive<Millis> {
    let next_second = now.seconds().saturating_add(1).saturating_mul(1000);
    let first = next_second.saturating_sub(millis(absolute));
    let last = now.seconds().saturating_add(DAY).saturating_mul(1000);
    Millis(first)..=Millis(last.saturating_add(999))
}

/// Whether a user who authenticated at this moment did so less than this time ago.
///
/// A host whose clock is ahead may have written a later moment. No two clocks that are set differ by a day.
pub(crate) fn is_recent(authenticated_at: Millis, within: Duration, now: Millis) -> bool {
    let age = Duration::from_millis(now.0.saturating_sub(authenticated_at.0));
    age < within && authenticated_at.0 <= now.0.saturating_add(DAY * 1000)
}

/// In seconds.
pub(crate) const DAY: u64 = 24 * 60 * 60;

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
