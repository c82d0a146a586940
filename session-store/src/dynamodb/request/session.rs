//! Requests for sessions: to read, create, touch, end and find them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use aws_sdk_dynamodb::types::{
    KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::id::SessionHandle;
use crate::item::{
    CREATED_BEFORE, CUTOFFS, Judgement, Map, Millis, Partition, RosterKey, Window, cutoff_key, key,
    number,
};
use crate::schema::{Attribute, IndexValue, Schema};

use super::expression::{Clauses, Expression, Statement};
use super::live::{ANY_FORM, live, not_used_after};
use super::session_type::{SessionType, own_type, require_type};
use crate::dynamodb::table::Table;

/// Reads a session: after every write that was acknowledged, or at half the price as it was a moment
/// ago.
pub(crate) fn load(table: &Table, handle: SessionHandle, consistent: bool) -> GetItemFluentBuilder {
    get(table, key(table.schema(), handle)).consistent_read(consistent)
}

/// Reads a roster, consistently.
pub(crate) fn roster(table: &Table, roster: &RosterKey) -> GetItemFluentBuilder {
    get(table, roster.item_key(table.schema()))
}

/// Reads these rosters, consistently.
pub(crate) fn rosters(table: &Table, rosters: &[RosterKey]) -> BatchGetItemFluentBuilder {
    let keys = rosters.iter().map(|roster| roster.item_key(table.schema()));
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys.collect()))
        .consistent_read(true);
    batch(table, wanted)
}

/// Reads the first copy of the cutoff, consistently.
pub(crate) fn cutoff(table: &Table) -> GetItemFluentBuilder {
    get(table, cutoff_key(table.schema(), 0))
}

/// Reads a session together with one copy of the cutoff, at random: they are alike, and one item takes 3,000
/// reads a second. With `first_too`, reads the first copy as well, which is all that earlier programs write.
pub(crate) fn load_with_cutoff(
    table: &Table,
    handle: SessionHandle,
    consistent: bool,
    first_too: bool,
) -> BatchGetItemFluentBuilder {
    // Beside the first copy, another one shows whether they are alike.
    let copy = fastrand::u8(u8::from(first_too)..CUTOFFS);
    let first = first_too.then_some(0);
    let copies = first.into_iter().chain([copy]);
    let copies = copies.map(|copy| cutoff_key(table.schema(), copy));
    let keys = copies.chain([key(table.schema(), handle)]);
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys.collect()))
        .consistent_read(consistent);
    batch(table, wanted)
}

fn batch(table: &Table, wanted: KeysAndAttributesBuilder) -> BatchGetItemFluentBuilder {
    // It fails only without keys, and they were set.
    let wanted = wanted.build().ok();
    let wanted = wanted.map(|wanted| HashMap::from([(table.name.clone(), wanted)]));
    table.client.batch_get_item().set_request_items(wanted)
}

/// Sets a copy of the cutoff to this moment, unless a later one stands.
pub(crate) fn revoke_all(schema: &Schema, copy: u8, moment: Millis) -> Statement {
    let mut e = Expression::default();
    let (name, moment) = (e.name(CREATED_BEFORE), e.value(number(moment.0)));
    // A value that is no moment must not stay.
    let (num, last) = (e.string("N"), e.value(number(u64::MAX)));
    let condition = format!("NOT attribute_type({name},{num}) OR {name}<{moment} OR {name}>{last}");
    let update = format!("SET {name}={moment}");
    Statement::new(cutoff_key(schema, copy), e, Some(update), condition)
}

/// Reads the keys that DynamoDB has left unprocessed.
pub(crate) fn unprocessed(
    table: &Table,
    left: HashMap<String, KeysAndAttributes>,
) -> BatchGetItemFluentBuilder {
    table.client.batch_get_item().set_request_items(Some(left))
}

pub(super) fn get(table: &Table, key: Map) -> GetItemFluentBuilder {
    table
        .client
        .get_item()
        .table_name(&table.name)
        .set_key(Some(key))
        .consistent_read(true)
}

/// Puts a new item where none is.
pub(crate) fn create(table: &Table, item: Map) -> PutItemFluentBuilder {
    let mut e = Expression::default();
    let condition = format!("attribute_not_exists({})", e.name(table.schema().names.id));
    table
        .client
        .put_item()
        .table_name(&table.name)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
}

/// A write that extends the idle timeout of a live session, and nothing else.
pub(crate) struct Touching {
    pub(crate) handle: SessionHandle,
    /// The new time of the last use.
    pub(crate) touched_at: Millis,
    /// The new idle timeout of the session's own; `None` leaves the stored one.
    pub(crate) idle: Option<Duration>,
    /// The session must not have expired by this.
    pub(crate) judged: Judgement,
    /// The new expiry, within its bound.
    pub(crate) expires_at: u64,
    pub(crate) bound: TouchBound,
    pub(crate) session_type: SessionType,
    /// When the client's cookie ends from now on.
    pub(crate) cookie_end: Option<u64>,
}

/// A condition for the expiry that a touch writes.
#[derive(Clone, Copy)]
pub(crate) enum TouchBound {
    /// Nobody has used the session later.
    NotUsedLater,
    /// The stored expiry is not later already, and the session was created at or after this moment.
    #[cfg(feature = "actix-session")]
    NotLater { created_since: Millis },
}

/// Extends the idle timeout.
pub(crate) fn touch(table: &Table, touch: &Touching) -> UpdateItemFluentBuilder {
    let names = &table.schema().names;
    let mut e = Expression::default();
    let mut set = Clauses::new(",");
    let (touched_at, touched) = (
        e.name(names.touched_at),
        e.value(number(touch.touched_at.0)),
    );
    let (ends, new) = (e.name(names.expires_at), e.value(number(touch.expires_at)));
    set.push((touched_at, "=", touched, ",", ends, "=", new));
    if let Some(idle) = touch.idle {
        let (name, idle) = (e.name(names.idle), e.value(number(idle.as_secs())));
        set.push((name, "=", idle));
    }
    if let Some(cookie_end) = touch.cookie_end {
        let (name, cookie_end) = (e.name(names.cookie_end), e.value(number(cookie_end)));
        set.push((name, "=", cookie_end));
    }
    let mut condition = live(&mut e, table.schema(), &touch.judged, &ANY_FORM);
    match touch.bound {
        TouchBound::NotUsedLater => {
            let not_used = not_used_after(&mut e, table.schema(), touched, new);
            condition.push(not_used);
        }
        #[cfg(feature = "actix-session")]
        TouchBound::NotLater { created_since } => {
            condition.push((ends, "<=", new));
            let created_at = e.name(names.created_at);
            let since = e.value(number(created_since.0));
            condition.push((created_at, ">=", since));
        }
    }
    require_type(
        &mut e,
        table.schema(),
        touch.session_type,
        &mut set,
        &mut condition,
    );
    table
        .client
        .update_item()
        .table_name(&table.name)
        .set_key(Some(key(table.schema(), touch.handle)))
        .update_expression(["SET ", &set.into_text()].concat())
        .condition_expression(condition.into_text())
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Carries out all of these or none. By the token, DynamoDB recognises a repetition for ten minutes.
pub(crate) fn transaction(
    table: &Table,
    token: &str,
    parts: Vec<TransactWriteItem>,
) -> TransactWriteItemsFluentBuilder {
    table
        .client
        .transact_write_items()
        .client_request_token(token)
        .set_transact_items(Some(parts))
}

/// Deletes an item, whatever it holds, and returns it.
pub(crate) fn delete(table: &Table, handle: SessionHandle) -> DeleteItemFluentBuilder {
    table
        .client
        .delete_item()
        .table_name(&table.name)
        .set_key(Some(key(table.schema(), handle)))
        .return_values(ReturnValue::AllOld)
}

/// Ends a session, unless the item is of another session type (G16), or the mark of a change of id.
pub(crate) fn end(table: &Table, handle: SessionHandle) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let mut condition = Clauses::new(" AND ");
    let moved_to = e.name(table.schema().names.moved_to);
    condition.push(("attribute_not_exists(", moved_to, ")"));
    if let Some(own_type) = own_type(&mut e, table.schema()) {
        condition.push(own_type);
    }
    conditional(delete(table, handle), e, condition.into_text())
}

/// The same on condition that the item is there, so that only one of several deletes at once gets it:
/// without a condition, DynamoDB Local returns it to several.
#[cfg(feature = "actix-session")]
pub(crate) fn end_present(table: &Table, handle: SessionHandle) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let mut condition = Clauses::new(" AND ");
    let names = &table.schema().names;
    let (id, moved_to) = (e.name(names.id), e.name(names.moved_to));
    condition.push(("attribute_exists(", id, ")"));
    condition.push(("attribute_not_exists(", moved_to, ")"));
    if let Some(own_type) = own_type(&mut e, table.schema()) {
        condition.push(own_type);
    }
    conditional(delete(table, handle), e, condition.into_text())
}

fn conditional(
    delete: DeleteItemFluentBuilder,
    mut e: Expression,
    condition: String,
) -> DeleteItemFluentBuilder {
    delete
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Deletes a session if its promoted attribute still has this value, and if it was created before this
/// moment.
///
/// An index can lag behind. Without the condition, a session that has moved to another value would be
/// ended with those of the old one.
pub(crate) fn delete_if(
    table: &Table,
    handle: SessionHandle,
    of: &IndexValue,
    created_before: Option<Millis>,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let mut condition = has_value(&mut e, table.schema(), of);
    if let Some(moment) = created_before {
        let created_at = e.name(table.schema().names.created_at);
        condition += &format!(" AND {created_at}<{}", e.value(number(moment.0)));
    }
    conditional(delete(table, handle), e, condition)
}

/// The same in a transaction.
pub(crate) fn evict(schema: &Schema, of: &IndexValue, victim: SessionHandle) -> Statement {
    let mut e = Expression::default();
    let condition = has_value(&mut e, schema, of);
    Statement::new(key(schema, victim), e, None, condition)
}

/// The condition that a session of this type has the value, or its twin.
pub(super) fn has_value(e: &mut Expression, schema: &Schema, of: &IndexValue) -> String {
    let (name, value) = (e.name(of.attribute.name), e.value(of.value.clone()));
    let mut condition = Clauses::new(" AND ");
    match of.twin() {
        Some(twin) => condition.push((name, " IN (", value, ",", e.value(twin), ")")),
        None => condition.push((name, "=", value)),
    }
    if let Some(own_type) = own_type(e, schema) {
        condition.push(own_type);
    }
    condition.into_text()
}

/// One page of the keys in a partition of a default index. The window is not empty.
pub(crate) fn find(
    table: &Table,
    attribute: &Attribute,
    partition: &Partition,
    window: Window,
    start: Option<Map>,
    limit: Option<i32>,
) -> QueryFluentBuilder {
    let mut e = Expression::default();
    let (name, key) = (e.name(partition.attribute), e.value(partition.key.clone()));
    let mut condition = format!("{name}={key}");
    if window.from.is_some() || window.before.is_some() {
        let created_at = e.name(table.schema().names.created_at);
        // The first millisecond and the last. DynamoDB takes one condition on the sort key.
        let first = e.value(number(window.from.map_or(0, |from| from.0)));
        let last = window.before.map(|before| before.0.saturating_sub(1));
        let last = last.map(|last| e.value(number(last)));
        condition += &match last {
            Some(last) => format!(" AND {created_at} BETWEEN {first} AND {last}"),
            None => format!(" AND {created_at}>={first}"),
        };
    }
    table
        .client
        .query()
        .table_name(&table.name)
        .set_index_name(attribute.index_name())
        .key_condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .scan_index_forward(window.oldest_first)
        .set_exclusive_start_key(start)
        .set_limit(limit)
}

/// How many items one `BatchGetItem` reads.
pub(crate) const MAX_BATCH: usize = 100;

/// Reads at most [`MAX_BATCH`] sessions, consistently: the keys, the times of creation and these attributes of each, or
/// all of it.
pub(crate) fn items(
    table: &Table,
    handles: impl Iterator<Item = SessionHandle>,
    shown: Option<&[&'static str]>,
) -> BatchGetItemFluentBuilder {
    let keys = handles.map(|handle| key(table.schema(), handle));
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys.collect()))
        .consistent_read(true);
    let Some(shown) = shown else {
        return batch(table, wanted);
    };
    let names = &table.schema().names;
    let sort_key = table.schema().sort_key.map(|(name, _)| name);
    let always = [
        names.id,
        names.created_at,
        names.session_type,
        names.moved_to,
    ];
    let always = always.into_iter().chain(sort_key);
    let mut e = Expression::default();
    let mut projection = Clauses::new(",");
    for name in always.chain(shown.iter().copied()) {
        projection.push(e.name(name));
    }
    let wanted = wanted
        .projection_expression(projection.into_text())
        .set_expression_attribute_names(e.names());
    batch(table, wanted)
}
