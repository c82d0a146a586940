//! Requests for the rosters of consistent indexes.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use crate::id::SessionHandle;
use crate::item::{Entry, MEMBERS, Millis, RosterChange, number, roster_key};
use crate::schema::{IndexValue, Schema};

use super::expression::{Expression, Placeholder, Statement};
use super::session::delete;
use crate::dynamodb::table::Table;

/// A change of a roster: a session enters, or leaves, or both.
pub(crate) fn change(schema: &Schema, change: &RosterChange) -> Statement {
    match change.enters {
        Some(handle) => enter(schema, change, handle),
        None => leave(schema, &change.of, change.leaves.as_slice()),
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
        condition = format!("attribute_not_exists({members})");
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
            condition = format!("(attribute_exists({entry}) OR size({members})<{limit}");
            // An entry that is replaced makes room for the new one.
            for old in &remove {
                condition += &format!(" OR attribute_exists({old})");
            }
            condition += ")";
        }
    }
    if let Some(ends) = change.kept_until {
        let (expires_at, ends) = (e.name(schema.names.expires_at), e.value(number(ends)));
        set.push(format!("{expires_at}={ends}"));
        if !matches!(change.entry, Entry::CreateRoster) {
            condition += &format!(" AND {expires_at}<={ends}");
        }
    }
    let mut update = format!("SET {}", set.join(","));
    if !remove.is_empty() {
        update += &format!(" REMOVE {}", remove.join(","));
    }
    Statement::new(roster_key(schema, &change.of), e, Some(update), condition)
}

/// The most entries that [`leave`] takes: an expression has at most 4 KB.
pub(crate) const MAX_LEAVING: usize = 250;

/// Removes entries from a roster, if it is there.
pub(crate) fn leave(schema: &Schema, of: &IndexValue, handles: &[SessionHandle]) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let entries: Vec<_> = handles
        .iter()
        .map(|handle| entry(&mut e, members, *handle))
        .collect();
    let update = format!("REMOVE {}", entries.join(","));
    let condition = format!("attribute_exists({members})");
    Statement::new(roster_key(schema, of), e, Some(update), condition)
}

/// Deletes a session that has expired.
///
/// It may have been extended since it was read, so the condition decides: refused means live.
pub(crate) fn end_expired(
    table: &Table,
    handle: SessionHandle,
    now: Millis,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let (ends, now) = (
        e.name(table.schema().names.expires_at),
        e.value(number(now.seconds())),
    );
    delete(table, handle)
        .condition_expression(format!("{ends}<={now}"))
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

fn entry(e: &mut Expression, members: Placeholder, handle: SessionHandle) -> String {
    format!("{members}.{}", e.name(&handle.to_string()))
}
