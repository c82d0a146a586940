//! The cost that an operation may have.

use std::ops::RangeInclusive;

use super::items::{absolute_end, number};
use super::{Model, Op, Violation, require, roster_of};
use crate::client::Reads;
use crate::plan::{ABSOLUTE, Act, IDLE};

impl Op {
    /// The requests that an operation may send.
    pub(super) fn allowed(&self, roster: bool) -> &'static [&'static str] {
        match self.act {
            Act::Advance(_) | Act::AdvanceToEnd(..) => &[],
            Act::Create(..) if roster && self.changes_user() => &[
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
                "TransactWriteItems",
            ],
            Act::Create(..) => &["PutItem", "DeleteItem"],
            Act::Save(..) | Act::Touch(_) | Act::Refresh(_) if roster && self.resumes_first() => &[
                "GetItem",
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
                "TransactWriteItems",
            ],
            Act::Refresh(_) if self.resumes_first() => &["TransactWriteItems", "GetItem"],
            Act::Save(..) | Act::Touch(_) if self.resumes_first() => {
                &["TransactWriteItems", "UpdateItem"]
            }
            Act::Load(_) | Act::Refresh(_) | Act::Find(..) => &["GetItem"],
            Act::Save(..) if roster && self.changes_user() => &[
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
                "TransactWriteItems",
            ],
            Act::Save(..) | Act::Touch(_) => &["UpdateItem"],
            Act::Update(..) | Act::UpdateHandle(..) if roster && self.changes_user() => &[
                "GetItem",
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
                "TransactWriteItems",
            ],
            Act::Update(..) | Act::UpdateHandle(..) => &["GetItem", "UpdateItem"],
            Act::Cycle(..) | Act::Reauthenticate(..) if roster && self.changes_user() => &[
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
                "TransactWriteItems",
            ],
            Act::Cycle(..) | Act::Reauthenticate(..) => &["TransactWriteItems"],
            // If the session is gone, it is a `create`.
            Act::LogIn(..) if roster => &[
                "TransactWriteItems",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "BatchGetItem",
            ],
            Act::LogIn(..) => &["TransactWriteItems", "PutItem", "DeleteItem"],
            Act::Delete(_) | Act::RevokeHandle(_) | Act::RevokeOnly(..) if roster => {
                &["DeleteItem", "UpdateItem"]
            }
            Act::Delete(_) | Act::RevokeHandle(_) | Act::RevokeOnly(..) => &["DeleteItem"],
            Act::Revoke(..) if roster => &[
                "GetItem",
                "BatchGetItem",
                "DeleteItem",
                "UpdateItem",
                "TransactWriteItems",
            ],
            Act::Revoke(..) => &["Query", "DeleteItem"],
            Act::UpdateAll(_) if roster => &["BatchGetItem", "GetItem", "UpdateItem"],
            Act::UpdateAll(_) => &["Query", "GetItem", "UpdateItem"],
            Act::List(_) if roster => &["BatchGetItem"],
            Act::List(_) => &["Query", "BatchGetItem"],
        }
    }
}

/// A week and a day: the longest time that a roster is kept after the absolute end of its sessions.
const KEPT: u64 = 8 * 24 * 60 * 60;

impl Op {
    /// Whether the session was used since its copy was read.
    fn is_stale(&self) -> bool {
        let used_at = self.was.as_ref().map(|was| number(was, "touched_at"));
        used_at.is_some_and(|at| at != Some(self.pending.touched_at))
    }

    /// If a roster is kept longer than its session needs, a write to it is refused once more.
    fn is_kept_longer(&self, user: u64) -> usize {
        let session = self.was.as_ref();
        let ends = session.map_or(self.began / 1000 + ABSOLUTE, absolute_end);
        let found = self.rosters.get(&roster_of(user));
        usize::from(found.is_some_and(|found| found.ends >= ends + KEPT))
    }
}

type Costs = RangeInclusive<usize>;

fn sum(a: Costs, b: &Costs) -> Costs {
    a.start() + b.start()..=a.end() + b.end()
}

impl Model {
    /// G14: the cost of an operation without faults and other clients.
    pub(super) fn counts(&self, op: &Op, now: u64) -> Result<(), Violation> {
        if op.faulted || op.interfered || !op.alone {
            return Ok(());
        }
        let sent = op.requests.len();
        let due = op.pending.is_due();
        let session = match op.act {
            // A change of id, which others can have met as they can any other.
            _ if op.resumes_first() => return Ok(()),
            Act::Advance(_) | Act::AdvanceToEnd(..) => 0..=0,
            Act::Create(..) => 1..=1,
            // What memory may answer is checked where a session is shown.
            Act::Load(_) if matches!(op.reads, Reads::Cached(_)) => 0..=usize::from(!op.is_kept),
            Act::Load(_) => match op.again {
                true if op.late.is_some() => 2..=2,
                _ => 1..=1,
            },
            // One more for each mark.
            Act::Delete(_) | Act::RevokeHandle(_) | Act::RevokeOnly(..) => {
                1 + op.marks..=1 + op.marks
            }
            // One more if the session expires later than after this write, and one more for a stale copy.
            Act::Save(..) if due => 1..=3,
            Act::Save(..) if op.pending.fresh => 0..=0,
            Act::Save(..) => 0..=3,
            Act::Update(..) => 1..=3,
            // One more for each mark.
            Act::UpdateHandle(..) => 1..=2 + op.marks,
            Act::Find(..) => 1..=1,
            // Less than a tenth of the idle timeout has passed.
            Act::Touch(_) if op.began < op.pending.touched_at + IDLE * 100 => 0..=0,
            // One more if its own timeout was stored and it was not told, or others have used the session since.
            Act::Touch(_) if op.pending.idle || op.is_stale() => 0..=2,
            Act::Touch(_) => 0..=1,
            // One more for a stale copy, and twice as many for a proof to finish an earlier change of id.
            Act::Reauthenticate(..) if op.pending.resumed => 1..=4,
            Act::Cycle(..) | Act::Reauthenticate(..) => 1..=2,
            // Twice as many to finish an earlier change of id, and one more to create.
            Act::LogIn(..) if op.pending.resumed => 1..=5,
            Act::LogIn(..) if op.put.is_empty() => 1..=2,
            Act::LogIn(..) => 2..=3,
            Act::Refresh(_) => 1..=1,
            Act::Revoke(..) => 1 + op.asked()..=1 + op.asked(),
            // The roster, or the index, and at most two for each session that it shows.
            Act::UpdateAll(user) => {
                let found = op.rosters.get(&roster_of(user));
                let entries = found.map_or(op.found.len(), |found| found.sessions.len());
                1..=2 + 2 * entries
            }
            Act::List(_) => match op.found.is_empty() {
                true => 1..=1,
                false => 2..=2,
            },
        };
        let range = sum(session, &self.roster_counts(op, now));
        require(range.contains(&sent), "G14", || {
            format!("{:?} took {sent} requests in place of {range:?}", op.act)
        })
    }

    /// The additional cost of a consistent index.
    fn roster_counts(&self, op: &Op, now: u64) -> Costs {
        if self.limit.is_none() {
            return 0..=0;
        }
        let had_user = op.was.as_ref().map(|item| number(item, "user"));
        match op.act {
            Act::Create(..) => match op.users().first() {
                Some(user) => self.entry_counts(op, *user, now),
                None => 0..=0,
            },
            // The one request is a transaction, which can be refused because of the roster.
            Act::Save(..)
            | Act::Update(..)
            | Act::UpdateHandle(..)
            | Act::Cycle(..)
            | Act::Reauthenticate(..)
                if op.changes_user() =>
            {
                let costs = op.users().into_iter();
                let costs = costs.map(|user| *self.entry_counts(op, user, now).end());
                0..=costs.max().unwrap_or(0)
            }
            // It may move the end of the roster.
            Act::LogIn(..) => {
                let costs = op.users().into_iter();
                let costs = costs.map(|user| *self.entry_counts(op, user, now).end());
                0..=1 + costs.max().unwrap_or(0)
            }
            Act::Cycle(..) | Act::Reauthenticate(..) => match had_user.flatten() {
                Some(user) => 0..=op.is_kept_longer(user),
                None => 0..=0,
            },
            // The user is known only if the session existed.
            Act::Delete(_) | Act::RevokeHandle(_) => match had_user.flatten() {
                Some(user) => self.leave_counts(op, user),
                None => 0..=0,
            },
            // The roster can still have the entry of a session that is gone.
            Act::RevokeOnly(user, _)
                if op.marks > 0 || had_user.is_none_or(|had| had == Some(user)) =>
            {
                self.leave_counts(op, user)
            }
            // The roster goes with its last entry.
            Act::Revoke(..) if op.asked() > 0 => 1..=2,
            // For a stale entry, the roster is read again.
            Act::List(user) => match op.rosters.get(&roster_of(user)) {
                Some(found) if found.lacks_one() => 1..=1,
                _ => 0..=0,
            },
            _ => 0..=0,
        }
    }

    /// The cost of leaving a roster: it goes with its last entry, which is tried first where a limit keeps it small.
    fn leave_counts(&self, op: &Op, user: u64) -> Costs {
        let found = op.rosters.get(&roster_of(user));
        let has_others = found.is_some_and(|found| found.sessions.len() > 1);
        let is_small = self.limit.is_some_and(|limit| limit.sessions != usize::MAX);
        match is_small == has_others {
            true => 1..=2,
            false => 1..=1,
        }
    }

    /// The cost of entering a session into a roster.
    fn entry_counts(&self, op: &Op, user: u64, now: u64) -> Costs {
        let limit = self.limit.map_or(usize::MAX, |limit| limit.of(user));
        let Some(found) = op.rosters.get(&roster_of(user)) else {
            // The first session of a user: the update finds no roster, nor does a read find one of an
            // earlier program, and a second update creates it.
            return 3..=3;
        };
        // Refused once more if the roster is kept longer than this session needs.
        let ends = op
            .was
            .as_ref()
            .map_or(op.began / 1000 + ABSOLUTE, absolute_end);
        let longer = usize::from(found.ends >= ends + KEPT);
        if found.sessions.len() < limit {
            return 1..=1 + longer;
        }
        // It is refused, reads the sessions, and deletes the expired ones. Then it removes the stale
        // entries and enters its session, or evicts another session in one request, or takes back its
        // session and its entry.
        let (least, most) = (found.dead(op.began), found.dead(now));
        let least = if least == 0 { 3 } else { 4 };
        let most = match most {
            0 if self.limit.is_some_and(|limit| limit.evicts) => 3,
            most => 4 + most,
        };
        least..=most + longer
    }
}
