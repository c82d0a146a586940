//! DynamoDB in memory: what one request in JSON does to the tables, and the answer in JSON.
//!
//! The engine is a plain value. It has no threads, no clock and no I/O: its owner serialises the requests and tells
//! the time, so that each request is atomic and each read is consistent.
//!
//! # What differs from DynamoDB
//!
//! - It has the operations of [`Engine::execute`], and of the parameters those with expressions: the older ones, such as
//!   `AttributesToGet`, are refused. There are no local secondary indexes, streams, tags, backups and PartiQL.
//! - Indexes are always up to date. A table or an index can be used as soon as it is made.
//! - It never throttles, and no two transactions conflict.
//! - A reserved word is accepted as the name of an attribute, and the number of operators is not limited.
//! - A member of a request that has no meaning here is ignored, and so is the `null` of any member.
//! - Where a request has two faults, the one that is reported can be another. Messages are in part its own.
//! - The TTL deletes items when the owner calls [`Engine::sweep`], and never by itself.
//! - Sets come back in ascending order.

mod batch;
mod capacity;
mod control;
mod error;
mod expression;
mod index;
mod key;
mod number;
mod query;
mod request;
mod single;
mod size;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod value;
mod write;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use self::control::table_name;
pub(crate) use self::error::EngineError;
use self::error::Outcome;
use self::request::Fields;
use self::table::Table;
use self::transaction::Tokens;
use self::value::item_to_json;
use self::write::Kind;

/// All tables of an account in a region.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    tables: BTreeMap<String, Table>,
    tokens: Tokens,
    /// Whether its owner asks which items have changed.
    tracks: bool,
}

/// The table of an item, its key, and the item in JSON; `None` if there is none any more.
pub(crate) type ChangedItem = (String, Json, Option<Json>);

impl Engine {
    /// An engine without tables.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An engine without tables that remembers which items change.
    pub(crate) fn tracking() -> Self {
        Self {
            tracks: true,
            ..Self::default()
        }
    }

    /// The items that have changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<ChangedItem> {
        let mut changes = Vec::new();
        for (name, table) in &mut self.tables {
            for (key, keys) in std::mem::take(&mut table.changed) {
                let item = table.items.get(&key).map(item_to_json);
                changes.push((name.clone(), item_to_json(&keys), item));
            }
        }
        changes
    }

    /// All items, each with the name of its table.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&str, Json)> {
        self.tables.iter().flat_map(|(name, table)| {
            let items = table.items.values();
            items.map(|item| (name.as_str(), item_to_json(item)))
        })
    }

    pub(crate) fn item_count(&self) -> usize {
        self.tables.values().map(|table| table.items.len()).sum()
    }

    /// Carries out a request, all of it or nothing, and returns the body of its answer. `now` is in milliseconds since
    /// 1970.
    ///
    /// # Errors
    ///
    /// The refusal that DynamoDB would answer with. It never panics, whatever the body is.
    pub(crate) fn execute(
        &mut self,
        operation: &str,
        body: &[u8],
        now: u64,
    ) -> Result<String, EngineError> {
        let request: Json = serde_json::from_slice(body).map_err(|error| {
            EngineError::serialization(format!("the request is no JSON: {error}"))
        })?;
        let request = &Fields::of(&request)?;
        let answer = match operation {
            "GetItem" => self.get_item(request),
            "PutItem" => self.write_item(Kind::Put, request),
            "UpdateItem" => self.write_item(Kind::Update, request),
            "DeleteItem" => self.write_item(Kind::Delete, request),
            "Query" => self.query(request),
            "Scan" => self.scan(request),
            "BatchGetItem" => self.batch_get_item(request),
            "BatchWriteItem" => self.batch_write_item(request),
            "TransactGetItems" => self.transact_get_items(request),
            "TransactWriteItems" => self.transact_write_items(request, now),
            "CreateTable" => self.create_table(request, now),
            "DescribeTable" => self.describe_table(request),
            "UpdateTable" => self.update_table(request),
            "DeleteTable" => self.delete_table(request),
            "ListTables" => self.list_tables(request),
            "UpdateTimeToLive" => self.update_time_to_live(request),
            "DescribeTimeToLive" => self.describe_time_to_live(request),
            _ => Err(EngineError::unknown_operation(operation)),
        };
        answer.map(|answer| Json::Object(answer).to_string())
    }

    /// Deletes all items whose TTL has passed. `now` is in milliseconds since 1970.
    ///
    /// As in DynamoDB, a value that is no number, or that is more than five years past, deletes nothing.
    pub(crate) fn sweep(&mut self, now: u64) {
        for table in self.tables.values_mut() {
            table.sweep(now / 1000);
        }
    }

    /// The table that a request names.
    fn table_of(&self, request: &Fields<'_>) -> Outcome<&Table> {
        self.table(request.required_text("TableName")?)
    }

    fn table_mut_of(&mut self, request: &Fields<'_>) -> Outcome<&mut Table> {
        self.table_mut(request.required_text("TableName")?)
    }

    /// The table of this name or ARN.
    fn table(&self, name: &str) -> Outcome<&Table> {
        self.tables.get(table_name(name)).ok_or_else(absent)
    }

    fn table_mut(&mut self, name: &str) -> Outcome<&mut Table> {
        self.tables.get_mut(table_name(name)).ok_or_else(absent)
    }
}

fn absent() -> EngineError {
    EngineError::not_found("Requested resource not found")
}
