//! Changes of sessions that somebody else uses: `update_all`.

use serde_json::Value;
use session_store::Updated;

use super::items::{ends, fields, is_live, marks, number};
use super::moved::leads;
use super::writes::{others, versions};
use super::{Model, Op, Violation, require};

impl Model {
    /// It counts once in each session of the user, and is no visit.
    pub(super) fn administered(
        &mut self,
        op: usize,
        user: u64,
        handle: &str,
        (before, after): (&Value, &Value),
    ) -> Result<(), Violation> {
        // Its request may have been on its way since.
        let began = self.ops[op].began;
        require(is_live(before, began), "G1", || {
            format!(
                "a session that ended at {} was changed by an operation that began at {began}",
                ends(before)
            )
        })?;
        require(number(before, "user") == Some(user), "G9", || {
            format!("a session of {:?} was changed", number(before, "user"))
        })?;
        for name in ["created_at", "touched_at", "expires_at", "idle"] {
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
        )?;
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
