//! Moments, in words.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};
use time::OffsetDateTime;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const TWO_HOURS: u64 = 2 * HOUR;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;

/// A session is touched every few minutes at most (see `main`), so that a shorter time would say more than is known.
const NOW: u64 = 5 * MINUTE;

/// How long ago the last activity was.
pub(crate) fn activity(now: SystemTime, last: SystemTime) -> String {
    // The other host's clock may be ahead.
    let ago = now.duration_since(last).unwrap_or(Duration::ZERO).as_secs();
    match ago {
        ..NOW => "active now".to_owned(),
        NOW..HOUR => format!("active {} minutes ago", ago / MINUTE),
        HOUR..TWO_HOURS => "active 1 hour ago".to_owned(),
        TWO_HOURS..DAY => format!("active {} hours ago", ago / HOUR),
        DAY..TWO_DAYS => "active yesterday".to_owned(),
        TWO_DAYS.. => format!("active {} days ago", ago / DAY),
    }
}

/// A day and a time. Without the year, since no session is a year old.
pub(crate) fn moment(time: SystemTime) -> Markup {
    let time = OffsetDateTime::from(time);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let clock = format!("{:02}:{:02}", time.hour(), time.minute());
    let machine = format!("{year}-{:02}-{day:02}T{clock}Z", u8::from(month));
    let month = month.to_string();
    html! {
        time datetime=(machine) { (day) " " (month.get(..3).unwrap_or(&month)) ", " (clock) " UTC" }
    }
}
