//! Checks the timeouts that are given beside those of a standard.

use std::time::Duration;

use crate::errors::Errors;
use crate::parse::{Preset, TableOptions, Timeout};

// The name of a standard says to the reader, and to an auditor, that the type keeps to it. So a timeout beside
// it can only be shorter. Says whether one is not.
pub(super) fn check(errors: &Errors, table: &TableOptions) -> bool {
    let Some(preset) = &table.timeouts else {
        return false;
    };
    // Without a figure of its own, the idle timeout is bounded by the absolute one.
    let idle = preset.idle.or(preset.absolute);
    let idle = check_timeout(errors, "idle", &table.idle_timeout, preset, idle);
    let absolute = &table.absolute_timeout;
    check_timeout(errors, "absolute", absolute, preset, preset.absolute) || idle
}

fn check_timeout(
    errors: &Errors,
    which: &str,
    given: &Option<Timeout>,
    preset: &Preset,
    longest: Option<Duration>,
) -> bool {
    let (Some(given), Some(longest)) = (given, longest) else {
        return false;
    };
    if given.duration <= longest {
        return false;
    }
    let message = format!(
        "the {which} timeout of {} is longer than the {} of {}; make it shorter, or remove one of \
         `{which}_timeout` and `timeouts`",
        given.text.value(),
        in_words(longest),
        preset.text.value()
    );
    errors.report(&given.text, message);
    true
}

/// As an option could have it. A day is written as 24 hours, as the standards say it.
fn in_words(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (hours, 0) if hours > 24 && hours % 24 == 0 => format!("{}d", hours / 24),
        (hours, 0) => format!("{hours}h"),
        _ => format!("{minutes}m"),
    }
}
