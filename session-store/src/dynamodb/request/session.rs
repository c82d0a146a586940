//! Every expression that is sent to DynamoDB is written here: pure functions to SDK requests.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};

use crate::dynamodb::failure::incomplete;
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::format::Packed;
use crate::item::image::{CREATED_BEFORE, Nonce, WRITES, key, key_of_everyone, number, roster_key};
use crate::item::lifetime::Millis;
use crate::item::roster::Roster;
use crate::item::shards::Partition;
use crate::item::value::Map;
use crate::schema::{Attribute, Schema};
use crate::store::cycle_id::Cycle;

pub(crate) use super::expression::Statement;
use super::expression::{Clauses, Expression};
pub(crate) use super::roster::{MAX_LEAVING, change, end_expired, leave};

/// The table that requests go to, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    pub(crate) schema: &'static Schema,
}

/// Reads a session: as it is after every write that was acknowledged, or at half the price as it was
/// a moment ago.
pub(crate) fn load(
    to: Target<'_>,
    handle: SessionHandle,
    consistent: bool,
) -> GetItemFluentBuilder {
    get(to, key(to.schema, handle)).consistent_read(consistent)
}

/// Reads a roster in the same way.
pub(crate) fn roster(to: Target<'_>, roster: &Roster) -> GetItemFluentBuilder {
    get(to, roster_key(to.schema, roster))
}

/// Reads the item that revokes every session.
pub(crate) fn everyone(to: Target<'_>) -> GetItemFluentBuilder {
    get(to, key_of_everyone(to.schema))
}

/// Reads a session together with it.
pub(crate) fn load_with_everyone(
    to: Target<'_>,
    handle: SessionHandle,
    consistent: bool,
) -> BatchGetItemFluentBuilder {
    let wanted = KeysAndAttributes::builder()
        .keys(key(to.schema, handle))
        .keys(key_of_everyone(to.schema))
        .consistent_read(consistent);
    batch(to, wanted)
}

fn batch(to: Target<'_>, wanted: KeysAndAttributesBuilder) -> BatchGetItemFluentBuilder {
    // Building fails for want of keys alone, and they were set.
    let wanted = wanted.build().ok();
    let wanted = wanted.map(|wanted| HashMap::from([(to.table.to_owned(), wanted)]));
    to.client.batch_get_item().set_request_items(wanted)
}

/// Revokes every session that was created before this moment, unless more than those are already.
pub(crate) fn revoke_all(schema: &Schema, moment: Millis) -> Statement {
    let mut e = Expression::default();
    let (name, moment) = (e.name(CREATED_BEFORE), e.value(number(moment.0)));
    let condition = format!("attribute_not_exists({name}) OR {name}<{moment}");
    let update = format!("SET {name}={moment}");
    Statement::new(key_of_everyone(schema), e, Some(update), condition)
}

fn get(to: Target<'_>, key: Map) -> GetItemFluentBuilder {
    to.client
        .get_item()
        .table_name(to.table)
        .set_key(Some(key))
        .consistent_read(true)
}

/// Puts a new item where none is.
pub(crate) fn create(to: Target<'_>, item: Map) -> PutItemFluentBuilder {
    let mut e = Expression::default();
    let condition = format!("attribute_not_exists({})", e.name(to.schema.names.id));
    to.client
        .put_item()
        .table_name(to.table)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
}

/// A write to a session that is known, and what it depends on.
pub(crate) struct Save<'a> {
    pub(crate) handle: SessionHandle,
    pub(crate) now: Millis,
    pub(crate) nonce: Nonce,
    /// The new expiry, unless a later one stands; `None` leaves what is there.
    pub(crate) expires_at: Option<u64>,
    /// The only version that it may be written onto; `None` for any.
    pub(crate) version: Option<u64>,
    /// A version at which this write was certainly not there yet, where one is known.
    pub(crate) seen: Option<u64>,
    /// The beginning of marks of which none may be there: this must be the first of such writes.
    pub(crate) first_of: Option<[u8; 3]>,
    /// What bounds the new expiry.
    pub(crate) bound: Bound,
    /// A new idle timeout of this session's own; `Some(None)` removes it.
    pub(crate) idle: Option<Option<Duration>>,
    pub(crate) change: Change<'a>,
    /// Promoted attributes; `None` removes.
    pub(crate) attributes: &'a [(&'static str, Option<AttributeValue>)],
    /// What promoted attributes must be as yet, `None` for absent: those by which rosters are kept.
    pub(crate) unmoved: &'a [(&'static str, Option<AttributeValue>)],
}

/// What must hold of the stored session for the new expiry to be written.
pub(crate) enum Bound {
    /// Nothing: the owner of the session chose it.
    None,
    /// It does not end later already.
    NotLater,
    /// It was created at or after this moment, so that the absolute timeout allows the new expiry.
    #[cfg_attr(
        not(any(
            feature = "actix-session",
            feature = "tower-sessions",
            feature = "tower-sessions-0-14"
        )),
        allow(
            dead_code,
            reason = "the frameworks' records do not know it, and sessions do"
        )
    )]
    CreatedSince(Millis),
}

/// What becomes of `data`.
pub(crate) enum Change<'a> {
    /// Some entries get new values, some are removed.
    Fields {
        set: &'a [(String, AttributeValue)],
        remove: &'a [String],
    },
    /// All of it is replaced.
    Whole(&'a Whole),
    /// It stays, and so does the version: this is a touch that may also shorten.
    #[cfg_attr(
        not(any(
            feature = "actix-session",
            feature = "tower-sessions",
            feature = "tower-sessions-0-14"
        )),
        allow(dead_code, reason = "a session has its own touch")
    )]
    Nothing,
}

/// All of `data`, as it is to be stored.
pub(crate) struct Whole {
    data: AttributeValue,
    format: Option<&'static str>,
}

impl Whole {
    pub(crate) fn new(packed: Option<Packed>, as_map: impl FnOnce() -> Map) -> Self {
        match packed {
            Some(Packed { bytes, format }) => Self {
                data: bytes,
                format: Some(format),
            },
            None => Self {
                data: AttributeValue::M(as_map()),
                format: None,
            },
        }
    }
}

/// An expression has at most 4 KB and 300 operators. A clause here takes at most 13 bytes.
pub(crate) const MAX_CLAUSES: usize = 250;

/// Writes to a session if it is live, and if the write is not there already.
pub(crate) fn save(schema: &Schema, save: &Save<'_>) -> Statement {
    let names = &schema.names;
    let mut e = Expression::default();
    let mut set = Clauses::new(",");
    let mut remove = Clauses::new(",");

    let data = e.name(names.data);
    let version = e.name(names.version);
    let writes = e.name(names.writes);
    let expires_at = e.name(names.expires_at);
    let nonce = e.value(save.nonce.value());

    if !matches!(save.change, Change::Nothing) {
        let one = e.value(number(1));
        set.push(format_args!("{version}={version}+{one}"));
        for i in 1..WRITES {
            set.push(format_args!("{writes}[{i}]={writes}[{}]", i - 1));
        }
        set.push(format_args!("{writes}[0]={nonce}"));
    }
    let touched_at = e.name(names.touched_at);
    let touched = e.value(number(save.now.0));
    set.push(format_args!("{touched_at}={touched}"));

    let forms: &[&str] = match save.change {
        Change::Fields { .. } => &["M"],
        Change::Whole(_) | Change::Nothing => &ANY_FORM,
    };
    let mut condition = live(&mut e, schema, save.now, forms);
    let (last, binary) = (WRITES - 1, e.string("B"));
    condition.push(format_args!("attribute_type({writes}[{last}],{binary})"));
    condition.push(format_args!("NOT contains({writes},{nonce})"));
    if let Some(new) = save.expires_at {
        let new = e.value(number(new));
        match save.bound {
            Bound::None => {}
            Bound::NotLater => condition.push(format_args!("{expires_at}<={new}")),
            Bound::CreatedSince(moment) => {
                let (created_at, moment) = (e.name(names.created_at), e.value(number(moment.0)));
                condition.push(format_args!("{created_at}>={moment}"));
            }
        }
        set.push(format_args!("{expires_at}={new}"));
    }
    if let Some(base) = save.version {
        let base = e.value(number(base));
        condition.push(format_args!("{version}={base}"));
    } else if let Some(seen) = save.seen {
        // After so many more writes, the mark of this one could be there no more, and a repetition
        // would pass for the first sending and undo what came after it.
        let last = e.value(number(seen + WRITES as u64));
        condition.push(format_args!("{version}<={last}"));
    }
    if let Some(beginning) = save.first_of {
        let beginning = e.value(AttributeValue::B(Blob::new(beginning)));
        for i in 0..WRITES {
            condition.push(format_args!("NOT begins_with({writes}[{i}],{beginning})"));
        }
    }
    for (name, value) in save.unmoved {
        let name = e.name(name);
        match value {
            Some(value) => condition.push(format_args!("{name}={}", e.value(value.clone()))),
            None => condition.push(format_args!("attribute_not_exists({name})")),
        }
    }

    if let Some(idle) = save.idle {
        let name = e.name(names.idle);
        match idle {
            Some(idle) => set.push(format_args!("{name}={}", e.value(number(idle.as_secs())))),
            None => remove.push(format_args!("{name}")),
        }
    }
    match save.change {
        Change::Fields {
            set: fields,
            remove: removed,
        } => {
            for (name, value) in fields {
                let (name, value) = (e.name(name), e.value(value.clone()));
                set.push(format_args!("{data}.{name}={value}"));
            }
            for name in removed {
                remove.push(format_args!("{data}.{}", e.name(name)));
            }
        }
        Change::Whole(whole) => {
            let (all, format) = (e.value(whole.data.clone()), e.name(names.format));
            set.push(format_args!("{data}={all}"));
            match whole.format {
                Some(text) => set.push(format_args!("{format}={}", e.string(text))),
                None => remove.push(format_args!("{format}")),
            }
        }
        Change::Nothing => {}
    }
    for (name, value) in save.attributes {
        let name = e.name(name);
        match value {
            Some(value) => set.push(format_args!("{name}={}", e.value(value.clone()))),
            None => remove.push(format_args!("{name}")),
        }
    }

    let mut update = Clauses::new(" ");
    update.push(format_args!("SET {set}"));
    if !remove.is_empty() {
        update.push(format_args!("REMOVE {remove}"));
    }
    let (update, condition) = (update.into_text(), condition.into_text());
    Statement::new(key(schema, save.handle), e, Some(update), condition)
}

/// The types that `data` has: a map, or packed.
const ANY_FORM: [&str; 2] = ["M", "B"];

/// The condition of every write to a session that is known.
///
/// The types are checked too, so that an item of another kind is a failed condition that returns
/// it, and not a request that DynamoDB calls invalid.
fn live(e: &mut Expression, schema: &Schema, now: Millis, forms: &[&str]) -> Clauses {
    let (data, version) = (e.name(schema.names.data), e.name(schema.names.version));
    let (expires_at, now) = (
        e.name(schema.names.expires_at),
        e.value(number(now.seconds())),
    );
    let mut any = Clauses::new(" OR ");
    for form in forms {
        any.push(format_args!("attribute_type({data},{})", e.string(form)));
    }
    let num = e.string("N");
    let mut all = Clauses::new(" AND ");
    all.push(format_args!("{expires_at}>{now}"));
    all.push(format_args!("({any})"));
    all.push(format_args!("attribute_type({version},{num})"));
    all
}

/// Extends the idle timeout of a live session, and writes nothing else; of one that was created at
/// or after a moment, where one is given.
pub(crate) fn touch(
    to: Target<'_>,
    handle: SessionHandle,
    now: Millis,
    expires_at: u64,
    created_since: Option<Millis>,
) -> UpdateItemFluentBuilder {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let (touched_at, touched) = (e.name(names.touched_at), e.value(number(now.0)));
    let (ends, new) = (e.name(names.expires_at), e.value(number(expires_at)));
    let mut condition = live(&mut e, to.schema, now, &ANY_FORM);
    condition.push(format_args!("{ends}<={new}"));
    if let Some(moment) = created_since {
        let (created_at, moment) = (e.name(names.created_at), e.value(number(moment.0)));
        condition.push(format_args!("{created_at}>={moment}"));
    }
    to.client
        .update_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, handle)))
        .update_expression(format!("SET {touched_at}={touched},{ends}={new}"))
        .condition_expression(condition.into_text())
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Moves a session to another key, if it is live and at this version: the old item deleted and the
/// new one put, both or neither.
///
/// `not_later` is the new expiry, if the stored one may not be later.
pub(crate) fn cycle<S>(
    to: Target<'_>,
    from: SessionHandle,
    cycle: &Cycle<S>,
    not_later: Option<u64>,
) -> Result<Vec<TransactWriteItem>, Error> {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let mut condition = live(&mut e, to.schema, cycle.now, &ANY_FORM);
    let (version, base) = (e.name(names.version), e.value(number(cycle.base)));
    condition.push(format_args!("{version}={base}"));
    if let Some(ends) = not_later {
        let (expires_at, ends) = (e.name(names.expires_at), e.value(number(ends)));
        condition.push(format_args!("{expires_at}<={ends}"));
    }
    let condition = condition.into_text();
    let delete = Statement::new(key(to.schema, from), e, None, condition).part(to)?;
    let mut e = Expression::default();
    let put = Put::builder()
        .table_name(to.table)
        .set_item(Some(cycle.item.clone()))
        .condition_expression(format!("attribute_not_exists({})", e.name(names.id)))
        .set_expression_attribute_names(e.names())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(incomplete)?;
    Ok(vec![delete, TransactWriteItem::builder().put(put).build()])
}

/// All of these or none. By the token DynamoDB knows a repetition of the same for ten minutes.
pub(crate) fn transaction(
    to: Target<'_>,
    token: &str,
    parts: Vec<TransactWriteItem>,
) -> TransactWriteItemsFluentBuilder {
    to.client
        .transact_write_items()
        .client_request_token(token)
        .set_transact_items(Some(parts))
}

/// Deletes an item whatever it holds, and returns what it held.
pub(crate) fn delete(to: Target<'_>, handle: SessionHandle) -> DeleteItemFluentBuilder {
    to.client
        .delete_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, handle)))
        .return_values(ReturnValue::AllOld)
}

/// The same if the item is there, so that one alone of those who delete it at once gets what it held:
/// without a condition, DynamoDB Local returns it to several.
#[cfg(feature = "actix-session")]
pub(crate) fn delete_present(to: Target<'_>, handle: SessionHandle) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let condition = format!("attribute_exists({})", e.name(to.schema.names.id));
    delete(to, handle)
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
}

/// Deletes a session if its promoted attribute still has this value.
///
/// An index can lag behind: without the condition, a session that moved to another value since
/// would be ended with those of the old one.
pub(crate) fn delete_if(
    to: Target<'_>,
    handle: SessionHandle,
    of: &Roster,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let condition = has_value(&mut e, of);
    delete(to, handle)
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// The same as a part of a transaction.
pub(crate) fn evict(schema: &Schema, of: &Roster, victim: SessionHandle) -> Statement {
    let mut e = Expression::default();
    let condition = has_value(&mut e, of);
    Statement::new(key(schema, victim), e, None, condition)
}

fn has_value(e: &mut Expression, of: &Roster) -> String {
    let (name, value) = (e.name(of.attribute.name), e.value(of.value.clone()));
    format!("{name}={value}")
}

/// One page of the keys in a partition of a default index, newest session first; only of those that
/// were created before a moment, where one is given.
pub(crate) fn find(
    to: Target<'_>,
    attribute: &Attribute,
    partition: &Partition,
    created_before: Option<Millis>,
    start: Option<Map>,
    limit: Option<i32>,
) -> QueryFluentBuilder {
    let mut e = Expression::default();
    let (name, key) = (e.name(partition.attribute), e.value(partition.key.clone()));
    let mut condition = format!("{name}={key}");
    if let Some(moment) = created_before {
        let (created_at, moment) = (
            e.name(to.schema.names.created_at),
            e.value(number(moment.0)),
        );
        condition += &format!(" AND {created_at}<{moment}");
    }
    to.client
        .query()
        .table_name(to.table)
        .set_index_name(attribute.index_name())
        .key_condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .scan_index_forward(false)
        .set_exclusive_start_key(start)
        .set_limit(limit)
}

/// What a listing shows, of at most 100 sessions, as it is after every acknowledged write.
pub(crate) fn details(
    to: Target<'_>,
    attribute: &Attribute,
    handles: impl Iterator<Item = SessionHandle>,
) -> BatchGetItemFluentBuilder {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let shown = [
        names.id,
        names.created_at,
        names.touched_at,
        names.expires_at,
        attribute.name,
    ];
    let sort_key = to.schema.sort_key.map(|(name, _)| name);
    let mut projection = Clauses::new(",");
    for name in shown.into_iter().chain(sort_key) {
        projection.push(format_args!("{}", e.name(name)));
    }
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(handles.map(|handle| key(to.schema, handle)).collect()))
        .projection_expression(projection.into_text())
        .set_expression_attribute_names(e.names())
        .consistent_read(true);
    batch(to, wanted)
}
