//! What changed between two states of a session, field by field.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::image::Image;
use crate::item::shards::is_in_step;
use crate::item::value::Map;
use crate::schema::Schema;

/// The fields and promoted attributes to write; everything else in the item is left alone.
#[derive(Clone, Default)]
pub(crate) struct Delta {
    /// Entries of `data`, each with its new value.
    pub(crate) set: Vec<(String, AttributeValue)>,
    /// Entries of `data` to remove.
    pub(crate) remove: Vec<String>,
    /// Promoted attributes; `None` removes.
    pub(crate) attributes: Vec<(&'static str, Option<AttributeValue>)>,
    /// Whether it may only be written onto the version that it was made from.
    pub(crate) pinned: bool,
}

/// What a save is to write, by name, whatever others have stored since.
///
/// Once its changes stand on the state of others, the difference to that state is not enough: where
/// one of them had stored the same value, and a next one another, the change would be lost.
#[derive(Clone, Default)]
pub(crate) struct Intent {
    entries: BTreeSet<String>,
    attributes: BTreeSet<&'static str>,
}

impl Delta {
    pub(crate) fn between(schema: &Schema, before: &Image, after: &Image, intent: &Intent) -> Self {
        let mut delta = Self::default();
        let mut flattened_changed = false;

        for (name, value) in &after.data {
            if before.data.get(name) != Some(value) || intent.entries.contains(name) {
                flattened_changed |= is_flattened(schema, name);
                delta.set.push((name.clone(), value.clone()));
            }
        }
        let more = intent.entries.iter();
        let more = more.filter(|name| !before.data.contains_key(*name));
        for name in before.data.keys().chain(more) {
            if !after.data.contains_key(name) {
                flattened_changed |= is_flattened(schema, name);
                delta.remove.push(name.clone());
            }
        }
        if flattened_changed {
            // The entries of a flattened field belong together: halves of two writers must not mix.
            delta.pinned = true;
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

    /// Adds the promoted attributes that are out of step with the session as it was read: a binary
    /// that did not know them created it, or wrote the field alone.
    ///
    /// Somebody else may have mended them since, so it is written onto this version only.
    pub(crate) fn mend(&mut self, schema: &Schema, stored: &Map, before: &Image, after: &Image) {
        for (name, value) in &after.attributes {
            let was = before.attributes.iter().find(|(other, _)| other == name);
            let was = was.and_then(|(_, was)| was.as_ref());
            let in_step = is_in_step(schema, name, stored.get(*name), was);
            if !in_step && !self.attributes.iter().any(|(changed, _)| changed == name) {
                self.pinned = true;
                self.attributes.push((name, value.clone()));
            }
        }
    }

    /// All that is to be written, by name.
    pub(crate) fn intent(&self) -> Intent {
        let set = self.set.iter().map(|(name, _)| name);
        Intent {
            entries: set.chain(&self.remove).cloned().collect(),
            attributes: self.attributes.iter().map(|(name, _)| *name).collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty() && self.attributes.is_empty()
    }

    /// How many parts the expression of this change has.
    pub(crate) fn clauses(&self) -> usize {
        self.set.len() + self.remove.len() + self.attributes.len()
    }

    /// The item of another writer with these changes on top, given the image of what is in it.
    pub(crate) fn applied_to(&self, schema: &Schema, mut item: Map, theirs: &Image) -> Map {
        if let Some(AttributeValue::M(data)) = item.get_mut(schema.names.data) {
            if self.pinned {
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

    /// A field that is written, or removed, leaves no older spelling of itself behind.
    fn remove_aliases(&mut self, schema: &Schema) {
        for field in schema.fields.unwrap_or_default() {
            let touched = self.set.iter().any(|(name, _)| name == field.name)
                || self.remove.iter().any(|name| name == field.name);
            if touched {
                // A map that a framework fills can hold the alias itself, and part with it.
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
