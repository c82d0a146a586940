//! The tables, and what is known beside them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::error::{EngineError, Outcome};
use super::key::Flaw;
use super::request::Fields;
use super::table::TableData;
use super::tokens::Tokens;
use super::value::{item_from_json, item_to_json};

/// All tables of an account in a region.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    pub(super) tables: BTreeMap<String, TableData>,
    pub(super) tokens: Tokens,
    /// Whether its owner asks which items have changed.
    pub(super) tracks: bool,
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

    /// Puts an item back that was there before, whatever the indexes say of it now.
    pub(crate) fn restore(&mut self, table: &str, item: &Json) -> Outcome<()> {
        let item = item_from_json(item)?;
        let table = self.table_mut(table)?;
        let key = table.schema.key_of(&item).map_err(Flaw::into_error)?;
        table.replace(&key, Some(item));
        Ok(())
    }

    /// Takes the item of this key away.
    pub(crate) fn take_away(&mut self, table: &str, key: &Json) -> Outcome<()> {
        let key = item_from_json(key)?;
        let table = self.table_mut(table)?;
        let key = table.schema.exact_key(&key)?;
        table.replace(&key, None);
        Ok(())
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

    /// Deletes all items whose TTL has passed. `now` is in milliseconds since 1970.
    ///
    /// As in DynamoDB, a value that is no number, or that is more than five years past, deletes nothing.
    pub(crate) fn sweep(&mut self, now: u64) {
        for table in self.tables.values_mut() {
            table.sweep(now / 1000);
        }
    }

    /// The table that a request names.
    pub(super) fn table_of(&self, request: &Fields<'_>) -> Outcome<&TableData> {
        self.table(request.required_text("TableName")?)
    }

    pub(super) fn table_mut_of(&mut self, request: &Fields<'_>) -> Outcome<&mut TableData> {
        self.table_mut(request.required_text("TableName")?)
    }

    /// The table of this name or ARN.
    pub(super) fn table(&self, name: &str) -> Outcome<&TableData> {
        self.tables.get(table_name(name)).ok_or_else(absent)
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Outcome<&mut TableData> {
        self.tables.get_mut(table_name(name)).ok_or_else(absent)
    }
}

/// The name of a table, out of its ARN if it is one.
pub(crate) fn table_name(name: &str) -> &str {
    match name.starts_with("arn:") {
        true => name.split_once(":table/").map_or(name, |(_, name)| name),
        false => name,
    }
}

fn absent() -> EngineError {
    EngineError::not_found("Requested resource not found")
}
