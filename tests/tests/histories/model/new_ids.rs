//! Changes of id: what they store, those that another operation finishes, and those that are dropped.

use serde_json::Value;

use super::items::{ends, fields, is_live, named, number};
use super::moved::leads;
use super::stored::{chosen_absolute, chosen_idle, expiry, others, stored, versions};
use super::{Model, Moved, Op, Violation, require};
use crate::client::{Seen, Stored};

impl Model {
    /// A session has a new handle: one item is gone, and another is there.
    pub(super) fn moved(
        &mut self,
        op: usize,
        (old, before): (&str, &Value),
        (new, after): (&str, &Value),
        now: u64,
    ) -> Result<(), Violation> {
        self.created_at_is_right(op, old, before, after, now)?;
        let moved = &self.moved;
        let op = &mut self.ops[op];
        let is_first = op.target.as_deref() == Some(old);
        // A log-in or a proof finishes an earlier change of id first.
        let earlier = op.target.as_ref().and_then(|target| moved.get(target));
        let is_second = op.may_finish_another()
            && op.pending.resumed
            && earlier.is_some_and(|moved| moved.to == old);
        require(op.changes_id() && (is_first || is_second), "G7", || {
            format!("{:?} changed an id", op.act)
        })?;
        require(self.marks.contains_key(old), "G18", || {
            "a change of id left no mark".to_owned()
        })?;
        require(is_live(before, op.began), "G1", || {
            format!(
                "a session that ended at {} got a new id by an operation that began at {}",
                ends(before),
                op.began
            )
        })?;
        let mut pending = op.pending.clone();
        if is_first && op.finishes_first() {
            pending.must.clear();
        }
        match pending.first.take() {
            // The write of this operation is still to come, unless it had to begin again with all changes.
            Some(first) => {
                let is_stored = named(after, &pending.must) == pending.must;
                op.already |= is_stored && chosen_idle(&pending, after).is_ok();
                pending.must = first;
            }
            None => op.applied += 1,
        }
        let new_timeouts = op.pending.idle || !op.pending.absolute.is_empty();
        expiry(before, after, now, new_timeouts)?;
        chosen_absolute(&op.pending, before, after)?;
        require(
            before["idle"] == after["idle"] || op.pending.idle,
            "G6",
            || "a new id changed the idle timeout".to_owned(),
        )?;
        versions(before, after)?;
        let (was, is) = (fields(before), fields(after));
        stored(&pending, &was, &is)?;
        others(before, after)?;
        let moved = Moved {
            to: new.to_owned(),
            by: op.pending.copy,
            fields: is,
            idle: number(after, "idle"),
            version: number(after, "version"),
            logs_in: before["created_at"] != after["created_at"],
        };
        self.moved.insert(old.to_owned(), moved);
        Ok(())
    }

    /// An operation was dropped: its copy has the id of before, or one that its session got since.
    pub fn drops(&mut self, op: usize, copy: Option<&Seen>) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        op.done = true;
        op.faulted = true;
        op.lost = true;
        op.lost_delete = true;
        if let (Some(copy), Some(target)) = (copy, op.target.as_deref()) {
            let moved = leads(&self.moved, target, &copy.handle);
            let right = copy.handle == target || op.changes_id() && moved;
            require(right, "G7", || {
                "a dropped operation left its copy under an id of another session".to_owned()
            })?;
        }
        self.rosters_hold()
    }

    /// What a change of id stored, under the new id that the copy has since.
    pub fn stored_with_new_id(&self, op: &Op, copy: Option<&Seen>) -> Option<Stored> {
        let copy = copy.filter(|copy| Some(&copy.handle) != op.target.as_ref())?;
        let moved = self.moved.values().find(|moved| moved.to == copy.handle)?;
        let named = |name: &&'static str| (*name, moved.fields.get(*name).copied().flatten());
        Some(Stored {
            fields: copy.fields.keys().map(named).collect(),
            idle: moved.idle,
        })
    }

    /// Whether an operation works on the session of this handle, which may be the new one of its session.
    pub(super) fn works_on(&self, op: &Op, handle: &str) -> bool {
        let target = op.target.as_deref();
        target.is_some_and(|target| {
            target == handle || op.goes_on() && leads(&self.moved, target, handle)
        })
    }
}
