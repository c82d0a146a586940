//! A table: its items, its indexes, and what every item must fulfil.

use std::collections::BTreeMap;

use super::capacity::{Units, write_units};
use super::error::{EngineError, Outcome};
use super::index::{Entry, Index};
use super::key::{Key, KeySchema};
use super::number::Number;
use super::size::{MAX_ITEM, item_size};
use super::value::{Item, Value};

#[derive(Debug)]
pub(crate) struct TableData {
    pub(crate) name: String,
    pub(crate) schema: KeySchema,
    pub(crate) items: BTreeMap<Key, Item>,
    pub(crate) indexes: BTreeMap<String, Index>,
    pub(crate) settings: Settings,
    /// The attribute of the TTL, if that is on.
    pub(crate) ttl: Option<String>,
    /// The items that have changed, if the owner of the engine asks for them: their keys in order, and as attributes.
    pub(crate) changed: BTreeMap<Key, Item>,
    pub(crate) tracks: bool,
}

/// What a table was given, and gives back without a meaning to this engine.
#[derive(Debug)]
pub(crate) struct Settings {
    /// In milliseconds since 1970.
    pub(crate) created_at: u64,
    pub(crate) is_on_demand: bool,
    /// The read and write units of a table that is not billed on demand.
    pub(crate) provisioned: (i64, i64),
    pub(crate) is_protected: bool,
}

/// Values of a TTL that are older than five years are ignored, in case they are no times.
const OLDEST_TTL: u64 = 5 * 365 * 24 * 60 * 60;

impl TableData {
    /// Refuses an item that the table cannot have.
    pub(crate) fn check(&self, item: &Item, too_large: &str) -> Outcome<()> {
        item.values().try_for_each(Value::check_levels)?;
        if item_size(item) > MAX_ITEM {
            return Err(EngineError::validation(too_large));
        }
        self.indexes
            .values()
            .try_for_each(|index| index.check(item))
    }

    /// Puts or deletes an item, and returns what that costs.
    pub(crate) fn replace(&mut self, key: &Key, new: Option<Item>) -> Units {
        let old = self.items.remove(key);
        let sizes = [&old, &new].map(|item| item.as_ref().map_or(0, item_size));
        let mut units = Units::of_table(write_units(sizes.into_iter().max().unwrap_or(0)));
        for (name, index) in &mut self.indexes {
            let written = index.update(&self.schema, key, old.as_ref(), new.as_ref());
            if written > 0.0 {
                units.indexes.insert(name.clone(), written);
            }
        }
        if self.tracks
            && let Some(item) = new.as_ref().or(old.as_ref())
        {
            let keys = self.schema.part_of(item);
            self.changed.insert(key.clone(), keys);
        }
        if let Some(new) = new {
            self.items.insert(key.clone(), new);
        }
        units
    }

    pub(crate) fn index(&self, name: &str) -> Outcome<&Index> {
        self.indexes.get(name).ok_or_else(|| {
            EngineError::validation(format!(
                "The table does not have the specified index: {name}"
            ))
        })
    }

    /// Adds an index of the items that are there. As in DynamoDB, items with a key of another type are left out.
    pub(crate) fn add_index(&mut self, mut index: Index) {
        for (key, item) in &self.items {
            if let Ok(in_index) = index.schema.key_of(item) {
                let of = key.clone();
                index.entries.insert(Entry { key: in_index, of });
            }
        }
        self.indexes.insert(index.name.clone(), index);
    }

    /// Deletes the items whose TTL has passed at this second.
    pub(crate) fn sweep(&mut self, second: u64) {
        let Some(attribute) = &self.ttl else { return };
        let moment = |second: u64| Value::N(Number::of(second));
        let (first, now) = (moment(second.saturating_sub(OLDEST_TTL)), moment(second));
        let is_expired = |item: &Item| {
            item.get(attribute).is_some_and(|ends| {
                ends.compare(&now).is_some_and(|order| order.is_lt())
                    && ends.compare(&first).is_some_and(|order| order.is_ge())
            })
        };
        let expired = self.items.iter().filter(|(_, item)| is_expired(item));
        let expired: Vec<_> = expired.map(|(key, _)| key.clone()).collect();
        for key in expired {
            self.replace(&key, None);
        }
    }
}
