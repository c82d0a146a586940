//! What a query or a scan reads: a table, or an index of it.

use std::borrow::Cow;
use std::ops::Bound;

use super::error::{EngineError, Outcome};
use super::index::{Entry, Index};
use super::key::{Key, KeySchema};
use super::table::TableData;
use super::value::Item;

#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) table: &'a TableData,
    pub(crate) index: Option<&'a Index>,
}

/// Where an item is: by its key in the table or index, and among equal keys of an index by that in the table.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) key: Key,
    of: Key,
}

impl Place {
    /// Before all items of this key.
    pub(crate) fn before(key: Key) -> Self {
        Self {
            key,
            of: Key::lowest(),
        }
    }
}

impl<'a> Source<'a> {
    pub(crate) fn schema(&self) -> &'a KeySchema {
        match self.index {
            Some(index) => &index.schema,
            None => &self.table.schema,
        }
    }

    /// The place of an item with these keys, which `ExclusiveStartKey` gives.
    pub(crate) fn place_of(&self, keys: &Item) -> Outcome<Place> {
        let key = self.schema().key_of(keys).ok();
        let of = self.table.schema.key_of(keys).ok();
        let is_exact = keys.len() == self.keys_of(keys).len();
        match (key, of) {
            (Some(key), Some(of)) if is_exact => Ok(Place { key, of }),
            _ => Err(EngineError::validation(
                "The provided starting key is invalid: The provided key element does not match the schema",
            )),
        }
    }

    /// The keys of an item in the table and the index.
    pub(crate) fn keys_of(&self, item: &Item) -> Item {
        let mut keys = self.table.schema.part_of(item);
        if let Some(index) = self.index {
            keys.extend(index.schema.part_of(item));
        }
        keys
    }

    /// The part of an item that can be read here.
    pub(crate) fn view(&self, item: &'a Item) -> Cow<'a, Item> {
        match self.index {
            Some(index) => Cow::Owned(index.view(&self.table.schema, item)),
            None => Cow::Borrowed(item),
        }
    }

    /// The items between two places, which must be in order, each with its key here.
    pub(crate) fn range(
        &self,
        low: Bound<Place>,
        high: Bound<Place>,
    ) -> Box<dyn DoubleEndedIterator<Item = (&'a Key, &'a Item)> + 'a> {
        let table = self.table;
        let Some(index) = self.index else {
            let key = |place: Place| place.key;
            return Box::new(table.items.range((low.map(key), high.map(key))));
        };
        let entry = |Place { key, of }| Entry { key, of };
        let entries = index.entries.range((low.map(entry), high.map(entry)));
        let items = entries.filter_map(|entry| Some((&entry.key, table.items.get(&entry.of)?)));
        Box::new(items)
    }
}
