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
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::cycle::Cycle;
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Nonce, WRITES, key, number};
use crate::lifetime::Millis;
use crate::schema::{Attribute, Schema};
use crate::service::incomplete;
use crate::value::Map;

/// The table that requests go to, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    pub(crate) schema: &'static Schema,
}

/// Reads one item, as it is after every write that was acknowledged.
pub(crate) fn load(to: Target<'_>, handle: SessionHandle) -> GetItemFluentBuilder {
    to.client
        .get_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, handle)))
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
    /// The newest version that it may be written onto: past it, the item may have forgotten that
    /// it holds this write already.
    pub(crate) newest: Option<u64>,
    /// What bounds the new expiry.
    pub(crate) bound: Bound,
    /// A new idle timeout of this session's own; `Some(None)` removes it.
    pub(crate) idle: Option<Option<Duration>>,
    pub(crate) change: Change<'a>,
    /// Promoted attributes; `None` removes.
    pub(crate) attributes: &'a [(&'static str, Option<AttributeValue>)],
}

/// What must hold of the stored session for the new expiry to be written.
pub(crate) enum Bound {
    /// Nothing: the owner of the session chose it.
    None,
    /// It does not end later already.
    NotLater,
    /// It was created at or after this moment, so that the absolute timeout allows the new expiry.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-0-14")),
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
    Whole(&'a Map),
}

/// An expression has at most 4 KB and 300 operators. A clause here takes at most 13 bytes.
pub(crate) const MAX_CLAUSES: usize = 250;

/// Writes to a session if it is live, and if the write is not there already.
pub(crate) fn save(to: Target<'_>, save: &Save<'_>) -> UpdateItemFluentBuilder {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let mut set = Vec::new();
    let mut remove = Vec::new();

    let data = e.name(names.data);
    let version = e.name(names.version);
    let writes = e.name(names.writes);
    let expires_at = e.name(names.expires_at);
    let nonce = e.value(save.nonce.value());

    let one = e.value(number(1));
    set.push(format!("{version}={version}+{one}"));
    set.extend((1..WRITES).map(|i| format!("{writes}[{i}]={writes}[{}]", i - 1)));
    set.push(format!("{writes}[0]={nonce}"));
    let touched_at = e.name(names.touched_at);
    let touched = e.value(number(save.now.0));
    set.push(format!("{touched_at}={touched}"));

    let last = format!("{writes}[{}]", WRITES - 1);
    let mut condition = live(&mut e, to.schema, save.now);
    condition += &format!(
        " AND attribute_type({last},{}) AND NOT contains({writes},{nonce})",
        e.string("B")
    );
    if let Some(new) = save.expires_at {
        let new = e.value(number(new));
        condition += &match save.bound {
            Bound::None => String::new(),
            Bound::NotLater => format!(" AND {expires_at}<={new}"),
            Bound::CreatedSince(moment) => {
                let created_at = e.name(names.created_at);
                format!(" AND {created_at}>={}", e.value(number(moment.0)))
            }
        };
        set.push(format!("{expires_at}={new}"));
    }
    if let Some(base) = save.version {
        let base = e.value(number(base));
        condition += &format!(" AND {version}={base}");
    } else if let Some(newest) = save.newest {
        let newest = e.value(number(newest));
        condition += &format!(" AND {version}<={newest}");
    }

    if let Some(idle) = save.idle {
        let name = e.name(names.idle);
        match idle {
            Some(idle) => set.push(format!("{name}={}", e.value(number(idle.as_secs())))),
            None => remove.push(name),
        }
    }
    match save.change {
        Change::Fields {
            set: fields,
            remove: removed,
        } => {
            for (name, value) in fields {
                let (name, value) = (e.name(name), e.value(value.clone()));
                set.push(format!("{data}.{name}={value}"));
            }
            remove.extend(
                removed
                    .iter()
                    .map(|name| format!("{data}.{}", e.name(name))),
            );
        }
        Change::Whole(all) => {
            let all = e.value(AttributeValue::M(all.clone()));
            set.push(format!("{data}={all}"));
        }
    }
    for (name, value) in save.attributes {
        let name = e.name(name);
        match value {
            Some(value) => set.push(format!("{name}={}", e.value(value.clone()))),
            None => remove.push(name),
        }
    }

    let mut update = format!("SET {}", set.join(","));
    if !remove.is_empty() {
        update += &format!(" REMOVE {}", remove.join(","));
    }
    to.client
        .update_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, save.handle)))
        .update_expression(update)
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// The condition of every write to a session that is known.
///
/// The types are checked too, so that an item of another kind is a failed condition that returns
/// it, and not a request that DynamoDB calls invalid.
fn live(e: &mut Expression, schema: &Schema, now: Millis) -> String {
    let (data, version) = (e.name(schema.names.data), e.name(schema.names.version));
    let (expires_at, now) = (
        e.name(schema.names.expires_at),
        e.value(number(now.seconds())),
    );
    let (map, num) = (e.string("M"), e.string("N"));
    format!(
        "{expires_at}>{now} AND attribute_type({data},{map}) AND attribute_type({version},{num})"
    )
}

/// Extends the idle timeout of a live session, and writes nothing else.
pub(crate) fn touch(
    to: Target<'_>,
    handle: SessionHandle,
    now: Millis,
    expires_at: u64,
) -> UpdateItemFluentBuilder {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let (touched_at, touched) = (e.name(names.touched_at), e.value(number(now.0)));
    let (ends, new) = (e.name(names.expires_at), e.value(number(expires_at)));
    let condition = format!("{} AND {ends}<={new}", live(&mut e, to.schema, now));
    to.client
        .update_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, handle)))
        .update_expression(format!("SET {touched_at}={touched},{ends}={new}"))
        .condition_expression(condition)
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
) -> Result<TransactWriteItemsFluentBuilder, Error> {
    let names = &to.schema.names;
    let mut e = Expression::default();
    let mut condition = live(&mut e, to.schema, cycle.now);
    condition += &format!(
        " AND {}={}",
        e.name(names.version),
        e.value(number(cycle.base))
    );
    if let Some(ends) = not_later {
        condition += &format!(
            " AND {}<={}",
            e.name(names.expires_at),
            e.value(number(ends))
        );
    }
    let delete = Delete::builder()
        .table_name(to.table)
        .set_key(Some(key(to.schema, from)))
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let mut e = Expression::default();
    let put = Put::builder()
        .table_name(to.table)
        .set_item(Some(cycle.item.clone()))
        .condition_expression(format!("attribute_not_exists({})", e.name(names.id)))
        .set_expression_attribute_names(e.names())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let delete = delete.build().map_err(incomplete)?;
    let put = put.build().map_err(incomplete)?;
    let transaction = to
        .client
        .transact_write_items()
        .client_request_token(&cycle.token)
        .transact_items(TransactWriteItem::builder().delete(delete).build())
        .transact_items(TransactWriteItem::builder().put(put).build());
    Ok(transaction)
}

/// Deletes an item whatever it holds, and returns what it held.
pub(crate) fn delete(to: Target<'_>, handle: SessionHandle) -> DeleteItemFluentBuilder {
    to.client
        .delete_item()
        .table_name(to.table)
        .set_key(Some(key(to.schema, handle)))
        .return_values(ReturnValue::AllOld)
}

/// Deletes a session if its promoted attribute still has this value.
///
/// An index can lag behind: without the condition, a session that moved to another value since
/// would be ended with those of the old one.
pub(crate) fn delete_if(
    to: Target<'_>,
    handle: SessionHandle,
    attribute: &Attribute,
    value: &AttributeValue,
) -> DeleteItemFluentBuilder {
    let mut e = Expression::default();
    let condition = format!("{}={}", e.name(attribute.name), e.value(value.clone()));
    delete(to, handle)
        .condition_expression(condition)
        .set_expression_attribute_names(e.names())
        .set_expression_attribute_values(e.values())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// One page of the keys in a default index, newest session first.
pub(crate) fn find(
    to: Target<'_>,
    attribute: &Attribute,
    value: &AttributeValue,
    start: Option<Map>,
    limit: Option<i32>,
) -> QueryFluentBuilder {
    let mut e = Expression::default();
    let condition = format!("{}={}", e.name(attribute.name), e.value(value.clone()));
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
    let projection: Vec<_> = shown
        .into_iter()
        .chain(sort_key)
        .map(|name| e.name(name))
        .collect();
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(handles.map(|handle| key(to.schema, handle)).collect()))
        .projection_expression(projection.join(","))
        .set_expression_attribute_names(e.names())
        .consistent_read(true);
    // Building fails for want of keys alone, and they were set.
    let wanted = wanted
        .build()
        .ok()
        .map(|wanted| HashMap::from([(to.table.to_owned(), wanted)]));
    to.client.batch_get_item().set_request_items(wanted)
}

/// Placeholders for names and values: always used, since DynamoDB reserves over 500 words. Each name
/// has one; DynamoDB refuses a request with one that no expression uses.
#[derive(Default)]
struct Expression {
    placeholders: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        if let Some(placeholder) = self.placeholders.get(name) {
            return placeholder.clone();
        }
        let placeholder = format!("#{}", self.placeholders.len());
        self.placeholders
            .insert(name.to_owned(), placeholder.clone());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn string(&mut self, text: &str) -> String {
        self.value(AttributeValue::S(text.to_owned()))
    }

    fn names(&mut self) -> Option<HashMap<String, String>> {
        let placeholders = std::mem::take(&mut self.placeholders);
        Some(
            placeholders
                .into_iter()
                .map(|(name, placeholder)| (placeholder, name))
                .collect(),
        )
    }

    fn values(&mut self) -> Option<HashMap<String, AttributeValue>> {
        Some(std::mem::take(&mut self.values))
    }
}
