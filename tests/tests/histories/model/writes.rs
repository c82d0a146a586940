//! The changes that a request may make to sessions, at each step of the engine.

use serde_json::Value;

use super::items::{
    ends, expires_at, fields, is_live, marks, named, noted, number, own_end, strangers, well_formed,
};
use super::moved::{first_end, leads};
use super::stored::{chosen_idle, expiry, others, stored, versions};
use super::{Change, Model, Violation, is_roster, require};
use crate::plan::{ABSOLUTE, Act, IDLE};

impl Model {
    /// A request that writes was carried out or refused. These are the items before and after.
    pub fn writes(
        &mut self,
        op: usize,
        operation: &str,
        steps: &[Change],
        now: u64,
    ) -> Result<(), Violation> {
        let steps = &self.without_marks(op, steps, now)?;
        self.take_note(op, steps);
        let changed = steps.iter().filter(|(_, before, after)| before != after);
        let (rosters, sessions): (Vec<_>, Vec<_>) = changed.partition(|(key, ..)| is_roster(key));
        for roster in &rosters {
            self.roster_changed(op, roster)?;
        }
        let target = self.ops[op].target.clone();
        let (evicted, sessions): (Vec<_>, Vec<_>) =
            sessions.into_iter().partition(|(handle, _, after)| {
                operation == "TransactWriteItems"
                    && after.is_none()
                    && target.as_ref() != Some(handle)
                    && !self.marks.contains_key(handle)
            });
        for victim in &evicted {
            self.evicted(op, victim, &rosters, now)?;
        }
        for (_, _, after) in &sessions {
            if let Some(item) = after {
                well_formed(item)?;
                noted(item, self.limit.is_some())?;
            }
        }
        match sessions.as_slice() {
            [] => Ok(()),
            [(handle, None, Some(item))] => self.appeared(op, operation, handle, item, now),
            [(handle, Some(before), Some(after))] => match self.ops[op].act {
                Act::UpdateAll(user) => self.administered(op, user, handle, (before, after)),
                Act::UpdateHandle(..) => self.changed_by_handle(op, handle, (before, after)),
                _ => self.changed(op, before, after, now),
            },
            [(handle, Some(before), None)] => self.ended(op, operation, handle, before, now),
            [(old, Some(before), None), (new, None, Some(after))]
            | [(new, None, Some(after)), (old, Some(before), None)] => {
                self.moved(op, (old, before), (new, after), now)
            }
            _ => require(false, "G7", || {
                format!("{operation} changed {} sessions", sessions.len())
            }),
        }?;
        self.follow(&sessions);
        self.meets(op, steps);
        self.rosters_hold()
    }

    /// These items were written, or not, because a condition on them failed.
    fn take_note(&mut self, op: usize, steps: &[Change]) {
        for (handle, before, after) in steps {
            if self.works_on(&self.ops[op], handle) {
                // It knows that its session has another handle since.
                let is_followed = self.ops[op].goes_on() && self.moved.contains_key(handle);
                let op = &mut self.ops[op];
                if !is_followed {
                    op.saw(before.as_ref());
                }
                // If a change of fields finds packed data, it is also applied to the state of others.
                if let (true, Some(item)) = (op.pending.pinned || self.bytes, before) {
                    op.already |= named(item, &op.pending.must) == op.pending.must;
                }
            }
            match after {
                Some(item) => {
                    self.known.insert(handle.clone());
                    self.truth.insert(handle.clone(), item.clone())
                }
                None => self.truth.remove(handle),
            };
            if before == after {
                continue;
            }
            if !is_roster(handle) {
                self.is_stored(op, handle, after.as_ref());
            }
            let roster = self.limit.is_some();
            let moved = &self.moved;
            for (i, other) in self.ops.iter_mut().enumerate() {
                let target = other.target.as_ref();
                let concerned = target.is_some_and(|target| leads(moved, target, handle))
                    || other.target.is_none()
                    || roster && !matches!(other.act, Act::Load(_) | Act::Touch(_));
                other.interfered |= i != op && !other.done && concerned;
            }
        }
    }

    fn appeared(
        &mut self,
        op: usize,
        operation: &str,
        handle: &str,
        item: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let set = match &self.ops[op].act {
            Act::Create(_, set) => set.clone(),
            Act::LogIn(..) => {
                self.begins_again(&self.ops[op], operation, item, now)?;
                Vec::new()
            }
            act => {
                let guarantee = if act.new_id().is_some() { "G7" } else { "G2" };
                return require(false, guarantee, || {
                    format!("{operation} of {act:?} left an item where none was")
                });
            }
        };
        let op = &mut self.ops[op];
        op.put.insert(handle.to_owned());
        let created = number(item, "created_at").unwrap_or(0);
        require(created >= op.began && created <= now, "G6", || {
            format!("it was created at {created} and says {now}")
        })?;
        let proven = matches!(op.act, Act::LogIn(..)).then_some(created);
        require(number(item, "authenticated_at") == proven, "G6", || {
            format!("its user has authenticated at {proven:?}: {item}")
        })?;
        require(expires_at(item) == first_end(item, ABSOLUTE), "G6", || {
            format!("a new session ends at {}", expires_at(item))
        })?;
        require(number(item, "version") == Some(1), "G13", || {
            "a new session has version 1".to_owned()
        })?;
        let fields = fields(item);
        for (name, value) in set {
            require(fields.get(name) == Some(&value), "G3", || {
                format!("`{name}` was not stored")
            })?;
        }
        Ok(())
    }

    fn changed(
        &mut self,
        op: usize,
        before: &Value,
        after: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        require(
            matches!(op.act, Act::Save(..) | Act::Update(..) | Act::Touch(_)),
            "G3",
            || format!("{:?} changed an item", op.act),
        )?;
        require(is_live(before, op.began), "G1", || {
            format!(
                "a session that ended at {} was written to by an operation that began at {}",
                ends(before),
                op.began
            )
        })?;
        let new_idle = op.pending.idle;
        // A touch leaves what is unsaved, also what a save before it was refused for.
        if !matches!(op.act, Act::Touch(_)) {
            chosen_idle(&op.pending, after)?;
        }
        let (was, is) = (expires_at(before), expires_at(after));
        for name in ["created_at", "absolute"] {
            require(before[name] == after[name], "G6", || {
                format!("`{name}` changed")
            })?;
        }
        let proven = |item| number(item, "authenticated_at");
        require(proven(before) == proven(after), "G6", || {
            "a write changed when the user has authenticated".to_owned()
        })?;
        expiry(before, after, now, new_idle)?;
        if !op.done {
            let least = (op.began + IDLE * 1000).div_ceil(1000);
            let least = least.min(own_end(after));
            require(is >= least || is == was, "G6", || {
                format!("it ends at {is} in place of {least}")
            })?;
        }
        let touched = number(after, "touched_at").unwrap_or(0);
        let used_at = number(before, "touched_at").unwrap_or(0);
        let latest = self.latest_use.max(used_at).max(now);
        self.latest_use = self.latest_use.max(used_at).max(touched);
        require(touched >= op.began && touched <= latest, "G6", || {
            format!(
                "it was touched at {touched}, between {} and {now}",
                op.began
            )
        })?;

        if let Act::Touch(_) = op.act {
            let but = ["touched_at", "expires_at"];
            return require(
                strangers(before, &but) == strangers(after, &but),
                "G3",
                || "a touch wrote more than the expiry".to_owned(),
            );
        }
        op.applied += 1;
        require(op.applied == 1, "G13", || {
            "a write was applied twice".to_owned()
        })?;
        versions(before, after)?;
        op.wrote = number(after, "version");
        let mut new_marks = marks(after);
        require(
            !new_marks.remove(0).is_empty() && new_marks == marks(before)[..3],
            "G13",
            || "the marks of the writes were not shifted by one".to_owned(),
        )?;
        let (was, is) = (fields(before), fields(after));
        op.counts_one(&was);
        stored(&op.pending, &was, &is)?;
        op.stored = named(after, &op.pending.must);
        others(before, after)?;
        if !new_idle {
            require(before["idle"] == after["idle"], "G6", || {
                "a write changed the idle timeout".to_owned()
            })?;
        }
        Ok(())
    }

    fn ended(
        &mut self,
        op: usize,
        operation: &str,
        handle: &str,
        before: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let has_roster = self.limit.is_some();
        if self.ops[op].follows() {
            self.may_follow(&self.ops[op], handle, before)?;
        }
        let moved = &self.moved;
        let op = &mut self.ops[op];
        op.ended += 1;
        if is_live(before, now) {
            op.ended_live.push(ends(before));
        }
        match op.act {
            Act::Delete(_) | Act::RevokeHandle(_) => {
                let target = op.target.as_deref();
                let own = target.is_some_and(|target| leads(moved, target, handle));
                require(own, "G9", || "another session was ended".to_owned())
            }
            Act::Create(..) | Act::LogIn(..) if op.put.remove(handle) => Ok(()),
            // An operation that finds a roster full deletes the expired sessions.
            Act::Create(..)
            | Act::Save(..)
            | Act::Update(..)
            | Act::UpdateHandle(..)
            | Act::Cycle(..)
            | Act::LogIn(..)
            | Act::Reauthenticate(..)
                if has_roster =>
            {
                require(!is_live(before, now), "G9", || {
                    format!("{:?} ended a live session that is not its own", op.act)
                })
            }
            Act::Touch(_) | Act::Refresh(_) if has_roster && op.pending.resumed => {
                require(!is_live(before, now), "G9", || {
                    format!("{:?} ended a live session that is not its own", op.act)
                })
            }
            Act::Create(..) => require(false, "G1", || {
                "a create ended a session that is not its own".to_owned()
            }),
            Act::Revoke(user, _) | Act::RevokeOnly(user, _) => {
                require(number(before, "user") == Some(user), "G9", || {
                    format!(
                        "revoking user {user} ended a session of {:?}",
                        number(before, "user")
                    )
                })?;
                require(op.spared.as_deref() != Some(handle), "G9", || {
                    "an excepted session was ended".to_owned()
                })
            }
            _ => require(false, "G7", || {
                format!("{operation} of {:?} ended a session", op.act)
            }),
        }
    }
}
