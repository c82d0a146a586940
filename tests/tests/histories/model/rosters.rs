//! What a consistent index promises: a roster that misses no session that anyone knows, an exact
//! limit, evictions that are due and told, complete revocation, complete listing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{absolute_end, expires_at, is_live, number};
use super::{Change, Model, Op, Violation, require};
use crate::binaries::{Got, Listed, Outcome};
use crate::plan::Act;

/// How often a listing or revocation looks for what changes of id put into the roster meanwhile.
const ROUNDS: usize = 8;

/// No session has a handle that begins like this.
const PREFIX: &str = "#user#";

pub fn is_roster(key: &str) -> bool {
    key.starts_with('#')
}

pub fn roster_of(user: u64) -> String {
    format!("{PREFIX}{user}")
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

/// A roster as an operation found it when it began: the end of each entry's session, if it is there.
#[derive(Debug)]
pub struct Found {
    pub ends: u64,
    pub sessions: Vec<Option<u64>>,
}

impl Found {
    /// How many entries have no session, or one that has expired at this time.
    pub fn dead(&self, millis: u64) -> usize {
        let dead = |end: &Option<u64>| end.is_none_or(|end| end <= millis / 1000);
        self.sessions.iter().filter(|end| dead(end)).count()
    }

    /// Whether there is an entry without a session.
    pub fn lacks_one(&self) -> bool {
        self.sessions.iter().any(Option::is_none)
    }
}

/// A session that a listing or revocation has to find.
#[derive(Debug)]
pub struct Due {
    /// The handles that it has had since, the present one last.
    handles: Vec<String>,
    /// Its earliest end since.
    ends: u64,
}

impl Model {
    /// Whether a session is there and has this user.
    pub(super) fn has(&self, handle: &str, user: u64) -> bool {
        let item = self.truth.get(handle);
        item.is_some_and(|item| number(item, "user") == Some(user))
    }

    fn roster(&self, user: u64) -> BTreeMap<&str, u64> {
        let roster = self.truth.get(&roster_of(user));
        roster.map(entries).unwrap_or_default()
    }

    /// Takes note of what an operation finds that begins now.
    pub(super) fn surveys(&self, op: &mut Op) {
        for (key, roster) in self.truth.iter().filter(|(key, _)| is_roster(key)) {
            let found = entries(roster).into_keys();
            let found = Found {
                ends: expires_at(roster),
                sessions: found
                    .map(|handle| self.truth.get(handle).map(expires_at))
                    .collect(),
            };
            op.rosters.insert(key.clone(), found);
        }
        let target = op.target.as_ref().and_then(|target| self.truth.get(target));
        op.was = target.cloned();
        if let Act::List(user) | Act::Revoke(user, _) = op.act {
            let due = self.told.iter().filter(|handle| self.has(handle, user));
            let due = due.filter(|handle| op.spared.as_ref() != Some(handle));
            op.due.extend(due.map(|handle| Due {
                handles: vec![handle.clone()],
                ends: expires_at(&self.truth[handle]),
            }));
        }
        self.sees_full(op);
    }

    /// Takes note of the users who have as many live sessions as there may be.
    fn sees_full(&self, op: &mut Op) {
        let Some(limit) = self.limit else { return };
        for key in self.truth.keys().filter(|key| is_roster(key)) {
            let Some(user) = user_of(key) else { continue };
            let live = self
                .roster(user)
                .into_keys()
                .filter(|handle| self.has(handle, user) && is_live(&self.truth[*handle], op.began));
            if live.count() >= limit.sessions {
                op.was_full.insert(user);
            }
        }
    }

    /// A roster changed.
    pub(super) fn roster_changed(
        &self,
        op: usize,
        (key, before, after): &Change,
    ) -> Result<(), Violation> {
        let op = &self.ops[op];
        let (Some(_), Some(user), Some(after)) = (self.limit, user_of(key), after) else {
            return require(false, "G2", || format!("{:?} made or ended {key}", op.act));
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
                Act::Create(..) | Act::Save(..) | Act::Update(..) | Act::Cycle(..)
            );
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
            // A create takes back what it has told nobody.
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

    /// At every step: each session that somebody knows is in the roster of its user, and no roster
    /// has more sessions than there may be.
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
            let sessions = self.roster(user).into_keys();
            let sessions = sessions.filter(|handle| self.has(handle, user)).count();
            require(sessions <= limit.sessions, "G9", || {
                format!("user {user} has {sessions} sessions")
            })?;
        }
        Ok(())
    }

    /// A transaction ended a session that its operation is not about, to make room.
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
        let room = self.limit.map(|limit| limit.sessions) == Some(is.len());
        let for_another = is.keys().any(|handle| !was.contains_key(handle));
        require(
            room && for_another && !is.contains_key(handle.as_str()),
            "G9",
            || format!("an eviction made {} entries of {}", is.len(), was.len()),
        )?;
        let created = was.get(handle.as_str());
        // One that came since it read the roster, with a time of creation by a clock that is slow or
        // from another user, could not be known to be older.
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

    /// Sessions changed, and with them what listings and revocations under way have to find.
    pub(super) fn follow(&mut self, sessions: &[&Change]) {
        let moved = match sessions {
            [(old, Some(_), None), (new, None, Some(_))]
            | [(new, None, Some(_)), (old, Some(_), None)] => Some((old, new)),
            _ => None,
        };
        if let Some((_, new)) = moved {
            self.told.insert(new.clone());
        }
        let mut ops = std::mem::take(&mut self.ops);
        for op in ops.iter_mut().filter(|op| !op.done) {
            let (Act::List(user) | Act::Revoke(user, _)) = op.act else {
                self.sees_full(op);
                continue;
            };
            for due in &mut op.due {
                if let Some((old, new)) = moved {
                    if due.handles.last() == Some(old) {
                        due.handles.push(new.clone());
                    }
                }
            }
            // What ended, or was another's for a moment, need not be found.
            op.due.retain(|due| {
                let handle = due.handles.last();
                handle.is_some_and(|handle| self.has(handle, user))
            });
            for due in &mut op.due {
                if let Some(item) = due.handles.last().map(|handle| &self.truth[handle]) {
                    due.ends = due.ends.min(expires_at(item));
                }
            }
        }
        self.ops = ops;
    }

    /// A revocation or listing gets to see a roster as it is now.
    pub(super) fn shows_roster(&mut self, op: usize, user: u64, roster: &Value) {
        let shown = entries(roster);
        let (truth, op) = (&self.truth, &mut self.ops[op]);
        // Which sessions it is about is settled by the first read.
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

    /// A revocation takes effect when it last writes or reads the roster: no session in it then is
    /// as old as those that it began with, and of those that it began with there is none under any
    /// id.
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

    /// Each session that was there all the time is listed, under one of its ids if it got new ones.
    pub(super) fn roster_is_listed(
        &self,
        op: &Op,
        listed: &[Listed],
        now: u64,
    ) -> Result<(), Violation> {
        let shown = |handle: &String| listed.iter().any(|session| session.handle == *handle);
        for due in &op.due {
            let live = due.ends > now / 1000;
            let found = due.handles.len() > ROUNDS || due.handles.iter().any(shown);
            require(!live || found, "G9", || {
                "a live session is not listed".to_owned()
            })?;
        }
        Ok(())
    }

    /// G9: what was evicted is told, and nothing else is said to have been.
    pub(super) fn evictions_are_told(&self, op: &Op, outcome: &Outcome) -> Result<(), Violation> {
        let told = match (&outcome.got, &outcome.copy) {
            (Ok(Got::Session(session)), _) if matches!(op.act, Act::Create(..)) => &session.evicted,
            (Ok(_), Some(copy)) => &copy.evicted,
            _ => return Ok(()),
        };
        require(
            op.victims.iter().all(|victim| told.contains(victim)),
            "G9",
            || "a session was evicted, and nothing says so".to_owned(),
        )?;
        let fresh = matches!(op.act, Act::Create(..)) && !op.lost;
        // It tells of earlier ones for as long as the session is entered nowhere else, and after a
        // lost answer of those who are gone.
        let right = |handle: &String| {
            op.victims.contains(handle) || !fresh && !self.truth.contains_key(handle)
        };
        require(told.iter().all(right), "G9", || {
            "a session is said to be evicted, and was not".to_owned()
        })
    }

    /// A refusal is right only if there were as many live sessions as there may be.
    pub(super) fn limit_was_reached(&self, op: &Op) -> Result<(), Violation> {
        let refuses = self.limit.is_some_and(|limit| !limit.evicts);
        let full = op.users().iter().any(|user| op.was_full.contains(user));
        require(refuses && full, "G9", || {
            "a session was refused, and there was room".to_owned()
        })
    }
}

impl Op {
    /// The users that it may give its session.
    pub(super) fn users(&self) -> Vec<u64> {
        let set = match &self.act {
            Act::Create(_, set) | Act::Update(_, set) => set.as_slice(),
            _ => &[],
        };
        let set = set.iter().filter(|(name, _)| *name == "user");
        let pending = self.pending.may.get("user").into_iter().flatten();
        let must = self.pending.must.get("user").into_iter();
        let users = set.map(|(_, user)| user).chain(pending).chain(must);
        users.copied().flatten().collect()
    }

    /// Whether it may change the user of its session.
    pub(super) fn changes_user(&self) -> bool {
        match &self.act {
            Act::Create(_, set) | Act::Update(_, set) => {
                set.iter().any(|(name, _)| *name == "user")
            }
            _ => self.pending.may.contains_key("user") || self.pending.must.contains_key("user"),
        }
    }
}

fn user_of(key: &str) -> Option<u64> {
    key.strip_prefix(PREFIX)?.parse().ok()
}
