//! What is sent to the rosters of consistent indexes.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::expression::{Expression, Placeholder, Statement};
use super::session::{Target, delete};
use crate::id::SessionHandle;
use crate::item::image::{number, roster_key};
use crate::item::lifetime::Millis;
use crate::item::roster::{Change, MEMBERS, Room, Roster};
use crate::schema::Schema;

/// What is to become of a roster: a session comes, or goes, or both.
pub(crate) fn change(schema: &Schema, change: &Change) -> Statement {
    match change.enters {
        Some(handle) => enter(schema, change, handle),
        None => leave(schema, &change.roster, change.leaves.as_slice()),
    }
}

/// Enters a session into its roster, and takes out those that make room for it.
///
/// One that is there already is entered again whatever the limit: a repetition must not find the
/// roster full of itself.
fn enter(schema: &Schema, change: &Change, handle: SessionHandle) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let mut set = Vec::new();
    let mut remove = Vec::new();
    let mut condition;
    if let Room::New = change.room {
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
        if let Room::InPlaceOf { victims, seen } = &change.room {
            // One that is in by now needs nobody's place: this one was sent before, and arrived late.
            condition = format!(
                "attribute_not_exists({entry}) AND size({members})={}",
                e.value(number(*seen as u64))
            );
            for victim in victims {
                let victim = self::entry(&mut e, members, *victim);
                condition += &format!(" AND attribute_exists({victim})");
                remove.push(victim);
            }
        } else {
            let limit = e.value(number(change.most.into()));
            condition = format!("(attribute_exists({entry}) OR size({members})<{limit}");
            // Whoever goes makes room for the one who comes.
            for old in &remove {
                condition += &format!(" OR attribute_exists({old})");
            }
            condition += ")";
        }
    }
    if let Some(ends) = change.ends {
        let (expires_at, ends) = (e.name(schema.names.expires_at), e.value(number(ends)));
        set.push(format!("{expires_at}={ends}"));
        if !matches!(change.room, Room::New) {
            condition += &format!(" AND {expires_at}<={ends}");
        }
    }
    let mut update = format!("SET {}", set.join(","));
    if !remove.is_empty() {
        update += &format!(" REMOVE {}", remove.join(","));
    }
    Statement::new(
        roster_key(schema, &change.roster),
        e,
        Some(update),
        condition,
    )
}

/// The most entries that [`leave`] takes: an expression has at most 4 KB.
pub(crate) const MAX_LEAVING: usize = 250;

/// Takes entries out of a roster, if it is there.
pub(crate) fn leave(schema: &Schema, roster: &Roster, handles: &[SessionHandle]) -> Statement {
    let mut e = Expression::default();
    let members = e.name(MEMBERS);
    let entries: Vec<_> = handles
        .iter()
        .map(|handle| entry(&mut e, members, *handle))
        .collect();
    let update = format!("REMOVE {}", entries.join(","));
    let condition = format!("attribute_exists({members})");
    Statement::new(roster_key(schema, roster), e, Some(update), condition)
}

/// Deletes a session that has expired.
///
/// What was read may have been extended since, so the condition decides: refused means live.
pub(crate) fn end_expired(
    to: Target<'_>,
    handle: SessionHandle,
    now: Millis,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let (ends, now) = (
        e.name(to.schema.names.expires_at),
        e.value(number(now.seconds())),
    );
    delete(to, handle)
        .condition_expression(format!("{ends}<={now}"))
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

fn entry(e: &mut Expression, members: Placeholder, handle: SessionHandle) -> String {
    format!("{members}.{}", e.name(&handle.to_string()))
}
