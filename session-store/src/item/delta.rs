//! The difference between two states of a session, field by field.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::schema::Schema;

use super::forgotten::Forgotten;
use super::image::Image;
use super::shards::is_current;
use super::value::Map;

/// The fields and promoted attributes to write; everything else in the item is left alone.
#[derive(Clone, Default)]
pub(crate) struct Delta {
    /// Entries of `data`, each with its new value.
    pub(crate) set: Vec<(String, AttributeValue)>,
    /// Entries of `data` to remove.
    pub(crate) remove: Vec<String>,
    /// Promoted attributes; `None` removes.
    pub(crate) attributes: Vec<(&'static str, Option<AttributeValue>)>,
    /// Attributes to remove, since the type forgets them.
    pub(crate) forgotten: Vec<String>,
    /// Those of the attributes that are only brought up to date: the session has had their values for a while.
    pub(crate) repaired: BTreeSet<&'static str>,
    /// Whether it may only be written onto the version that it was made from.
    pub(crate) needs_base_version: bool,
    /// Whether the entries of a flattened field are written, all of them.
    pub(super) replaces_flattened: bool,
}

/// The names that a save has to write, whatever others have stored since.
///
/// Once a change was put onto the state of others, the difference to that state is not enough: if one
/// of them had stored the same value, and the next one another value, the change would be lost.
#[derive(Clone, Default)]
pub(crate) struct Intent {
    entries: BTreeSet<String>,
    attributes: BTreeSet<&'static str>,
}

impl Delta {
    pub(crate) fn between(schema: &Schema, before: &Image, after: &Image, intent: &Intent) -> Self {
        let mut delta = Self::default();
        let mut flattened_changed = false;

        let mut kept = 0;
        for (name, value) in &after.data {
            if before.left_out.contains(&name.as_str()) && !intent.entries.contains(name) {
                continue;
            }
            let was = before.data.get(name);
            kept += usize::from(was.is_some());
            if was != Some(value) || intent.entries.contains(name) {
                flattened_changed |= is_flattened(schema, name);
                delta.set.push((name.clone(), value.clone()));
            }
        }
        let more = intent.entries.iter();
        let more = more.filter(|name| !before.data.contains_key(*name));
        // If the session still has all entries of the base, none of those is removed.
        let removable = if kept < before.data.len() {
            Some(before.data.keys())
        } else {
            None
        };
        for name in removable.into_iter().flatten().chain(more) {
            if !after.data.contains_key(name) {
                flattened_changed |= is_flattened(schema, name);
                delta.remove.push(name.clone());
            }
        }
        if flattened_changed {
            // The entries of a flattened field belong together: those of two writers must not mix.
            delta.needs_base_version = true;
            delta.replaces_flattened = true;
            let unchanged = after.data.iter().filter(|(name, value)| {
                is_flattened(schema, name)
                    && before.data.get(*name) == Some(value)
                    && !intent.entries.contains(*name)
            });
            delta
                .set
                .extend(unchanged.map(|(name, value)| (name.clone(), value.clone())));
        }
        delta.remove_aliases(schema);

        for (name, value) in &after.attributes {
            let was = before.attributes.iter().find(|(other, _)| other == name);
            if was.is_none_or(|(_, was)| was != value) || intent.attributes.contains(name) {
                delta.attributes.push((name, value.clone()));
            }
        }
        delta
    }

    /// Adds the promoted attributes whose stored value is stale: a binary that does not know them
    /// created the session, or wrote the field alone.
    ///
    /// Somebody else may have repaired them since, so it is written onto this version only.
    pub(crate) fn repair(&mut self, schema: &Schema, stored: &Map, before: &Image, after: &Image) {
        for (name, value) in &after.attributes {
            let was = before.attributes.iter().find(|(other, _)| other == name);
            let was = was.and_then(|(_, was)| was.as_ref());
            let current = is_current(schema, name, stored.get(*name), was);
            if !current && !self.attributes.iter().any(|(changed, _)| changed == name) {
                self.push_repaired(name, value.clone());
            }
        }
    }

    /// Adds an attribute whose stored value is stale.
    pub(crate) fn push_repaired(&mut self, name: &'static str, value: Option<AttributeValue>) {
        self.needs_base_version = true;
        self.repaired.insert(name);
        self.attributes.push((name, value));
    }

    /// Adds the removal of what the type forgets.
    pub(crate) fn forget(&mut self, forgotten: &Forgotten) {
        let entries = forgotten.entries.iter();
        let entries = entries.filter(|name| !self.remove.contains(name));
        let entries: Vec<_> = entries.cloned().collect();
        self.remove.extend(entries);
        self.forgotten.extend(forgotten.attributes.iter().cloned());
    }

    /// The names of all that is written.
    pub(crate) fn intent(&self) -> Intent {
        let set = self.set.iter().map(|(name, _)| name);
        Intent {
            entries: set.chain(&self.remove).cloned().collect(),
            // Those that are only brought up to date are compared with the item again.
            attributes: {
                let attributes = self.attributes.iter().map(|(name, _)| *name);
                attributes
                    .filter(|name| !self.repaired.contains(name))
                    .collect()
            },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clauses() == 0
    }

    /// How many clauses the update expression of this change has.
    pub(crate) fn clauses(&self) -> usize {
        self.set.len() + self.remove.len() + self.attributes.len() + self.forgotten.len()
    }

    /// Puts these changes onto the item of another writer, whose image is `theirs`.
    pub(crate) fn applied_to(&self, schema: &Schema, mut item: Map, theirs: &Image) -> Map {
        if let Some(AttributeValue::M(data)) = item.get_mut(schema.names.data) {
            if self.replaces_flattened {
                data.retain(|name, _| {
                    !(is_flattened(schema, name) && theirs.data.contains_key(name))
                });
            }
            for name in &self.remove {
                data.remove(name);
            }
            data.extend(self.set.iter().cloned());
        }
        item
    }

    /// Removes the aliases of each field that is written or removed: a load would find it twice.
    fn remove_aliases(&mut self, schema: &Schema) {
        for field in schema.fields.unwrap_or_default() {
            let touched = self.set.iter().any(|(name, _)| name == field.name)
                || self.remove.iter().any(|name| name == field.name);
            if touched {
                // A framework's map can hold an entry under the alias, and change it as such.
                let named = |alias: &str| {
                    self.set.iter().any(|(name, _)| name == alias)
                        || self.remove.iter().any(|name| name == alias)
                };
                let others = field.aliases.iter().filter(|alias| !named(alias));
                let others: Vec<_> = others.map(|&alias| alias.to_owned()).collect();
                self.remove.extend(others);
            }
        }
    }
}

fn is_flattened(schema: &Schema, name: &str) -> bool {
    let fields = schema.fields.unwrap_or_default();
    schema.flattened && !fields.iter().any(|field| field.name == name)
}

#[cfg(test)]
mod tests;
