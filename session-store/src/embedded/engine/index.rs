//! Global secondary indexes. They are always up to date.

use std::collections::BTreeSet;

use super::capacity::write_units;
use super::error::{EngineError, Outcome};
use super::key::{Flaw, Key, KeyAttribute, KeySchema};
use super::size::item_size;
use super::value::Item;

#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) schema: KeySchema,
    pub(crate) projected: Projected,
    pub(crate) entries: BTreeSet<Entry>,
}

/// The attributes of an item that its entry has. It always has both keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Projected {
    All,
    KeysOnly,
    Include(Vec<String>),
}

/// The place of an item in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The key in the index, which several entries can have.
    pub(crate) key: Key,
    /// The key of the item in the table.
    pub(crate) of: Key,
}

impl Index {
    /// Refuses an item with an attribute that cannot be a key of this index.
    pub(crate) fn check(&self, item: &Item) -> Outcome<()> {
        let mut attributes = self.schema.attributes();
        attributes.try_for_each(|attribute| {
            // The flaw of one attribute must not hide that of the other.
            let only = KeySchema {
                partition: attribute.clone(),
                sort: None,
            };
            match only.key_of(item) {
                Ok(_) | Err(Flaw::Missing(_)) => Ok(()),
                Err(flaw) => Err(self.refusal(flaw)),
            }
        })
    }

    fn refusal(&self, flaw: Flaw<'_>) -> EngineError {
        let index = &self.name;
        EngineError::validation(match flaw {
            Flaw::WrongType(KeyAttribute { name, type_name }, actual) => format!(
                "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {type_name} \
                 Actual: {actual} IndexName: {index}"
            ),
            Flaw::Empty(name) | Flaw::Missing(name) => {
                return EngineError::empty_key(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not \
                     supported. The AttributeValue for a key attribute cannot contain an empty string value. \
                     IndexName: {index}, IndexKey: {name}"
                ));
            }
            Flaw::TooLong(name, max) => format!(
                "One or more parameter values were invalid: Size of the index key {name} has exceeded the maximum \
                 size limit of {max} bytes. IndexName: {index}"
            ),
        })
    }

    /// What the index has of this item; `None` if it lacks an attribute of the key, or has one of another type.
    fn entry(&self, table: &KeySchema, item: Option<&Item>) -> Option<(Key, Item)> {
        let item = item?;
        let key = self.schema.key_of(item).ok()?;
        Some((key, self.view(table, item)))
    }

    /// The projected part of an item.
    pub(crate) fn view(&self, table: &KeySchema, item: &Item) -> Item {
        let is_projected = |name: &String| match &self.projected {
            Projected::All => true,
            Projected::KeysOnly => false,
            Projected::Include(names) => names.contains(name),
        };
        let attributes = item
            .iter()
            .filter(|(name, _)| table.has(name) || self.schema.has(name) || is_projected(name));
        attributes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Brings the index up to date after a write of this item, and returns the units of that.
    ///
    /// An entry whose key changes is written twice, and one that does not change is not written.
    pub(crate) fn update(
        &mut self,
        table: &KeySchema,
        of: &Key,
        old: Option<&Item>,
        new: Option<&Item>,
    ) -> f64 {
        let size = |view: &Item| write_units(item_size(view));
        let entry = |key| Entry {
            key,
            of: of.clone(),
        };
        match (self.entry(table, old), self.entry(table, new)) {
            (None, None) => 0.0,
            (Some((old_key, old)), Some((new_key, new))) if old_key == new_key => {
                match old == new {
                    true => 0.0,
                    false => size(&old).max(size(&new)),
                }
            }
            (old, new) => {
                let mut units = 0.0;
                if let Some((key, view)) = old {
                    units += size(&view);
                    self.entries.remove(&entry(key));
                }
                if let Some((key, view)) = new {
                    units += size(&view);
                    self.entries.insert(entry(key));
                }
                units
            }
        }
    }
}
