//! The sessions that listings and revocations of a consistent index must find, whatever others do
//! meanwhile.

use std::collections::BTreeSet;

use serde_json::Value;

use super::items::{ends as end_of, number};
use super::rosters::entries;
use super::{Change, Model, Op, Violation, require};
use crate::client::Listed;
use crate::plan::Act;

/// How often they read the roster again for new ids that were entered meanwhile.
const ROUNDS: usize = 8;

/// A session that a listing or revocation must find.
#[derive(Debug)]
pub struct Due {
    /// The handles that it has had since the start, the current one last.
    handles: Vec<String>,
    /// Its earliest expiry since the start.
    ends: u64,
}

impl Due {
    pub(super) fn handles(&self) -> &[String] {
        &self.handles
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        self.ends <= now
    }
}

impl Model {
    /// An operation begins that must find these sessions.
    pub(super) fn expects(&self, op: &mut Op) {
        if let (Act::RevokeOnly(user, _), Some(target)) = (&op.act, &op.target) {
            let last = self.last(target);
            if self.has(last, *user) && self.may_follow(op, last, &self.truth[last]).is_ok() {
                op.due.push(Due {
                    handles: vec![last.to_owned()],
                    ends: end_of(&self.truth[last]),
                });
            }
        }
        if let Act::List(user) | Act::Revoke(user, _) | Act::UpdateAll(user) = op.act {
            let due = self.told.iter().filter(|handle| self.has(handle, user));
            let due = due.filter(|handle| op.spared.as_ref() != Some(handle));
            op.due.extend(due.map(|handle| Due {
                handles: vec![handle.clone()],
                ends: end_of(&self.truth[handle]),
            }));
        }
    }

    /// Sessions have changed, and so have those that listings and revocations must find.
    pub(super) fn follow(&mut self, sessions: &[&Change]) {
        let moved = match sessions {
            [(old, Some(_), None), (new, None, Some(_))]
            | [(new, None, Some(_)), (old, Some(_), None)] => Some((old, new)),
            _ => None,
        };
        let created = sessions.iter().map(|(_, before, after)| {
            let session = before.as_ref().or(after.as_ref());
            session.and_then(|session| number(session, "created_at"))
        });
        let created: BTreeSet<_> = created.collect();
        let logged_in = moved.is_some() && created.len() > 1;
        if let Some((_, new)) = moved {
            self.told.insert(new.clone());
        }
        let mut ops = std::mem::take(&mut self.ops);
        for op in ops.iter_mut().filter(|op| !op.done) {
            let (Act::List(user)
            | Act::Revoke(user, _)
            | Act::RevokeOnly(user, _)
            | Act::UpdateAll(user)) = op.act
            else {
                self.sees_full(op);
                continue;
            };
            op.due.retain_mut(|due| {
                match moved {
                    // Somebody who logs in during a revocation may have come after it.
                    Some((old, _))
                        if logged_in
                            && matches!(op.act, Act::Revoke(..) | Act::UpdateAll(_))
                            && due.handles.last() == Some(old) =>
                    {
                        return false;
                    }
                    Some((old, new)) if due.handles.last() == Some(old) => {
                        due.handles.push(new.clone());
                    }
                    _ => {}
                }
                // A session that has ended, or that belonged to another user for a moment, need not be
                // found.
                let item = due.handles.last().and_then(|handle| self.truth.get(handle));
                match item.filter(|item| number(item, "user") == Some(user)) {
                    // Under a new handle, only a session that was created before.
                    Some(item)
                        if matches!(op.act, Act::RevokeOnly(..))
                            && due.handles.len() > 1
                            && number(item, "created_at") > Some(op.began) =>
                    {
                        return false;
                    }
                    Some(item) => due.ends = due.ends.min(end_of(item)),
                    None => return false,
                }
                true
            });
        }
        self.ops = ops;
    }

    /// A revocation or listing reads the current roster.
    pub(super) fn shows_roster(&mut self, op: usize, user: u64, roster: &Value) {
        let shown = entries(roster);
        let (truth, op) = (&self.truth, &mut self.ops[op]);
        // The first read decides which sessions it must find.
        let newest = shown.values().copied().max().unwrap_or(0);
        let newest = *op.newest.get_or_insert(newest);
        let shown = shown.into_iter().filter(|(_, created)| *created <= newest);
        let shown: Vec<_> = shown.map(|(handle, _)| handle.to_owned()).collect();
        op.found.extend(shown.iter().cloned());
        let left = shown.into_iter().filter(|handle| {
            let item = truth.get(handle);
            item.is_some_and(|item| number(item, "user") == Some(user))
                && op.spared.as_ref() != Some(handle)
        });
        op.left = left.collect();
    }

    /// A revocation takes effect at its last write or read of the roster. At that moment, no session in the
    /// roster is as old as those at the start, and none of the sessions at the start is in it under any id.
    pub(super) fn roster_is_revoked(
        &self,
        op: &Op,
        failed: &[String],
        moved: usize,
    ) -> Result<(), Violation> {
        let exhausted = moved > 0 && op.requests.len() > 2 * ROUNDS;
        let mut left = op.left.iter();
        require(
            exhausted || left.all(|handle| failed.contains(handle)),
            "G9",
            || "a revocation left a session in the roster".to_owned(),
        )?;
        let mut due = op.due.iter().filter_map(|due| due.handles.last());
        require(due.all(|handle| failed.contains(handle)), "G9", || {
            "a session outlived its revocation".to_owned()
        })
    }

    /// Each session that existed all the time is listed, under one of its ids if it got new ones.
    pub(super) fn roster_is_listed(
        &self,
        op: &Op,
        listed: &[Listed],
        now: u64,
    ) -> Result<(), Violation> {
        let shown = |handle: &String| listed.iter().any(|session| session.handle == *handle);
        for due in &op.due {
            let live = due.ends > now;
            let found = due.handles.len() > ROUNDS || due.handles.iter().any(shown);
            require(!live || found, "G9", || {
                "a live session is not listed".to_owned()
            })?;
        }
        Ok(())
    }
}
