//! Requests for the rosters of consistent indexes.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::id::SessionHandle;
use crate::item::{
    Entry, MEMBERS, Member, Millis, RosterChange, RosterKey, creation_bounds, key, note_digest,
    number,
};
use crate::schema::{IndexValue, Schema};

use super::expression::{Expression, Placeholder, Statement};
use super::session::{delete, has_value};
use crate::dynamodb::table::Table;

/// A change of a roster: a session enters, or leaves, or both.
pub(crate) fn change(schema: &Schema, change: &RosterChange) -> Statement {
    match change.enters {
        Some(handle) => enter(schema, change, handle),
        None => {
            let roster = RosterKey::of(schema, &change.of);
            leave(schema, &roster, change.leaves.as_slice())
        }
    }
}

/// Enters a session into its roster, and removes the entries of those that make room for it.
///
/// A session that is there already is entered again, whatever the limit: to a repetition, the roster
/// must not be full because of its own entry.
fn enter(schema: &Schema, change: &RosterChange, handle: SessionHandle) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let mut set = Vec::new();
    let mut remove = Vec::new();
    let mut condition;
    if let Entry::CreateRoster = change.entry {
        let entry = HashMap::from([(handle.to_string(), number(change.created_at.0))]);
        set.push(format!("{members}={}", e.value(AttributeValue::M(entry))));
        condition = is_no_map(&mut e, members);
    } else {
        let entry = entry(&mut e, members, handle);
        let created_at = e.value(number(change.created_at.0));
        set.push(format!("{entry}={created_at}"));
        if let Some(old) = change.leaves {
            remove.push(self::entry(&mut e, members, old));
        }
        if let Entry::Evicting {
            victims,
            expected_len,
        } = &change.entry
        {
            // A session that has its entry by now must not evict: this write was delayed, and a later
            // attempt came first.
            condition = format!(
                "attribute_not_exists({entry}) AND size({members})={}",
                e.value(number(*expected_len as u64))
            );
            for victim in victims {
                let victim = self::entry(&mut e, members, *victim);
                condition += &format!(" AND attribute_exists({victim})");
                remove.push(victim);
            }
        } else {
            let limit = e.value(number(change.max_entries.into()));
            // A value that is no map is a failed condition, and not an invalid request.
            let map = e.string("M");
            condition = format!(
                "attribute_type({members},{map}) AND (attribute_exists({entry}) OR size({members})<{limit}"
            );
            // An entry that is replaced makes room for the new one.
            for old in &remove {
                condition += &format!(" OR attribute_exists({old})");
            }
            condition += ")";
        }
    }
    let (expires_at, ends) = (
        e.name(schema.names.expires_at),
        e.value(number(change.kept_until)),
    );
    match (&change.entry, change.is_kept_longer) {
        (Entry::CreateRoster, _) => set.push(format!("{expires_at}={ends}")),
        (_, false) => {
            set.push(format!("{expires_at}={ends}"));
            condition += &format!(" AND {expires_at}<={ends}");
        }
        // It may have ended since it was read, and have begun again.
        (_, true) => {
            let is_number = format!("attribute_type({expires_at},{})", e.string("N"));
            condition += &format!(" AND (NOT {is_number} OR {expires_at}>={ends})");
        }
    }
    let mut update = format!("SET {}", set.join(","));
    if !remove.is_empty() {
        update += &format!(" REMOVE {}", remove.join(","));
    }
    let roster = RosterKey::of(schema, &change.of);
    Statement::new(roster.item_key(schema), e, Some(update), condition)
}

/// Begins a roster with these entries, which an earlier program wrote to another one.
pub(crate) fn adopt(
    schema: &Schema,
    of: &IndexValue,
    entries: &[Member],
    kept_until: u64,
) -> Statement {
    let mut e = Expression::default();
    let (members, ends) = (e.name(MEMBERS), e.name(schema.names.expires_at));
    let entries = entries
        .iter()
        .map(|entry| (entry.handle.to_string(), number(entry.created_at.0)));
    let entries = e.value(AttributeValue::M(entries.collect()));
    let update = format!(
        "SET {members}={entries},{ends}={}",
        e.value(number(kept_until))
    );
    let condition = is_no_map(&mut e, members);
    let roster = RosterKey::of(schema, of);
    Statement::new(roster.item_key(schema), e, Some(update), condition)
}

/// The most entries that [`drop_moved`] takes: a transaction has at most 100 parts.
pub(crate) const MAX_MOVED: usize = 50;

/// A session whose entry is to be dropped, since it has another value.
#[derive(Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) handle: SessionHandle,
    /// Whether it has the note that it is in this roster, because a program that does not know the index gave it
    /// the other value. If that gave it this value back, the note would be wrong, so it goes with the entry.
    pub(crate) has_note: bool,
}

/// Removes the entries of sessions that have another value, on condition that they still have it: one part
/// for each session, then the roster.
pub(crate) fn drop_moved(
    schema: &Schema,
    of: &IndexValue,
    moved: &[Moved],
) -> (Vec<Statement>, Statement) {
    let parts = moved.iter().map(|moved| {
        let mut e = Expression::default();
        let note = e.name(of.attribute.note.as_str());
        let is_noted = begins_with_digest(&mut e, note, of, moved.handle);
        let exists = format!("attribute_exists({})", e.name(schema.names.id));
        let mut condition = format!("{exists} AND NOT ({})", has_value(&mut e, schema, of));
        // Where nothing is to be removed, an update that changes nothing: a `ConditionCheck` would need one more
        // permission.
        let update = if moved.has_note {
            condition += &format!(" AND {is_noted}");
            format!("REMOVE {note}")
        } else {
            condition += &format!(" AND NOT {is_noted}");
            format!("REMOVE {}", e.name("session-store/nothing"))
        };
        Statement::new(key(schema, moved.handle), e, Some(update), condition)
    });
    let parts = parts.collect();
    let handles: Vec<_> = moved.iter().map(|moved| moved.handle).collect();
    let roster = RosterKey::of(schema, of);
    (parts, leave(schema, &roster, &handles))
}

/// The condition that a session has the note of this roster, whatever timeout that is kept for.
fn begins_with_digest(
    e: &mut Expression,
    note: Placeholder,
    of: &IndexValue,
    handle: SessionHandle,
) -> String {
    let digest = note_digest(handle, of.attribute, &of.value);
    let digest = e.value(AttributeValue::B(Blob::new(digest)));
    format!("begins_with({note},{digest})")
}

/// The most entries that [`leave`] takes: an expression has at most 4 KB.
pub(crate) const MAX_LEAVING: usize = 250;

/// Removes entries from a roster, if it is there.
pub(crate) fn leave(schema: &Schema, roster: &RosterKey, handles: &[SessionHandle]) -> Statement {
    let names = handles.iter().map(SessionHandle::to_string);
    remove(schema, roster, names)
}

/// Removes the entry of a session from a roster that has others.
pub(crate) fn leave_others(
    schema: &Schema,
    roster: &RosterKey,
    handle: SessionHandle,
) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let entry = e.name(&handle.to_string());
    let one = e.value(number(1));
    let condition = format!(
        "attribute_type({members},{}) AND size({members})>{one}",
        e.string("M")
    );
    let update = format!("REMOVE {members}.{entry}");
    Statement::new(roster.item_key(schema), e, Some(update), condition)
}

/// Deletes a roster that has no entry, or that of this session alone.
pub(crate) fn end_roster(
    table: &Table,
    roster: &RosterKey,
    last: Option<SessionHandle>,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let is_map = format!("attribute_type({members},{})", e.string("M"));
    let mut is_empty = format!("size({members})={}", e.value(number(0)));
    if let Some(last) = last {
        let (one, entry) = (e.value(number(1)), e.name(&last.to_string()));
        is_empty += &format!(" OR (size({members})={one} AND attribute_exists({members}.{entry}))");
    }
    table
        .client
        .delete_item()
        .table_name(&table.name)
        .set_key(Some(roster.item_key(table.schema())))
        .condition_expression(format!("{is_map} AND ({is_empty})"))
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values(ReturnValue::AllOld)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Removes the entries of these names from a roster, if it is there.
pub(crate) fn remove(
    schema: &Schema,
    roster: &RosterKey,
    names: impl Iterator<Item = String>,
) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let entries = names.map(|name| format!("{members}.{}", e.name(&name)));
    let entries: Vec<_> = entries.collect();
    let update = format!("REMOVE {}", entries.join(","));
    let condition = format!("attribute_type({members},{})", e.string("M"));
    Statement::new(roster.item_key(schema), e, Some(update), condition)
}

/// Deletes a session that has expired, or that its time of creation does not let live.
///
/// It may have been extended since it was read, so the condition decides: refused means live. What was read, the
/// stored end and the last use, stands for a session that has ended within its last second.
pub(crate) fn end_expired(
    table: &Table,
    handle: SessionHandle,
    now: Millis,
    read: (u64, Option<Millis>),
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let names = &table.schema().names;
    let bounds = creation_bounds(table.schema().absolute(), now);
    let (ends, now) = (e.name(names.expires_at), e.value(number(now.seconds())));
    let created_at = e.name(names.created_at);
    let first = e.value(number(bounds.start().0));
    let last = e.value(number(bounds.end().0));
    let mut condition = format!("{ends}<={now} OR {created_at}<{first} OR {created_at}>{last}");
    if let (read, Some(touched)) = read {
        let (touched_at, touched) = (e.name(names.touched_at), e.value(number(touched.0)));
        let read = e.value(number(read));
        condition += &format!(" OR ({ends}={read} AND {touched_at}={touched})");
    }
    // A mark looks expired, and is not the session any more.
    let moved_to = e.name(names.moved_to);
    let condition = format!("attribute_not_exists({moved_to}) AND ({condition})");
    delete(table, handle)
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// The condition that a roster is still to begin: a value of another type there was not written by a store.
fn is_no_map(e: &mut Expression, members: Placeholder) -> String {
    format!("NOT attribute_type({members},{})", e.string("M"))
}

fn entry(e: &mut Expression, members: Placeholder, handle: SessionHandle) -> String {
    format!("{members}.{}", e.name(&handle.to_string()))
}
