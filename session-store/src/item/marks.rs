//! The marks of the last writes in an item, by which a write recognises itself when its response was
//! lost (G13).

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::{NoRandomBytes, random};
use crate::schema::Schema;

use super::value::Map;

/// How many writes an item remembers.
pub(crate) const WRITES: usize = 4;

/// The mark of one write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonce([u8; 8]);

impl Nonce {
    pub(crate) fn mint() -> Result<Self, NoRandomBytes> {
        random().map(Self)
    }

    pub(crate) fn value(self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0))
    }

    /// The `writes` of a new item. All four places are there from the start: an update can move a
    /// mark, but it cannot add a place.
    pub(super) fn first_writes(self) -> AttributeValue {
        let mut writes = vec![AttributeValue::B(Blob::new([])); WRITES];
        if let Some(first) = writes.first_mut() {
            *first = self.value();
        }
        AttributeValue::L(writes)
    }
}

impl From<[u8; 8]> for Nonce {
    fn from(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

/// Whether the item remembers this write.
pub(crate) fn remembers(schema: &Schema, item: &Map, nonce: Nonce) -> bool {
    marks(schema, item).any(|mark| mark == nonce.0)
}

/// The marks of the last writes, newest first.
pub(crate) fn marks<'a>(schema: &Schema, item: &'a Map) -> impl Iterator<Item = &'a [u8]> {
    let writes = item
        .get(schema.names.writes)
        .and_then(|writes| writes.as_l().ok());
    let marks = writes.into_iter().flatten();
    marks.filter_map(|mark| mark.as_b().ok().map(AsRef::as_ref))
}

/// Whether the item has the marks that an update of this store can move.
pub(super) fn has_marks(schema: &Schema, item: &Map) -> bool {
    let writes = item
        .get(schema.names.writes)
        .and_then(|writes| writes.as_l().ok());
    writes.is_some_and(|writes| writes.len() == WRITES && writes.iter().all(AttributeValue::is_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema::new("sessions").checked();

    fn mark(of: u8) -> AttributeValue {
        Nonce::from([of; 8]).value()
    }

    fn item(writes: AttributeValue) -> Map {
        Map::from([("writes".to_owned(), writes)])
    }

    fn list(marks: impl IntoIterator<Item = u8>) -> Map {
        item(AttributeValue::L(marks.into_iter().map(mark).collect()))
    }

    #[test]
    fn a_new_item_has_its_first_mark_and_three_empty_places() {
        let item = item(Nonce::from([7; 8]).first_writes());
        let marks: Vec<_> = marks(&SCHEMA, &item).collect();
        assert_eq!(marks, [&[7; 8][..], &[], &[], &[]]);
        assert!(has_marks(&SCHEMA, &item));
    }

    #[test]
    fn an_item_remembers_each_of_its_four_marks_and_no_other() {
        let item = list(1..=4);
        for of in 1..=4 {
            assert!(remembers(&SCHEMA, &item, Nonce::from([of; 8])), "{of}");
        }
        assert!(!remembers(&SCHEMA, &item, Nonce::from([5; 8])));
        let marks: Vec<_> = marks(&SCHEMA, &item).map(|mark| mark[0]).collect();
        assert_eq!(marks, [1, 2, 3, 4]);
    }

    #[test]
    fn an_item_with_foreign_writes_remembers_what_is_binary_and_nothing_else() {
        let text = AttributeValue::S("text".to_owned());
        let nonce = Nonce::from([7; 8]);
        let mixed = item(AttributeValue::L(vec![text.clone(), mark(7)]));
        assert!(remembers(&SCHEMA, &mixed, nonce));
        for foreign in [Map::new(), item(text), item(mark(7))] {
            assert!(!remembers(&SCHEMA, &foreign, nonce));
        }
    }

    #[test]
    fn only_a_list_of_four_binary_values_has_marks_that_an_update_can_move() {
        let text = AttributeValue::S("text".to_owned());
        let with_text = vec![mark(1), mark(2), mark(3), text];
        assert!(has_marks(&SCHEMA, &list(1..=4)));
        for foreign in [
            Map::new(),
            list(1..=3),
            list(1..=5),
            item(AttributeValue::L(with_text)),
            item(mark(1)),
        ] {
            assert!(!has_marks(&SCHEMA, &foreign), "{foreign:?}");
        }
    }

    #[test]
    fn two_writes_have_two_marks() {
        let mint = || Nonce::mint().unwrap().value();
        assert_ne!(mint(), mint());
    }
}
