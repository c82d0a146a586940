//! Consistent indexes: one item for each value, its roster, that names every session of the value.
//!
//! The roster of a value is an item of the same table with the key `#<attribute>#<value>`, behind
//! the type's key prefix; no session's key begins like that. Its attribute `m` maps the handle of
//! each session to the time of its creation, and `expires_at` lets DynamoDB's TTL delete it a week
//! after the last of its sessions has ended, never before.
//!
//! # The invariant
//!
//! *Every live session whose id anyone knows is in the roster of its value.* The other way round
//! does not hold, and need not: an entry whose session is gone is dropped when somebody meets it.
//!
//! Three kinds of write change who is in a roster:
//!
//! - `create` puts the session, then enters it, and only then gives the id away. Between the two
//!   the session is in no roster, but nobody knows its id. Should the process die there, nobody
//!   ever will, and the session goes when its idle timeout is over. Had the entry come first, a
//!   revocation could read it, find no session to delete, and take the entry out again before the
//!   put arrives: a live session in no roster.
//! - `delete`, and revoking, delete the session, then take its entry out. Between the two the entry
//!   is one of none, which is harmless. The other order would leave a live session in no roster.
//! - Whatever moves a session that is known, to another value (`save`, `update`) or to another
//!   handle (`cycle_id`), is one transaction of the session and the rosters, on condition that the
//!   session has the value as yet. There is no between.
//!
//! # When an answer is lost
//!
//! - The put of a `create`: nobody knows whether the session is there. It is deleted, and another id
//!   is taken; the put is not sent again, because by then a revocation could have ended what the
//!   first one stored. A put that arrives even later leaves a session whose id nobody knows.
//! - Its entry: the same, and the entry is taken out as well, after the session. An entry that
//!   arrives even later is one of none.
//! - A transaction: the SDK sends it again under the same token, so that it is carried out once. If
//!   the last answer is lost too, the session's own mark tells at the next attempt.
//! - The entry's removal, after a delete: an entry of none stays.
//!
//! # The limit
//!
//! It is a condition of the write that enters: fewer entries than the limit, or this one is there
//! already (else a repetition would find the roster full of itself, and end an innocent session).
//! Since a session is in its roster before anyone knows its id, no more than that many live
//! sessions are known, however many log in at once.
//!
//! A full roster may be full of dead entries. Its sessions are read, those that expired are deleted
//! on condition that they have, and the entries without a session dropped. An absent session never
//! comes back, since no id is used twice, so its entry can be dropped whatever happens in between.
//! No entry is dropped for its age: a touch does not write the roster, so the age says nothing.
//! If all are alive, the policy decides. Evicting is one transaction: the oldest session is deleted
//! if it still has the value, its entry goes and the new one comes, on condition that the roster
//! has as many entries as were seen. So two who evict at once do not end two sessions for one place.
//! The oldest is that of the roster as it was read: who came since with an older time of creation, by
//! a slow clock or from another value, is not seen.
//!
//! # Entries that are left behind
//!
//! A session that expires leaves its entry, and a roster far from its limit would collect them for
//! years; each write to it is billed by its size. So one in eight writes that enter asks for a roster
//! of fewer than 64, if the limit is higher. Refused, it gets to see the roster, and where many
//! entries are older than the absolute timeout, the oldest are read and those without a session
//! dropped, as above. Their age is where to look, and never the reason.
//!
//! # Revoking
//!
//! 1. Read the roster. T0 is the newest time of creation in it.
//! 2. Delete each session of it, on condition that it still has the value.
//! 3. Take out the entries of those that are gone. The same write returns what is left: whatever is
//!    not younger than T0 is revoked too, from step 2, until nothing is.
//!
//! The repetition is for what came in between without being new: a change of id keeps the time of
//! creation, so its new handle is met in the next round; so is a session that moved to the value. One
//! whose delete was refused has moved to another value, and keeps its entry, because it may be on
//! its way back. The revocation takes effect at its last write to the roster: a `create` that enters
//! later survives it.
//!
//! # What stays open
//!
//! - An eviction that was sent, went without an answer, and arrives after its own session has entered
//!   by a later one and ended since, ends a session for nobody.
//! - A delete of a revocation that arrives late, after its session had moved to another value and
//!   back, ends it needlessly.
//! - Sessions that were created by a program whose type had no consistent index on the attribute
//!   are in no roster until a `save` or `cycle_id` moves them. Make a default index consistent when
//!   the absolute timeout of the last such session has passed, or revoke by handle until then.
//! - A type whose absolute timeout is made longer by more than a week keeps sessions alive beyond
//!   the expiry that their rosters were given, until a newer session of the value extends it.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;
use crate::item::lifetime::{Millis, roster_end};
use crate::item::value::Map;
use crate::schema::{Attribute, Limit, OnLimit, Schema};

/// The attribute of a roster that holds its entries.
pub(crate) const MEMBERS: &str = "m";

/// A roster with as many entries is looked at now and then.
const LOOK: u32 = 64;

/// The sessions of one value of an attribute.
#[derive(Clone)]
pub(crate) struct Roster {
    pub(crate) attribute: &'static Attribute,
    pub(crate) value: AttributeValue,
}

impl Roster {
    pub(crate) fn limit(&self) -> Limit {
        // Rosters are made for attributes with a limit alone; the default refuses nobody wrongly.
        self.attribute.roster().unwrap_or(Limit {
            sessions: Attribute::MAX_LIMIT,
            policy: OnLimit::Reject,
        })
    }
}

/// What is to become of a roster.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) roster: Roster,
    /// A session that comes.
    pub(crate) enters: Option<SessionHandle>,
    /// A session that goes: to another value, or because `enters` is its new handle.
    pub(crate) leaves: Option<SessionHandle>,
    /// When the session was created.
    pub(crate) created_at: Millis,
    /// How many entries the roster may have as yet: its limit, or less to get to see it.
    pub(crate) most: u32,
    /// Until when the roster is to be kept, in seconds since 1970, unless it is kept longer already.
    pub(crate) ends: Option<u64>,
    pub(crate) room: Room,
}

/// Where the place for a new entry comes from.
#[derive(Clone)]
pub(crate) enum Room {
    /// The roster is there, and has room: tried first.
    Free,
    /// There is no roster yet.
    New,
    /// It is full: these sessions are ended for it, in a roster of this many entries.
    InPlaceOf {
        victims: Vec<SessionHandle>,
        seen: usize,
    },
}

impl Change {
    fn new(schema: &Schema, roster: Roster, created_at: Millis) -> Self {
        let limit = roster.limit().sessions;
        let look = fastrand::u8(..8) == 0;
        Self {
            roster,
            most: if look { limit.min(LOOK) } else { limit },
            enters: None,
            leaves: None,
            created_at,
            ends: Some(roster_end(schema, created_at)),
            room: Room::Free,
        }
    }

    /// The sessions that are ended for this.
    pub(crate) fn victims(&self) -> &[SessionHandle] {
        match &self.room {
            Room::InPlaceOf { victims, .. } => victims,
            _ => &[],
        }
    }
}

/// The changes of rosters with which a session goes from one state to another: the promoted
/// attributes and the handle that it had, and those that it will have.
pub(crate) fn changes(
    schema: &Schema,
    (from, was): (SessionHandle, &Map),
    (to, is): (SessionHandle, &Map),
    created_at: Millis,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for attribute in schema.rosters() {
        let roster = |value: &AttributeValue| Roster {
            attribute,
            value: value.clone(),
        };
        let (was, is) = (was.get(attribute.name), is.get(attribute.name));
        if was == is && from == to {
            continue;
        }
        if let Some(old) = was.filter(|_| was != is) {
            changes.push(Change {
                leaves: Some(from),
                ..Change::new(schema, roster(old), created_at)
            });
        }
        if let Some(new) = is {
            changes.push(Change {
                enters: Some(to),
                leaves: Some(from).filter(|_| was == is),
                ..Change::new(schema, roster(new), created_at)
            });
        }
    }
    changes
}

/// What it means for the rosters that a save writes these attributes.
pub(crate) struct Moves {
    /// The values that the session must have as yet. A save that sets one to what it is already
    /// depends on it too: it would undo the move of another, and leave that one's roster as it is.
    pub(crate) unmoved: Vec<(&'static str, Option<AttributeValue>)>,
    pub(crate) changes: Vec<Change>,
}

impl Moves {
    pub(crate) fn new(
        schema: &Schema,
        (handle, was): (SessionHandle, &Map),
        written: &[(&'static str, Option<AttributeValue>)],
        created_at: Millis,
    ) -> Self {
        let kept = |name: &str| schema.rosters().any(|attribute| attribute.name == name);
        let mut unmoved = Vec::new();
        let mut is = was.clone();
        for (name, value) in written.iter().filter(|(name, _)| kept(name)) {
            unmoved.push((*name, was.get(*name).cloned()));
            match value {
                Some(value) => is.insert((*name).to_owned(), value.clone()),
                None => is.remove(*name),
            };
        }
        let changes = match unmoved.is_empty() {
            true => Vec::new(),
            false => changes(schema, (handle, was), (handle, &is), created_at),
        };
        Self { unmoved, changes }
    }

    /// Whether somebody else has moved the session, which is in this item now.
    pub(crate) fn are_outdated(&self, item: &Map) -> bool {
        let mut unmoved = self.unmoved.iter();
        unmoved.any(|(name, was)| item.get(*name) != was.as_ref())
    }
}

/// The changes with which a new session enters its rosters.
pub(crate) fn entries(
    schema: &Schema,
    item: &Map,
    handle: SessionHandle,
    created_at: Millis,
) -> Vec<Change> {
    changes(schema, (handle, &Map::new()), (handle, item), created_at)
}

/// The rosters of the session in an item.
pub(crate) fn rosters(schema: &Schema, item: &Map) -> Vec<Roster> {
    let of = |attribute: &'static Attribute| {
        let value = item.get(attribute.name)?.clone();
        Some(Roster { attribute, value })
    };
    schema.rosters().filter_map(of).collect()
}

/// The entries of a roster, newest session first.
pub(crate) fn members(item: &Map) -> Option<Vec<Member>> {
    let read = |(handle, created_at): (&String, &AttributeValue)| {
        Some(Member {
            handle: SessionHandle::parse(handle).ok()?,
            created_at: Millis(created_at.as_n().ok()?.parse().ok()?),
        })
    };
    let entries = item.get(MEMBERS)?.as_m().ok()?;
    let mut members: Vec<_> = entries.iter().filter_map(read).collect();
    members.sort_by_key(Member::rank);
    Some(members)
}

/// An entry of a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) handle: SessionHandle,
    pub(crate) created_at: Millis,
}

impl Member {
    /// By this, the newest session comes first.
    pub(crate) fn rank(&self) -> Reverse<(Millis, SessionHandle)> {
        Reverse((self.created_at, self.handle))
    }
}
