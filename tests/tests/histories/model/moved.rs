//! Changes of id: the mark under the old handle, the way from there to the session, and log-ins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{expires_at, number};
use super::{Change, Model, Moved, Op, Violation, require};
use crate::client::Seen;
use crate::plan::{Act, IDLE, NewId};

/// How long a mark counts, in milliseconds.
const MARKED_FOR: u64 = 60_000;

/// How long before it is made a mark expires, in seconds: a program that does not know marks takes it for a
/// session that has expired.
const DAY: u64 = 24 * 60 * 60;

const PARTS: [&str; 5] = ["id", "created_at", "expires_at", "session_type", "moved_to"];

/// The new handle in a mark.
pub fn moved_to(item: &Value) -> Option<&str> {
    item["moved_to"]["S"].as_str()
}

/// Whether a mark counts at this time of a client's clock.
pub(super) fn counts(mark: &Value, at: u64) -> bool {
    number(mark, "created_at").is_some_and(|made| at < made + MARKED_FOR)
}

fn is_mark(item: &Option<Value>) -> bool {
    item.as_ref().is_some_and(|item| moved_to(item).is_some())
}

/// The handles that a session has had since this one, which comes first.
pub(super) fn way<'a>(
    moved: &'a BTreeMap<String, Moved>,
    from: &'a str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    std::iter::successors(Some(from), |handle| {
        moved.get(*handle).map(|moved| moved.to.as_str())
    })
}

/// Whether a session has had both handles, this one first.
pub(super) fn leads(moved: &BTreeMap<String, Moved>, from: &str, to: &str) -> bool {
    way(moved, from).any(|handle| handle == to)
}

impl Op {
    /// Whether it ends a session, under whatever handle it has.
    pub(super) fn follows(&self) -> bool {
        matches!(
            self.act,
            Act::Delete(_) | Act::RevokeHandle(_) | Act::RevokeOnly(..)
        )
    }

    /// Whether it may give its session a new id. A `save`, `touch` or `refresh` finishes an earlier change of id.
    pub(super) fn changes_id(&self) -> bool {
        self.act.new_id().is_some() || self.resumes_first()
    }

    /// Whether it is a `save`, `touch` or `refresh` that finishes a change of id first.
    pub(super) fn resumes_first(&self) -> bool {
        let is_other = matches!(self.act, Act::Save(..) | Act::Touch(_) | Act::Refresh(_));
        is_other && self.pending.resumed
    }

    /// Whether it goes on with its session under the new handle that another one has given it.
    pub(super) fn goes_on(&self) -> bool {
        self.resumes_first() || matches!(self.act, Act::UpdateHandle(..))
    }

    /// Whether it is a change of id that first finishes an earlier one of its copy, if that is another.
    pub(super) fn may_finish_another(&self) -> bool {
        matches!(self.act, Act::LogIn(..) | Act::Reauthenticate(..))
    }

    /// Whether its first change of id can be an earlier one, with the fields of that.
    pub(super) fn finishes_first(&self) -> bool {
        let is_log_in = self.pending.new_id == Some(NewId::LoggedIn);
        self.pending.resumed && (!is_log_in || matches!(self.act, Act::Reauthenticate(..)))
    }

    /// Since when a log-in of this operation is under way.
    fn log_in_began(&self) -> u64 {
        match self.pending.new_id {
            Some(NewId::LoggedIn) => self.pending.begun,
            _ => self.began,
        }
    }

    /// G6: a proof counts from the moment at which it was first asked for, however often its change of id is sent.
    fn is_asked(&self, at: u64, now: u64) -> bool {
        let first = self.pending.begun..=self.pending.asked.unwrap_or(now);
        let is_second = self.pending.resumed && self.may_finish_another();
        first.contains(&at) || is_second && (self.began..=now).contains(&at)
    }
}

impl Model {
    /// The item under a handle: a session, or the mark of one that has a new handle.
    pub fn item(&self, handle: &str) -> Option<&Value> {
        self.truth.get(handle).or_else(|| self.marks.get(handle))
    }

    /// The last handle of a session that had this one.
    pub(super) fn last<'a>(&'a self, handle: &'a str) -> &'a str {
        way(&self.moved, handle).last().unwrap_or(handle)
    }

    /// The marks on the way from this handle to the session.
    pub(super) fn marks_from(&self, handle: &str) -> usize {
        way(&self.moved, handle).count() - 1
    }

    /// How many marks are there in a row, from this handle on.
    pub(super) fn followed(&self, from: &str) -> usize {
        let marks = way(&self.moved, from).map_while(|handle| self.marks.get(handle));
        marks.count()
    }

    /// G18: an old id ends its session as long as its marks are there, and the handle of an old id only a
    /// session that was created before.
    pub(super) fn may_follow(&self, op: &Op, to: &str, session: &Value) -> Result<(), Violation> {
        let Some(target) = op.target.as_deref().filter(|target| *target != to) else {
            return Ok(());
        };
        let hops = way(&self.moved, target).take_while(|handle| *handle != to);
        let right = match op.act {
            Act::RevokeOnly(..) => number(session, "created_at") <= Some(op.began),
            _ => self.followed(target) >= hops.count(),
        };
        require(right, "G18", || {
            format!("{:?} ended what an old id had become", op.act)
        })
    }

    /// G18: a mark appears only in the transaction that gives its session the handle it names, and stays as
    /// it is. Returns the changes as they look to a reader, to whom a mark is nothing.
    pub(super) fn without_marks(
        &mut self,
        op: usize,
        steps: &[Change],
        now: u64,
    ) -> Result<Vec<Change>, Violation> {
        for (handle, before, after) in steps {
            if is_mark(before) {
                require(before == after, "G18", || {
                    format!("{:?} changed a mark", self.ops[op].act)
                })?;
            } else if let (true, Some(mark)) = (is_mark(after), after) {
                self.is_marked(op, before.as_ref(), mark, steps, now)?;
                self.marks.insert(handle.clone(), mark.clone());
            }
        }
        let session = |item: &Option<Value>| item.clone().filter(|_| !is_mark(item));
        let steps = steps.iter();
        let steps = steps.map(|(handle, before, after)| {
            let (before, after) = (session(before), session(after));
            (handle.clone(), before, after)
        });
        Ok(steps.collect())
    }

    fn is_marked(
        &self,
        op: usize,
        session: Option<&Value>,
        mark: &Value,
        steps: &[Change],
        now: u64,
    ) -> Result<(), Violation> {
        let op = &self.ops[op];
        let to = moved_to(mark).unwrap_or_default();
        let put = steps.iter().any(|(handle, before, after)| {
            handle == to && before.is_none() && after.is_some() && !is_mark(after)
        });
        require(op.changes_id() && session.is_some() && put, "G18", || {
            format!("{:?} left a mark of no change of id: {mark}", op.act)
        })?;
        let names = mark.as_object().into_iter().flatten();
        let mut names = names.map(|(name, _)| name.as_str());
        let whole = names.clone().count() == PARTS.len() && names.all(|name| PARTS.contains(&name));
        require(whole, "G18", || format!("a mark has other parts: {mark}"))?;
        let same_type = session.is_none_or(|item| item["session_type"] == mark["session_type"]);
        require(same_type, "G18", || {
            format!("a mark is of another type than its session: {mark}")
        })?;
        let made = number(mark, "created_at").unwrap_or(0);
        let right =
            (op.pending.begun..=now).contains(&made) && expires_at(mark) == made / 1000 - DAY;
        require(right, "G18", || {
            format!("a mark was not made now, or looks live to other programs: {mark}")
        })
    }

    /// G6: a new id keeps the time of creation and that of the authentication. A log-in begins both anew, and a proof
    /// the second one.
    pub(super) fn created_at_is_right(
        &self,
        op: usize,
        old: &str,
        before: &Value,
        after: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let op = &self.ops[op];
        let (was, is) = (number(before, "created_at"), number(after, "created_at"));
        let since = op.log_in_began();
        let proven = |item| number(item, "authenticated_at");
        let (was_proven, is_proven) = (proven(before), proven(after));
        let is_begun = is.is_some_and(|at| (since..=now).contains(&at));
        let is_proven_anew = is_proven.is_some_and(|at| op.is_asked(at, now));
        let is_like = |new_id| match new_id {
            NewId::Cycled => was == is && was_proven == is_proven,
            NewId::Reauthenticated => was == is && is_proven_anew,
            NewId::LoggedIn => is_begun && is_proven_anew,
        };
        // It finishes an earlier change of id first, or goes on with one that others have overtaken.
        let resumes = op.pending.resumed && op.target.as_deref() == Some(old);
        let resumed = op.pending.new_id.filter(|_| resumes);
        let own = op.act.new_id();
        // An earlier one that others have overtaken goes on as the operation that resumes it.
        let overtaken = (resumed != own).then_some(NewId::Cycled);
        let overtaken = overtaken.filter(|_| resumes);
        let right = own.into_iter().chain(resumed).chain(overtaken).any(is_like);
        require(right, "G6", || {
            format!(
                "the time of creation went from {was:?} to {is:?}, and that of the authentication from \
                 {was_proven:?} to {is_proven:?}"
            )
        })
    }

    /// A log-in puts a new session only if the old one is gone, with the data of its copy.
    pub(super) fn begins_again(
        &self,
        op: &Op,
        operation: &str,
        item: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        require(operation == "PutItem" && op.found_none(now), "G7", || {
            format!("{operation} of {:?} left an item where none was", op.act)
        })?;
        let fields = super::items::fields(item);
        for (name, value) in &op.pending.must {
            require(fields.get(*name) == Some(value), "G3", || {
                format!("`{name}` was not stored")
            })?;
        }
        Ok(())
    }

    /// A log-in has succeeded: its copy is a session that was created since, and has the id of the copy.
    pub(super) fn logged_in(&self, op: &Op, copy: &Seen) -> Result<(), Violation> {
        let target = op.target.as_deref().unwrap_or_default();
        let valid =
            op.put.contains(&copy.handle) || self.moved_by(op, target) == Some(&copy.handle);
        require(valid, "G7", || {
            "the id of the copy is not the valid one".to_owned()
        })?;
        require(copy.created_at >= op.log_in_began(), "G6", || {
            "a log-in kept the time of creation".to_owned()
        })
    }

    /// A proof has succeeded: its copy has the new id, and the moment at which it was first asked for.
    pub(super) fn proven(&self, op: &Op, copy: &Seen, now: u64) -> Result<(), Violation> {
        let target = op.target.as_deref().unwrap_or_default();
        require(
            self.moved_by(op, target) == Some(&copy.handle),
            "G7",
            || "the id of the copy is not the valid one".to_owned(),
        )?;
        let at = copy.authenticated_at;
        require(at.is_some_and(|at| op.is_asked(at, now)), "G6", || {
            format!(
                "a proof that was asked for at {} counts from {at:?}",
                op.began
            )
        })
    }

    /// The new handle of a session, if this operation gave it one, or resumed an earlier operation on the same
    /// copy that did.
    pub(super) fn moved_by(&self, op: &Op, handle: &str) -> Option<&String> {
        let mine = op.applied > 0 || op.pending.resumed;
        let moved = |handle: &str| {
            self.moved
                .get(handle)
                .filter(|moved| moved.by == op.pending.copy)
        };
        let moved_once = moved(handle).filter(|_| mine)?;
        // A log-in or a proof finishes an earlier change of id first.
        let again = op
            .may_finish_another()
            .then(|| moved(&moved_once.to))
            .flatten();
        Some(&again.unwrap_or(moved_once).to)
    }

    /// A failure, and an operation that changes no id, leave the copy under its id, unless it has finished an earlier
    /// change of id.
    pub(super) fn keeps_its_id(&self, op: &Op, copy: Option<&Seen>) -> Result<(), Violation> {
        let (Some(copy), Some(target)) = (copy, &op.target) else {
            return Ok(());
        };
        let finished = op.pending.resumed && !matches!(op.act, Act::Cycle(..));
        let moved = self.moved.get(target).map(|moved| &moved.to);
        require(
            copy.handle == *target || finished && moved == Some(&copy.handle),
            "G7",
            || "the id of the copy changed, and nobody meant that".to_owned(),
        )
    }

    /// G18: an operation on the old id learns that the session has a new one, as long as its mark counts.
    pub(super) fn gone_or_moved(
        &self,
        op: &Op,
        current: &str,
        moved: bool,
        now: u64,
    ) -> Result<(), Violation> {
        let mark = self.marks.get(current);
        // A change of id that is resumed is judged by its beginning.
        let began = op.began.min(op.pending.begun);
        require(
            !moved || mark.is_some_and(|mark| counts(mark, began)),
            "G18",
            || "a session is said to have a new id, and has none".to_owned(),
        )?;
        let was_moved = op.was_moved && op.target.as_deref() == Some(current);
        let counts = was_moved && mark.is_some_and(|mark| counts(mark, now));
        require(moved || !counts || op.requests.is_empty(), "G18", || {
            "nothing says that the session has a new id".to_owned()
        })
    }

    /// G18: a session that was ended by a handle is gone, whatever handle it has since, if all the marks
    /// on the way are there.
    pub(super) fn ended_under_any_handle(&self, op: &Op) -> Result<(), Violation> {
        let target = op.target.as_deref().unwrap_or_default();
        if self.followed(target) < self.marks_from(target) {
            return Ok(());
        }
        let last = self.last(target);
        let guarantee = if last == target { "G1" } else { "G18" };
        require(!self.truth.contains_key(last), guarantee, || {
            "a deleted session is still there".to_owned()
        })
    }
}

/// The end of a new session by the time of its creation.
pub(super) fn first_end(item: &Value, absolute: u64) -> u64 {
    let created = number(item, "created_at").unwrap_or(0);
    let idle = number(item, "idle").unwrap_or(IDLE);
    let end = (created + idle * 1000).div_ceil(1000);
    let absolute = number(item, "absolute").unwrap_or(absolute);
    end.min(created / 1000 + absolute)
}
