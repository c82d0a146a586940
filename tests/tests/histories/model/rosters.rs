//! Rosters: their form, their changes, and that they miss no known session.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{absolute_end, ends, expires_at, number};
use super::{Change, Model, Op, Violation, require};
use crate::plan::Act;

/// The handle of a session never begins like this.
const PREFIX: &str = "#user#";

/// The rest of the key: the kind of the value, and the session type.
const SUFFIX: &str = "#N#histories";

pub fn is_roster(key: &str) -> bool {
    key.starts_with('#')
}

pub fn roster_of(user: u64) -> String {
    format!("{PREFIX}{user}{SUFFIX}")
}

/// The handles in a roster, each with the time of creation of its session.
pub fn entries(roster: &Value) -> BTreeMap<&str, u64> {
    let entries = roster["m"]["M"].as_object().into_iter().flatten();
    entries
        .map(|(handle, _)| {
            (
                handle.as_str(),
                number(&roster["m"]["M"], handle).unwrap_or(0),
            )
        })
        .collect()
}

/// A roster at the start of an operation: the expiry of each entry's session, if it exists.
#[derive(Debug)]
pub struct Found {
    pub ends: u64,
    pub sessions: Vec<Option<u64>>,
}

impl Found {
    /// The number of entries whose session is absent, or has expired at this time.
    pub fn dead(&self, millis: u64) -> usize {
        let dead = |end: &Option<u64>| end.is_none_or(|end| end <= millis);
        self.sessions.iter().filter(|end| dead(end)).count()
    }

    /// Whether there is a stale entry.
    pub fn lacks_one(&self) -> bool {
        self.sessions.iter().any(Option::is_none)
    }
}

impl Model {
    /// Whether a session exists and belongs to this user.
    pub(super) fn has(&self, handle: &str, user: u64) -> bool {
        let item = self.truth.get(handle);
        item.is_some_and(|item| number(item, "user") == Some(user))
    }

    pub(super) fn roster(&self, user: u64) -> BTreeMap<&str, u64> {
        let roster = self.truth.get(&roster_of(user));
        roster.map(entries).unwrap_or_default()
    }

    /// Records the rosters that an operation finds at its start.
    pub(super) fn surveys(&self, op: &mut Op) {
        for (key, roster) in self.truth.iter().filter(|(key, _)| is_roster(key)) {
            let found = entries(roster).into_keys();
            let found = Found {
                ends: expires_at(roster),
                sessions: found
                    .map(|handle| self.truth.get(handle).map(ends))
                    .collect(),
            };
            op.rosters.insert(key.clone(), found);
        }
        if let Some(target) = op.target.as_deref() {
            op.marks = self.marks_from(target);
            op.was_moved = op.marks > 0;
            let target = if op.follows() || op.goes_on() {
                self.last(target)
            } else {
                target
            };
            op.was = self.truth.get(target).cloned();
        }
        self.expects(op);
        self.sees_full(op);
    }

    /// A roster changed.
    pub(super) fn roster_changed(
        &self,
        op: usize,
        (key, before, after): &Change,
    ) -> Result<(), Violation> {
        let op = &self.ops[op];
        let (Some(_), Some(user)) = (self.limit, user_of(key)) else {
            return require(false, "G2", || format!("{:?} made or ended {key}", op.act));
        };
        let Some(after) = after else {
            let was = before.as_ref().map(entries).unwrap_or_default();
            let is_empty = was.keys().all(|handle| !self.has(handle, user));
            return require(is_empty, "G9", || {
                format!("{:?} ended the roster of a session that is there", op.act)
            });
        };
        let mut names: Vec<_> = after.as_object().into_iter().flatten().collect();
        names.retain(|(name, _)| !["id", "m", "expires_at"].contains(&name.as_str()));
        let whole = names.is_empty()
            && after["m"]["M"].is_object()
            && number(after, "expires_at").is_some();
        require(whole, "G2", || {
            format!("an item that is no roster: {after}")
        })?;

        let was = before.as_ref().map(entries).unwrap_or_default();
        let is = entries(after);
        for (handle, created) in is.iter().filter(|(handle, _)| !was.contains_key(*handle)) {
            let adds = matches!(
                op.act,
                Act::Create(..) | Act::Save(..) | Act::Update(..) | Act::UpdateHandle(..)
            );
            let adds = adds || op.changes_id();
            require(adds && self.known.contains(*handle), "G9", || {
                format!("{:?} put an entry in a roster before its session", op.act)
            })?;
            let session = self.truth.get(*handle);
            let same = session.is_none_or(|item| number(item, "created_at") == Some(*created));
            require(same, "G9", || {
                format!("an entry says that its session was created at {created}")
            })?;
        }
        for handle in was.keys().filter(|handle| !is.contains_key(*handle)) {
            // A `create` takes back a session that it has not returned.
            let own = op.put.contains(*handle) && !self.told.contains(*handle);
            require(own || !self.has(handle, user), "G9", || {
                format!("{:?} removed the entry of a session that is there", op.act)
            })?;
        }

        let ends = expires_at(after);
        let was = before.as_ref().map_or(0, expires_at);
        require(was <= ends, "G9", || {
            format!("the end of a roster went back from {was} to {ends}")
        })?;
        let sessions = is.keys().filter_map(|handle| self.truth.get(*handle));
        let last = sessions.map(absolute_end).max().unwrap_or(0);
        require(last <= ends, "G9", || {
            format!("a roster ends at {ends}, and a session in it can live until {last}")
        })
    }

    /// At every step: each known session is in the roster of its user, and no roster has more sessions than
    /// the limit.
    pub(super) fn rosters_hold(&self) -> Result<(), Violation> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        for handle in &self.told {
            let user = self.truth.get(handle).and_then(|item| number(item, "user"));
            let Some(user) = user else { continue };
            require(
                self.roster(user).contains_key(handle.as_str()),
                "G9",
                || format!("a session that somebody knows is not in the roster of user {user}"),
            )?;
        }
        for user in self.truth.keys().filter_map(|key| user_of(key)) {
            let mut sessions = self.roster(user).into_keys().collect::<Vec<_>>();
            // A stale entry is removed later. An entry of another user's session would never be removed.
            sessions.retain(|handle| self.truth.contains_key(*handle));
            require(
                sessions.iter().all(|handle| self.has(handle, user)),
                "G9",
                || format!("user {user} has an entry of another's session"),
            )?;
            require(sessions.len() <= limit.of(user), "G9", || {
                format!("user {user} has {} sessions", sessions.len())
            })?;
        }
        Ok(())
    }
}

pub fn user_of(key: &str) -> Option<u64> {
    key.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
}
