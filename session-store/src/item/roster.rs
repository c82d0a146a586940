//! Rosters as data: who is in one, and the changes that a session's move means for them.
//!
//! [`rosters`](crate::rosters) has the protocol, and why each step is as it is.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;
use crate::schema::{Attribute, IndexValue, Limit, OnLimit, Schema};

use super::delta::Delta;
use super::lifetime::{Lifetime, Millis};
use super::limits::Limits;
use super::roster_note::{is_noted, note};
use super::value::Map;

/// The attribute of a roster that holds its entries.
pub(crate) const MEMBERS: &str = "m";

/// From this size on, one in eight writes to a roster asks to see it.
const PROBE_SIZE: u32 = 64;

/// A change of one roster.
#[derive(Clone)]
pub(crate) struct RosterChange {
    pub(crate) of: IndexValue,
    /// A session that enters.
    pub(crate) enters: Option<SessionHandle>,
    /// A session that leaves: for another value, or because `enters` is its new handle.
    pub(crate) leaves: Option<SessionHandle>,
    /// When the session was created.
    pub(crate) created_at: Millis,
    pub(crate) limit: Limit,
    /// The roster must have fewer entries than this: its limit, or less so as to get to see it.
    pub(crate) max_entries: u32,
    /// Until when the roster has to be kept, in seconds since 1970.
    pub(crate) kept_until: u64,
    /// It is kept longer already.
    pub(crate) is_kept_longer: bool,
    pub(crate) entry: Entry,
}

/// How a session gets its entry.
#[derive(Clone)]
pub(crate) enum Entry {
    /// The roster is there, and below its limit. This is tried first.
    IfBelowLimit,
    /// There is no roster yet.
    CreateRoster,
    /// The roster is full, with this many entries: these sessions are ended in the same transaction.
    Evicting {
        victims: Vec<SessionHandle>,
        expected_len: usize,
    },
}

impl RosterChange {
    fn new(of: IndexValue, lifetime: &Lifetime, limits: &Limits) -> Self {
        let limit = limits.of(&of);
        let sessions = limit.sessions;
        let probes = fastrand::u8(..8) == 0;
        Self {
            of,
            limit,
            enters: None,
            leaves: None,
            created_at: lifetime.created_at,
            max_entries: if probes {
                sessions.min(PROBE_SIZE)
            } else {
                sessions
            },
            kept_until: lifetime.roster_end(),
            is_kept_longer: false,
            entry: Entry::IfBelowLimit,
        }
    }

    /// The same for a session that has had the value for a while, but was never entered: the limit is that of
    /// log-ins, so the next one settles it.
    fn for_old_session(self) -> Self {
        let limit = Limit {
            sessions: Attribute::MAX_LIMIT,
            policy: OnLimit::Reject,
        };
        Self {
            limit,
            max_entries: limit.sessions,
            ..self
        }
    }

    /// The sessions that are ended to make room.
    pub(crate) fn victims(&self) -> &[SessionHandle] {
        match &self.entry {
            Entry::Evicting { victims, .. } => victims,
            Entry::IfBelowLimit | Entry::CreateRoster => &[],
        }
    }
}

/// The roster changes with which a session goes from one state to another: from the handle and the
/// promoted attributes that it had, to those that it will have. `keeps` says of which attributes it has had the
/// value for a while, whatever its item said.
pub(crate) fn changes(
    schema: &Schema,
    (from, was): (SessionHandle, &Map),
    (to, is): (SessionHandle, &Map),
    lifetime: &Lifetime,
    limits: &Limits,
    keeps: impl Fn(&'static str) -> bool,
) -> Vec<RosterChange> {
    let mut changes = Vec::new();
    for attribute in schema.rosters() {
        let roster = |value: &AttributeValue| IndexValue {
            attribute,
            value: value.clone(),
        };
        let noted = is_noted(schema, from, attribute, was);
        let (was, is) = (was.get(attribute.name), is.get(attribute.name));
        if was == is && from == to && noted {
            continue;
        }
        if let Some(old) = was.filter(|_| was != is) {
            changes.push(RosterChange {
                leaves: Some(from),
                ..RosterChange::new(roster(old), lifetime, limits)
            });
        }
        if let Some(new) = is {
            let change = RosterChange::new(roster(new), lifetime, limits);
            let keeps = keeps(attribute.name);
            changes.push(RosterChange {
                enters: Some(to),
                // The same roster under a new handle: one entry replaces the other. So it does if the type of
                // the value has changed, and the roster has adopted the entry of the old one; or if another host
                // has entered the session meanwhile.
                leaves: Some(from).filter(|_| from != to && (keeps || roster(new).is_value(was))),
                ..match keeps && !(was == is && noted) {
                    true => change.for_old_session(),
                    false => change,
                }
            });
        }
    }
    changes
}

/// The values of promoted attributes; `None` for absent.
pub(crate) type Values = Vec<(&'static str, Option<AttributeValue>)>;

/// The roster changes of a save, and the values that they are based on.
#[derive(Default)]
pub(crate) struct RosterPlan {
    /// The values that the session must still have. A save that writes a value which is there already
    /// depends on it too: otherwise it would undo the move of another request, and leave the roster of
    /// that one as it is.
    pub(crate) expected_values: Values,
    pub(crate) changes: Vec<RosterChange>,
    /// The notes that the session has afterwards, of the rosters that change.
    pub(crate) notes: Values,
}

impl RosterPlan {
    /// The plan of a save that writes these attributes to a session with these promoted attributes. A session
    /// that is not in a roster of a value that it keeps is entered (G19).
    pub(crate) fn new(
        schema: &Schema,
        handle: SessionHandle,
        was: &Map,
        delta: &Delta,
        lifetime: &Lifetime,
        limits: &Limits,
    ) -> Self {
        let written = &delta.attributes;
        let mut plan = Self::default();
        let mut is = was.clone();
        for attribute in schema.rosters() {
            let name = attribute.name;
            let new = written.iter().find(|(written, _)| *written == name);
            match new {
                Some((_, Some(value))) => is.insert(name.to_owned(), value.clone()),
                Some((_, None)) => is.remove(name),
                None if is_noted(schema, handle, attribute, was) => continue,
                None => None,
            };
            plan.expected_values.push((name, was.get(name).cloned()));
            let new = is.get(name);
            let note = new.map(|value| note(schema, handle, attribute, value));
            plan.notes.push((attribute.note.as_str(), note));
        }
        if !plan.expected_values.is_empty() {
            let keeps = |name: &'static str| {
                delta.repaired.contains(name) || !written.iter().any(|(other, _)| *other == name)
            };
            let (from, to) = ((handle, was), (handle, &is));
            plan.changes = changes(schema, from, to, lifetime, limits, keeps);
        }
        plan
    }

    /// Whether somebody else has moved the session, whose item this is.
    pub(crate) fn is_stale(&self, item: &Map) -> bool {
        let mut expected = self.expected_values.iter();
        expected.any(|(name, was)| item.get(*name) != was.as_ref())
    }
}

/// The changes with which a new session enters these rosters.
pub(crate) fn entries(
    rosters: &[IndexValue],
    handle: SessionHandle,
    lifetime: &Lifetime,
    limits: &Limits,
) -> Vec<RosterChange> {
    let enter = |of: &IndexValue| RosterChange {
        enters: Some(handle),
        ..RosterChange::new(of.clone(), lifetime, limits)
    };
    rosters.iter().map(enter).collect()
}

/// The rosters of the session in an item.
pub(crate) fn rosters_of(schema: &Schema, item: &Map) -> Vec<IndexValue> {
    let of = |attribute: &'static Attribute| {
        let value = item.get(attribute.name)?.clone();
        Some(IndexValue { attribute, value })
    };
    schema.rosters().filter_map(of).collect()
}

/// An entry of a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) handle: SessionHandle,
    pub(crate) created_at: Millis,
}

impl Member {
    /// Sorted by this, the newest session comes first.
    pub(crate) fn rank(&self) -> Reverse<(Millis, SessionHandle)> {
        Reverse((self.created_at, self.handle))
    }
}

/// The entries of a roster, newest session first; `None` if the item is no roster.
///
/// The time of an entry that cannot be read counts as long ago: the session is what matters.
pub(crate) fn members(item: &Map) -> Option<Vec<Member>> {
    let read = |(handle, created_at): (&String, &AttributeValue)| {
        let created_at = created_at.as_n().ok().and_then(|text| text.parse().ok());
        Some(Member {
            handle: SessionHandle::parse(handle).ok()?,
            created_at: Millis(created_at.unwrap_or_default()),
        })
    };
    let entries = item.get(MEMBERS)?.as_m().ok()?;
    let mut members: Vec<_> = entries.iter().filter_map(read).collect();
    members.sort_by_key(Member::rank);
    Some(members)
}

/// The names of entries that no session can have. This store never writes one, but DynamoDB counts them.
pub(crate) fn foreign_entries(item: &Map) -> Vec<String> {
    let entries = item.get(MEMBERS).and_then(|entries| entries.as_m().ok());
    let names = entries.into_iter().flat_map(|entries| entries.keys());
    let foreign = names.filter(|name| SessionHandle::parse(name).is_err());
    foreign.cloned().collect()
}

/// A full roster, from which sessions have to be evicted.
pub(crate) struct FullRoster {
    /// Its live sessions, in the order in which they are evicted.
    pub(crate) live: Vec<SessionHandle>,
    /// How many of them have to end.
    pub(crate) needed: usize,
    /// How many entries it has.
    pub(crate) len: usize,
}

/// Rosters of more values than this are looked at in one order alone.
const MAX_ORDERED: usize = 4;

/// The sessions to evict from each of these rosters, of which `chosen` end anyway.
///
/// Each roster gives up its first sessions, and a session that ends counts for every roster that it is in. So
/// it matters which roster is looked at first: the oldest session of one can be in the other as well, while
/// the oldest of that is not in the first. The order with the fewest victims is taken.
pub(crate) fn choose_victims(
    rosters: &[FullRoster],
    chosen: &[SessionHandle],
) -> Vec<Vec<SessionHandle>> {
    let choose = |order: &[usize]| {
        let mut ended = chosen.to_vec();
        for roster in order.iter().filter_map(|&i| rosters.get(i)) {
            let has_ended = |handle: &&SessionHandle| ended.contains(*handle);
            let missing = roster
                .needed
                .saturating_sub(roster.live.iter().filter(has_ended).count());
            let others = roster.live.iter().filter(|handle| !ended.contains(*handle));
            let others: Vec<_> = others.take(missing).copied().collect();
            ended.extend(others);
        }
        ended
    };
    let ended = orders(rosters.len())
        .iter()
        .map(|order| choose(order))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let of_roster = |roster: &FullRoster| {
        let victims = roster.live.iter().filter(|handle| ended.contains(*handle));
        victims.copied().collect()
    };
    rosters.iter().map(of_roster).collect()
}

/// All orders of so many rosters, the given one first.
fn orders(rosters: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    if rosters > MAX_ORDERED {
        return vec![(0..rosters).collect()];
    }
    for _ in 0..rosters {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            let unused = (0..rosters).filter(|next| !order.contains(next));
            unused.map(|next| order.iter().copied().chain([next]).collect())
        });
        orders = longer.collect();
    }
    orders
}

/// The sessions that were ended to make room.
#[derive(Clone, Default)]
pub(crate) struct Evicted {
    pub(crate) ended: Vec<SessionHandle>,
    /// The victims of transactions whose response was lost: ended, or not.
    pub(crate) perhaps: Vec<SessionHandle>,
}

impl Evicted {
    /// Notes the victims of a transaction that was carried out.
    pub(crate) fn note(&mut self, changes: &[RosterChange]) {
        for victim in changes.iter().flat_map(RosterChange::victims) {
            if !self.ended.contains(victim) {
                self.ended.push(*victim);
            }
        }
    }

    /// Notes the victims of a transaction that may have been carried out.
    pub(crate) fn note_uncertain(&mut self, changes: &[RosterChange]) {
        for victim in changes.iter().flat_map(RosterChange::victims) {
            if !self.perhaps.contains(victim) {
                self.perhaps.push(*victim);
            }
        }
    }
}

#[cfg(test)]
mod tests;
