//! What a type no longer has and does not want to keep: the next write of any kind removes it.

use crate::schema::Schema;

use super::value::Map;

/// What an item has of it.
#[derive(Clone, Default)]
pub(crate) struct Forgotten {
    /// Entries of `data`.
    pub(crate) entries: Vec<String>,
    pub(crate) attributes: Vec<String>,
}

impl Forgotten {
    /// Takes it out of the entries of `data`, and of the attributes that the type does not know.
    pub(crate) fn take(schema: &Schema, data: &mut Map, unknown: &mut Map) -> Self {
        if schema.forgotten.is_empty() {
            return Self::default();
        }
        Self {
            entries: take(data, |name| schema.forgets_entry(name)),
            attributes: take(unknown, |name| schema.forgets_attribute(name)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.attributes.is_empty()
    }
}

fn take(from: &mut Map, is_forgotten: impl Fn(&str) -> bool) -> Vec<String> {
    let names = from.keys().filter(|name| is_forgotten(name));
    let mut names: Vec<_> = names.cloned().collect();
    names.sort();
    for name in &names {
        from.remove(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    const SCHEMA: Schema = Schema::new("sessions").forget(&["email", "ip"]).checked();

    fn map(names: &[&str]) -> Map {
        let names = names.iter();
        names
            .map(|name| ((*name).to_owned(), AttributeValue::Bool(true)))
            .collect()
    }

    #[test]
    fn a_name_is_taken_from_the_data_and_from_the_attributes_with_those_of_its_index() {
        let mut data = map(&["email", "emails", "theme", "ip-roster"]);
        let mut unknown = map(&["email", "email-shard", "email-roster", "ip-shards", "note"]);
        let forgotten = Forgotten::take(&SCHEMA, &mut data, &mut unknown);
        assert_eq!(forgotten.entries, ["email"]);
        let attributes = ["email", "email-roster", "email-shard"];
        assert_eq!(forgotten.attributes, attributes);
        assert_eq!(data, map(&["emails", "theme", "ip-roster"]));
        assert_eq!(unknown, map(&["ip-shards", "note"]));
        assert!(!forgotten.is_empty());
        assert!(Forgotten::take(&SCHEMA, &mut data, &mut unknown).is_empty());
    }
}
