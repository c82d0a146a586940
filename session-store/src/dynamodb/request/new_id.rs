//! Requests that give a session a new id, and leave a mark under the old one.

#[cfg(feature = "_record")]
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Judgement, Map, Millis, mark, number};

use super::expression::Expression;
use super::live::{ANY_FORM, live, not_used_after};
#[cfg(feature = "_record")]
use super::session::create;
use super::session_type::own_type;
use crate::dynamodb::failure::incomplete;
use crate::dynamodb::table::Table;

/// A change of id: the item that replaces the one of a session, and what it was made from.
pub(crate) struct Replacement<'a> {
    pub(crate) from: SessionHandle,
    pub(crate) to: SessionHandle,
    pub(crate) item: &'a Map,
    /// The version of the session that is replaced.
    pub(crate) base: u64,
    pub(crate) now: Millis,
    /// The session must not have expired by this.
    pub(crate) judged: Judgement,
    /// The last use and the end that the new item has, if nobody may have used the session later.
    pub(crate) not_used_after: Option<(Millis, u64)>,
    /// Whether the session told its type when it was read. If not, another type may have claimed it.
    pub(crate) has_type: bool,
}

/// Puts the item of a live session under another key, and a mark in its place: both writes or neither (G7).
///
/// The mark costs nothing: a write is billed by the larger of the old and the new item, as a delete is.
pub(crate) fn replace(
    table: &Table,
    replacement: &Replacement<'_>,
) -> Result<Vec<TransactWriteItem>, Error> {
    let names = &table.schema().names;
    let mut e = Expression::default();
    let mut condition = live(&mut e, table.schema(), &replacement.judged, &ANY_FORM);
    // The new item has all data of this version. If others wrote since, their changes are not in it.
    let (version, base) = (e.name(names.version), e.value(number(replacement.base)));
    condition.push(format_args!("{version}={base}"));
    if let Some((moment, end)) = replacement.not_used_after {
        let not_used = not_used_after(&mut e, table.schema(), moment, end);
        condition.push(format_args!("{not_used}"));
    }
    if !replacement.has_type
        && let Some(own_type) = own_type(&mut e, table.schema())
    {
        condition.push(format_args!("{own_type}"));
    }
    let (from, to) = (replacement.from, replacement.to);
    let mark = mark(table.schema(), from, to, replacement.now);
    let mark = put(table, mark, e, condition.into_text())?;
    let mut e = Expression::default();
    let is_free = format!("attribute_not_exists({})", e.name(names.id));
    let new = put(table, replacement.item.clone(), e, is_free)?;
    Ok(vec![mark, new])
}

fn put(
    table: &Table,
    item: Map,
    mut e: Expression,
    condition: String,
) -> Result<TransactWriteItem, Error> {
    let put = Put::builder()
        .table_name(&table.name)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Puts the mark of a change of id where no item is. If one is there, the refusal has it.
#[cfg(feature = "_record")]
pub(crate) fn leave_mark(table: &Table, mark: Map) -> PutItemFluentBuilder {
    create(table, mark)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}
