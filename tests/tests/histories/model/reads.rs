//! Reads: which are stale, what they return, that each client sees its own writes, and `find`.

use serde_json::Value;

use super::items::{expires_at, is_live, named, number};
use super::{Model, Op, Violation, moved_to, require};
use crate::binaries::Fields;
use crate::client::{Got, Listed, Outcome, Reads, Seen};
use crate::plan::Act;

impl Op {
    /// G14: a load that may be stale reads at half the price, and reads again only if that was not enough.
    /// An operation that changes the session reads it consistently.
    pub(super) fn asks(&mut self, consistent: bool, now: u64) -> Result<(), Violation> {
        let right = match self.reads {
            Reads::Consistent | Reads::Cached(_) => consistent,
            Reads::Eventual => !consistent,
            Reads::AtLeast(_) if !consistent => !self.again,
            Reads::AtLeast(version) => self.late.as_ref().is_some_and(|item| {
                let item = item.as_ref().filter(|item| is_live(item, now));
                item.is_none_or(|item| number(item, "version") < Some(version))
            }),
        };
        self.again |= consistent;
        require(right, "G14", || {
            let how = if consistent { "consistent" } else { "eventual" };
            format!("{:?} sends a read that is {how}", self.act)
        })
    }
}

impl Model {
    /// A load gets this item, which may be stale.
    pub fn reads_late(&mut self, op: usize, handle: &str, shown: Option<Value>) {
        let shown = shown.filter(|item| moved_to(item).is_none());
        for op in self.sharers(op, "GetItem") {
            let op = &mut self.ops[op];
            if op.reads == Reads::Eventual {
                op.saw(shown.as_ref());
            }
            op.read.insert(handle.to_owned(), shown.clone());
            op.shown.push(shown.clone());
            op.late = Some(shown.clone());
        }
    }

    /// A load gives the item that it has read, or one from the cache of its host.
    pub(super) fn loaded(&self, op: &Op, session: &Seen) -> Result<(), Violation> {
        let is_same = |read: &&Value| {
            session.expires_at == expires_at(read)
                && Some(session.version) == number(read, "version")
                && Some(session.created_at) == number(read, "created_at")
                && session.authenticated_at == number(read, "authenticated_at")
                && session.fields == named(read, &session.fields)
        };
        let read = op.shown.iter().flatten();
        let mut same = read.clone().filter(is_same).peekable();
        if same.peek().is_none() && matches!(op.reads, Reads::Cached(_)) {
            return self.is_in_memory(op, session);
        }
        require(read.count() > 0, "G10", || {
            "a session was found where none is".to_owned()
        })?;
        require(same.peek().is_some(), "G10", || {
            "what was loaded is not what is stored".to_owned()
        })?;
        require(same.any(|read| is_live(read, op.began)), "G5", || {
            "an expired session was loaded".to_owned()
        })
    }

    /// An operation has ended: its browser knows the version that it wrote, if the operation returned it.
    pub(super) fn acknowledges(&mut self, op: usize, outcome: &Outcome) {
        let op = &self.ops[op];
        let target = op.target.as_deref().unwrap_or_default();
        let (handle, version) = match (&op.act, &outcome.got) {
            (Act::Create(..), Ok(Got::Session(session))) => (session.handle.as_str(), Some(1)),
            (Act::Save(..), Ok(_)) => match outcome.copy.as_ref() {
                Some(copy) => (copy.handle.as_str(), op.wrote),
                None => return,
            },
            (Act::LogIn(..) | Act::Reauthenticate(..), Ok(_)) => match outcome.copy.as_ref() {
                Some(copy) => (copy.handle.as_str(), Some(copy.version)),
                None => return,
            },
            (Act::Cycle(..), Ok(_)) => match self.moved.get(target) {
                Some(moved) => (moved.to.as_str(), moved.version),
                None => return,
            },
            // An update does not return it.
            _ => return,
        };
        let (Some(version), copy) = (version, outcome.copy.as_ref()) else {
            return;
        };
        let key = (self.clients[op.client].browser, handle.to_owned());
        match copy.is_none_or(|copy| copy.written_version.is_some()) {
            true => self.own.insert(key, version),
            // It loads plainly next.
            false => self.own.remove(&key),
        };
    }

    /// A client that passes on the last version of its browser reads nothing older.
    pub(super) fn own_writes_are_read(op: &Op, session: &Seen) -> Result<(), Violation> {
        let (told, guarantee) = match op.reads {
            Reads::Eventual => return Ok(()),
            Reads::Consistent => (0, "G10"),
            Reads::AtLeast(version) => (version, "G10"),
            Reads::Cached(version) => (version, "G20"),
        };
        let least = op.own.max(told);
        require(session.version >= least, guarantee, || {
            format!(
                "version {} was loaded after {least} was written",
                session.version
            )
        })
    }
}

/// A session that was found by its handle is that of this handle and user, as it is stored.
pub(super) fn found_by_handle(
    op: &Op,
    user: Option<u64>,
    found: &Listed,
    has: &Fields,
) -> Result<(), Violation> {
    require(op.target.as_ref() == Some(&found.handle), "G10", || {
        "another session was found".to_owned()
    })?;
    let item = op.read.get(&found.handle).cloned().flatten();
    let item = item.unwrap_or_default();
    require(is_live(&item, op.began), "G5", || {
        "an expired session was found".to_owned()
    })?;
    let is_of_user = user.is_none() || number(&item, "user") == user;
    require(is_of_user, "G9", || {
        format!(
            "a session of {:?} was found, for {user:?}",
            number(&item, "user")
        )
    })?;
    let same = *has == named(&item, has)
        && number(&item, "created_at") == Some(found.created_at)
        && expires_at(&item) == found.expires_at;
    require(same, "G10", || {
        "what was found is not what is stored".to_owned()
    })
}
