//! The limit of a consistent index: it is never exceeded, and no session is refused or evicted needlessly.

use super::items::{is_live, number};
use super::rosters::{entries, is_roster, roster_of, user_of};
use super::{Change, Model, Op, Violation, require};
use crate::client::{Got, Outcome};
use crate::plan::Act;

impl Model {
    /// Records the users who have as many live sessions as the limit.
    pub(super) fn sees_full(&self, op: &mut Op) {
        let Some(limit) = self.limit else { return };
        for key in self.truth.keys().filter(|key| is_roster(key)) {
            let Some(user) = user_of(key) else { continue };
            let live = self
                .roster(user)
                .into_keys()
                .filter(|handle| self.has(handle, user) && is_live(&self.truth[*handle], op.began));
            if live.count() >= limit.of(user) {
                op.was_full.insert(user);
            }
        }
    }

    /// A write of an operation has met rosters, and its response shows the sessions in them.
    ///
    /// The other operations must not expect a session in them that has left meanwhile.
    pub(super) fn meets(&mut self, op: usize, steps: &[Change]) {
        for (key, _, after) in steps.iter().filter(|(key, ..)| is_roster(key)) {
            let members = after.as_ref().map(entries).unwrap_or_default();
            for other in self.ops.iter_mut().filter(|op| !op.done) {
                if let Some(met) = other.met.get_mut(key) {
                    met.retain(|handle| members.contains_key(handle.as_str()));
                }
            }
            let members = members.into_keys().map(str::to_owned);
            self.ops[op].met.insert(key.clone(), members.collect());
        }
    }

    /// A transaction ended a session that is not the one of its operation, to make room.
    pub(super) fn evicted(
        &mut self,
        op: usize,
        victim: &Change,
        rosters: &[&Change],
        now: u64,
    ) -> Result<(), Violation> {
        let (handle, Some(session), None) = victim else {
            return Ok(());
        };
        let user = number(session, "user");
        let evicts = self.limit.is_some_and(|limit| limit.evicts);
        require(evicts, "G9", || {
            format!("{:?} ended a session of user {user:?}", self.ops[op].act)
        })?;
        let key = user.map(roster_of);
        let roster = rosters
            .iter()
            .find(|(other, ..)| Some(other) == key.as_ref());
        let Some((_, Some(before), Some(after))) = roster else {
            return require(false, "G9", || {
                "a session was evicted, and its entry left".to_owned()
            });
        };
        let (was, is) = (entries(before), entries(after));
        let limit = self.limit.zip(user).map(|(limit, user)| limit.of(user));
        let room = limit == Some(is.len());
        let for_another = is.keys().any(|handle| !was.contains_key(handle));
        require(
            room && for_another && !is.contains_key(handle.as_str()),
            "G9",
            || format!("an eviction made {} entries of {}", is.len(), was.len()),
        )?;
        let created = was.get(handle.as_str());
        // A session that came since it met the roster, by a slow clock or from another user, could not be
        // known to be older.
        let met = key.and_then(|key| self.ops[op].met.get(&key));
        let mut others = was.iter().filter(|(other, _)| {
            is.contains_key(*other) && met.is_some_and(|met| met.contains(**other))
        });
        let older = others.any(|(other, at)| {
            let item = self.truth.get(*other);
            Some(at) < created && item.is_some_and(|item| is_live(item, now))
        });
        require(!older, "G9", || {
            "a session was evicted that is not the oldest".to_owned()
        })?;
        self.ops[op].victims.insert(handle.clone());
        Ok(())
    }

    /// G9: the evicted sessions are reported, and no others.
    pub(super) fn evictions_are_told(&self, op: &Op, outcome: &Outcome) -> Result<(), Violation> {
        let told = match (&outcome.got, &outcome.copy) {
            (Ok(Got::Session(session)), _) if matches!(op.act, Act::Create(..)) => &session.evicted,
            // A save that finishes a change of id first tells of its own.
            (Ok(_), Some(copy)) if !op.resumes_first() => &copy.evicted,
            _ => return Ok(()),
        };
        require(
            op.victims.iter().all(|victim| told.contains(victim)),
            "G9",
            || "a session was evicted, and nothing says so".to_owned(),
        )?;
        let fresh = matches!(op.act, Act::Create(..)) && !op.lost;
        // It reports earlier ones while the session is entered nowhere else, and after a lost response
        // those that are gone.
        let right = |handle: &String| {
            op.victims.contains(handle) || !fresh && !self.truth.contains_key(handle)
        };
        require(told.iter().all(right), "G9", || {
            "a session is said to be evicted, and was not".to_owned()
        })
    }

    /// A refusal is right only if the user had as many live sessions as the limit.
    pub(super) fn limit_was_reached(&self, op: &Op) -> Result<(), Violation> {
        let refuses = self.limit.is_some_and(|limit| !limit.evicts);
        let full = op.users().iter().any(|user| op.was_full.contains(user));
        require(refuses && full, "G9", || {
            "a session was refused, and there was room".to_owned()
        })
    }
}

impl Op {
    /// The users that it may give its session to.
    pub(super) fn users(&self) -> Vec<u64> {
        let set = match &self.act {
            Act::Create(_, set) | Act::Update(_, set) | Act::UpdateHandle(_, set) => set.as_slice(),
            _ => &[],
        };
        let set = set.iter().filter(|(name, _)| *name == "user");
        let pending = self.pending.may.get("user").into_iter().flatten();
        let must = self.pending.must.get("user").into_iter();
        // A log-in whose session is gone enters that of its copy.
        let copy = match self.act {
            Act::LogIn(..) => self.pending.fields.get("user"),
            _ => None,
        };
        let users = set.map(|(_, user)| user).chain(pending).chain(must);
        let users = users.chain(copy);
        users.copied().flatten().collect()
    }

    /// Whether it may change the user of its session.
    pub(super) fn changes_user(&self) -> bool {
        match &self.act {
            Act::Create(_, set) | Act::Update(_, set) | Act::UpdateHandle(_, set) => {
                set.iter().any(|(name, _)| *name == "user")
            }
            _ => self.pending.may.contains_key("user") || self.pending.must.contains_key("user"),
        }
    }
}
