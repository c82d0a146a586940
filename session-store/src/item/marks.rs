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
