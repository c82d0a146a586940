//! The entries of `data` as they are stored, where the type holds less of them.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::schema::Schema;

use super::image::Image;
use super::value::{Map, attribute_size};

impl Image {
    /// Puts the entries of `data` that did not change since `before` back into the form in which they are stored, in
    /// both images; without `before`, none changed. Gives those whose form differs from the type's own.
    ///
    /// A type can hold less than is stored: fewer digits, and no entry or variant that only a newer binary knows. A
    /// write of all of `data` would lose the rest (G4).
    pub(crate) fn keep_stored(
        &mut self,
        schema: &Schema,
        stored: &Map,
        mut before: Option<&mut Self>,
    ) -> Map {
        let mut kept = Map::new();
        for (name, value) in &mut self.data {
            let left_out = before.iter().flat_map(|before| &before.left_out);
            if left_out.into_iter().any(|left_out| left_out == name) {
                continue;
            }
            let Some(as_stored) = stored_entry(schema, stored, name) else {
                continue;
            };
            if as_stored == value {
                continue;
            }
            if let Some(before) = &mut before {
                match before.data.get_mut(name) {
                    Some(was) if was == value => *was = as_stored.clone(),
                    _ => continue,
                }
            }
            self.data_size += attribute_size(name, as_stored);
            self.data_size -= attribute_size(name, value);
            *value = as_stored.clone();
            kept.insert(name.clone(), as_stored.clone());
        }
        kept
    }
}

/// The entry of this name, or of a field's alias.
fn stored_entry<'a>(schema: &Schema, stored: &'a Map, name: &str) -> Option<&'a AttributeValue> {
    stored.get(name).or_else(|| {
        let mut fields = schema.fields?.iter();
        let field = fields.find(|field| field.name == name)?;
        field.aliases.iter().find_map(|alias| stored.get(*alias))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::value::checked_data_size;
    use crate::schema::Field;

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn map(entries: &[(&str, AttributeValue)]) -> Map {
        let entries = entries.iter();
        entries
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    #[test]
    fn entries_that_did_not_change_keep_the_form_in_which_they_are_stored() {
        const FIELDS: &[Field] = &[
            Field::new("theme", &["colour"]),
            Field::new("float", &[]),
            Field::new("count", &[]),
        ];
        let schema = &Schema::new("sessions").fields(FIELDS).flattened();
        let stored = map(&[
            ("colour", s("Gold")),
            ("float", n("0.12345678901234567890123456789")),
            ("count", n("1.5")),
            ("flat", n("2.50000000000000000000000001")),
        ]);
        let image = |count: &str| {
            let data = map(&[
                ("theme", s("Unknown")),
                ("float", n("0.12345678901234568")),
                ("count", n(count)),
                ("flat", n("2.5")),
                ("new", n("1")),
            ]);
            let data_size = checked_data_size(schema, &data).unwrap();
            Image {
                data,
                data_size,
                ..Image::default()
            }
        };
        let (mut before, mut after) = (image("1"), image("2"));
        let kept = after.keep_stored(schema, &stored, Some(&mut before));
        let expected = map(&[
            ("theme", stored["colour"].clone()),
            ("float", stored["float"].clone()),
            ("flat", stored["flat"].clone()),
        ]);
        assert_eq!(kept, expected);
        for (name, value) in &expected {
            assert_eq!((&before.data[name], &after.data[name]), (value, value));
        }
        assert_eq!(
            (&before.data["count"], &after.data["count"]),
            (&n("1"), &n("2"))
        );
        assert_eq!(
            after.data_size,
            checked_data_size(schema, &after.data).unwrap()
        );

        // Nothing changed, so that all is as it is stored.
        let mut unchanged = image("1");
        let kept = unchanged.keep_stored(schema, &stored, None);
        assert_eq!(
            (kept.len(), &unchanged.data["count"]),
            (4, &stored["count"])
        );
        // What a write has kept is all that the next one needs.
        let mut next = image("1");
        assert_eq!(next.keep_stored(schema, &kept, None), kept);
        assert_eq!(next.data, unchanged.data);
    }
}
