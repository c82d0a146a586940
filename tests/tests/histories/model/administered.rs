//! Changes of sessions that somebody else uses: `update_all` and `update_handle`.

use std::collections::BTreeMap;

use serde_json::Value;
use session_store::Updated;

use super::items::{ends, fields, is_live, marks, named, number};
use super::moved::{counts, leads, way};
use super::stored::{others, stored, versions};
use super::{Model, Op, Violation, require};
use crate::plan::Act;

impl Model {
    /// It counts once in each session of the user, and is no visit.
    pub(super) fn administered(
        &mut self,
        op: usize,
        user: u64,
        handle: &str,
        (before, after): (&Value, &Value),
    ) -> Result<(), Violation> {
        self.is_no_visit(op, before, after)?;
        require(number(before, "user") == Some(user), "G9", || {
            format!("a session of {:?} was changed", number(before, "user"))
        })?;
        // A newer program may store a field that has no value yet.
        let (mut was, mut is) = (fields(before), fields(after));
        was.retain(|_, value| value.is_some());
        is.retain(|_, value| value.is_some());
        let count = was.get("count").copied().flatten().unwrap_or(0);
        was.insert("count".into(), Some(count + 1));
        require(was == is, "G3", || {
            format!("{was:?} was to be stored, and {is:?} is")
        })?;
        others(before, after)?;
        // By a default index, a session that gets a new id meanwhile can be changed twice.
        let has_roster = self.limit.is_some();
        let moved = &self.moved;
        let op = &mut self.ops[op];
        let mut changed = op.administered.iter();
        let again = changed.any(|changed| changed == handle || leads(moved, changed, handle));
        require(!has_roster || !again, "G13", || {
            "a session was changed twice".to_owned()
        })?;
        op.administered.insert(handle.to_owned());
        Ok(())
    }

    /// One session is changed by its handle: it counts once, under the handle that the session has.
    pub(super) fn changed_by_handle(
        &mut self,
        op: usize,
        handle: &str,
        (before, after): (&Value, &Value),
    ) -> Result<(), Violation> {
        self.is_no_visit(op, before, after)?;
        let began = self.ops[op].began;
        let may_follow = self.may_be_followed(&self.ops[op], handle, began);
        require(may_follow, "G18", || {
            "a change by a handle reached another session".to_owned()
        })?;
        let op = &mut self.ops[op];
        op.applied += 1;
        require(op.applied == 1, "G13", || {
            "a change by a handle was applied twice".to_owned()
        })?;
        let (was, is) = (fields(before), fields(after));
        op.counts_one(&was);
        stored(&op.pending, &was, &is)?;
        op.stored = named(after, &op.pending.must);
        others(before, after)
    }

    /// Whether somebody who knows the session by an old handle may change it under this one at this time: all its marks
    /// count, and none is of a log-in.
    fn may_be_followed(&self, op: &Op, to: &str, at: u64) -> bool {
        let target = op.target.as_deref().unwrap_or_default();
        let mut way = way(&self.moved, target).take_while(|handle| *handle != to);
        leads(&self.moved, target, to)
            && way.all(|handle| {
                let is_recent = self.marks.get(handle).is_some_and(|mark| counts(mark, at));
                is_recent && !self.moved[handle].logs_in
            })
    }

    /// A change by a handle has found no session: there is none, or it may not be followed.
    pub(super) fn gone_by_handle(
        &self,
        op: &Op,
        is_replaced: bool,
        now: u64,
    ) -> Result<(), Violation> {
        let target = op.target.as_deref().unwrap_or_default();
        let last = self.last(target);
        let is_live = !op.found_none(now) && !self.gone(last, now);
        let is_missed = is_live && self.may_be_followed(op, last, now) && !self.looks_new(target);
        require(!is_missed && !is_replaced, "G10", || {
            "a session that can be changed by its handle is said to be gone".to_owned()
        })?;
        require(op.applied == 0 || op.lost, "G13", || {
            "a change by a handle was applied, and is said to have found nothing".to_owned()
        })
    }

    /// Whether a session counts as created at the moment of a mark since, as that of a log-in does.
    fn looks_new(&self, target: &str) -> bool {
        let session = self.truth.get(self.last(target));
        let began = session.and_then(|item| number(item, "created_at"));
        let mut marks = way(&self.moved, target).filter_map(|handle| self.marks.get(handle));
        marks.any(|mark| began == number(mark, "created_at"))
    }

    /// A session was live, and is changed by somebody who is not its visitor.
    fn is_no_visit(&self, op: usize, before: &Value, after: &Value) -> Result<(), Violation> {
        // Its request may have been on its way since.
        let began = self.ops[op].began;
        require(is_live(before, began), "G1", || {
            format!(
                "a session that ended at {} was changed by an operation that began at {began}",
                ends(before)
            )
        })?;
        for name in [
            "created_at",
            "touched_at",
            "expires_at",
            "idle",
            "absolute",
            "authenticated_at",
        ] {
            require(before[name] == after[name], "G6", || {
                format!("`{name}` went from {} to {}", before[name], after[name])
            })?;
        }
        versions(before, after)?;
        let mut new_marks = marks(after);
        require(
            !new_marks.remove(0).is_empty() && new_marks == marks(before)[..3],
            "G13",
            || "the marks of the writes were not shifted by one".to_owned(),
        )
    }

    pub(super) fn updated(&self, op: &Op, updated: &Updated, now: u64) -> Result<(), Violation> {
        let changed = op.administered.len();
        let failed = updated.failed();
        require(
            op.faulted || op.interfered || failed.is_empty(),
            "G10",
            || format!("no fault, and {failed:?}"),
        )?;
        let right = match op.lost {
            true => updated.changed() <= changed,
            false => updated.changed() == changed,
        };
        require(right || op.interfered, "G13", || {
            format!(
                "{changed} were changed, and {} are said to be",
                updated.changed()
            )
        })?;
        if !failed.is_empty() {
            return Ok(());
        }
        let is_changed = |handle: &String| op.administered.contains(handle);
        if self.limit.is_some() {
            for due in &op.due {
                let found = due.is_over(now) || due.handles().iter().any(is_changed);
                require(found, "G9", || "a session was not changed".to_owned())?;
            }
        } else if !op.late_index && !op.interfered {
            let mut present = op.present.iter();
            let all = present.all(|handle| self.gone(handle, now) || is_changed(handle));
            require(all, "G9", || "a session was not changed".to_owned())?;
        }
        Ok(())
    }
}

impl Op {
    /// If it is an update, it stores its fields, and adds one to the counter.
    pub(super) fn counts_one(&mut self, was: &BTreeMap<String, Option<u64>>) {
        if let Act::Update(_, set) | Act::UpdateHandle(_, set) = &self.act {
            let count = was.get("count").copied().flatten().unwrap_or(0);
            self.pending.must = set.iter().copied().collect();
            self.pending.must.insert("count", Some(count + 1));
        }
    }
}
