//! What a write may leave in an item.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::items::{OWN, expires_at, number, strangers};
use super::{Violation, require};
use crate::client::Pending;
use crate::plan::REMEMBERED;

/// The idle timeout of its own that a session was given is stored.
pub(super) fn chosen_idle(pending: &Pending, after: &Value) -> Result<(), Violation> {
    let idle = number(after, "idle");
    let right = pending.new_idle.is_none_or(|chosen| chosen == idle);
    require(right, "G6", || {
        format!(
            "the idle timeout is {idle:?}, and {:?} was to be stored",
            pending.new_idle
        )
    })
}

/// The absolute timeout of its own that a change of id stores is one that was chosen, or that of before. Only a log-in
/// lets the session end later.
pub(super) fn chosen_absolute(
    pending: &Pending,
    before: &Value,
    after: &Value,
) -> Result<(), Violation> {
    let (was, is) = (number(before, "absolute"), number(after, "absolute"));
    let logs_in = before["created_at"] != after["created_at"];
    let stored = |chosen: &Option<u64>| match logs_in {
        true => *chosen,
        false => was.into_iter().chain(*chosen).min(),
    };
    let mut chosen = pending.absolute.iter().map(stored);
    let right = match pending.absolute.len() {
        1 if pending.fresh && !pending.resumed => chosen.any(|chosen| chosen == is),
        _ => is == was || chosen.any(|chosen| chosen == is),
    };
    require(right, "G6", || {
        format!(
            "the absolute timeout went from {was:?} to {is:?}, and {:?} were chosen",
            pending.absolute
        )
    })
}

pub(super) fn expiry(
    before: &Value,
    after: &Value,
    now: u64,
    new_timeouts: bool,
) -> Result<(), Violation> {
    let (was, is) = (expires_at(before), expires_at(after));
    require(is >= was || new_timeouts, "G6", || {
        format!("its end went back from {was} to {is}")
    })?;
    let used = number(after, "touched_at").unwrap_or(0).max(now);
    let most = (used + REMEMBERED * 1000).div_ceil(1000);
    require(is <= most.max(was), "G6", || {
        format!("it ends at {is}, later than {most}")
    })
}

pub(super) fn versions(before: &Value, after: &Value) -> Result<(), Violation> {
    let (was, is) = (number(before, "version"), number(after, "version"));
    require(is == was.map(|was| was + 1), "G13", || {
        format!("version {is:?} follows {was:?}")
    })
}

/// G3: everything that had to be stored is stored, and nothing else has changed.
pub(super) fn stored(
    pending: &Pending,
    was: &BTreeMap<String, Option<u64>>,
    is: &BTreeMap<String, Option<u64>>,
) -> Result<(), Violation> {
    for (name, value) in &pending.must {
        require(is.get(*name).copied().flatten() == *value, "G3", || {
            format!(
                "`{name}` is {:?}, and {value:?} was to be stored",
                is.get(*name)
            )
        })?;
    }
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for name in names {
        let (was, is) = (
            was.get(name).copied().flatten(),
            is.get(name).copied().flatten(),
        );
        let meant = pending.must.contains_key(name.as_str())
            || pending
                .may
                .get(name.as_str())
                .is_some_and(|values| values.contains(&is));
        let guarantee = if name == "note" { "G4" } else { "G3" };
        require(was == is || meant, guarantee, || {
            format!("`{name}` went from {was:?} to {is:?}, and nobody meant to change it")
        })?;
    }
    Ok(())
}

/// G4: attributes that no program here knows are unchanged.
pub(super) fn others(before: &Value, after: &Value) -> Result<(), Violation> {
    let mut known = OWN.to_vec();
    known.extend(["user", "level", "note", "sum"]);
    let (was, is) = (strangers(before, &known), strangers(after, &known));
    require(was == is, "G4", || {
        format!("attributes went from {was:?} to {is:?}")
    })
}
