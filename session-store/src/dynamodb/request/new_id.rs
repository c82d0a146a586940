//! Requests that give a session a new id, and leave a mark under the old one.

#[cfg(feature = "_record")]
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Judgement, Map, Millis, key, mark, number};

use super::expression::{Clauses, Expression, Statement};
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
    let mut condition = is_unchanged(&mut e, table, replacement);
    if let Some((moment, end)) = replacement.not_used_after {
        let (moment, end) = (e.value(number(moment.0)), e.value(number(end)));
        let not_used = not_used_after(&mut e, table.schema(), moment, end);
        condition.push(not_used);
    }
    let (from, to) = (replacement.from, replacement.to);
    let mark = mark(table.schema(), from, to, replacement.now);
    let mark = put(table, mark, e, condition.into_text())?;
    let mut e = Expression::default();
    let is_free = format!("attribute_not_exists({})", e.name(names.id));
    let new = put(table, replacement.item.clone(), e, is_free)?;
    Ok(vec![mark, new])
}

/// Gives a session another version, so that no attempt to replace this one can still be carried out.
pub(crate) fn forestall(table: &Table, replacement: &Replacement<'_>) -> UpdateItemFluentBuilder {
    let mut e = Expression::default();
    let condition = is_unchanged(&mut e, table, replacement).into_text();
    let version = e.name(table.schema().names.version);
    let update = format!("SET {version}={}", e.value(number(replacement.base + 1)));
    let key = key(table.schema(), replacement.from);
    Statement::new(key, e, Some(update), condition)
        .into_update_item(table)
        .return_values(ReturnValue::AllNew)
}

/// The condition that a session is live, and that nobody wrote it: the new item has all data of this version, and lacks
/// the changes of later ones.
fn is_unchanged(e: &mut Expression, table: &Table, replacement: &Replacement<'_>) -> Clauses {
    let mut condition = live(e, table.schema(), &replacement.judged, &ANY_FORM);
    let version = e.name(table.schema().names.version);
    let base = e.value(number(replacement.base));
    condition.push((version, "=", base));
    if !replacement.has_type
        && let Some(own_type) = own_type(e, table.schema())
    {
        condition.push(own_type);
    }
    condition
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
