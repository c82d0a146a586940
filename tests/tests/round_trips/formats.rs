//! One session type in each format of `data`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::private;
use session_store::{Attribute, Attributes, Field, FlattenedEntries, Schema, SessionAttributes};
use session_store_tests::Item;

pub(crate) const MAP: usize = 0;
pub(crate) const BINARY: usize = 1;
pub(crate) const BINARY_COMPRESSED: usize = 2;
pub(crate) const COMPRESSED: usize = 3;

/// What the derive would write of a type. It takes no type with parameters.
pub(crate) trait Declared {
    const FIELDS: &'static [Field];
    const FLATTENED: bool = false;
    const ATTRIBUTES: &'static [Attribute] = &[];

    fn give(&self, _: &mut Attributes) {}

    fn give_flattened(&self, _: &mut FlattenedEntries) {}

    fn is_same(&self, _: &Self, _: &str) -> Option<bool> {
        None
    }
}

/// A session of this type, in this format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct In<const FORMAT: usize, S>(pub(crate) S);

impl<const FORMAT: usize, S: Declared> SessionAttributes for In<FORMAT, S> {
    const SCHEMA: &'static Schema = &schema(FORMAT, S::FIELDS, S::ATTRIBUTES, S::FLATTENED);

    fn attributes(&self, attributes: &mut Attributes) {
        self.0.give(attributes);
    }

    fn flattened(&self, entries: &mut FlattenedEntries) {
        self.0.give_flattened(entries);
    }

    fn is_same_entry(&self, other: &Self, name: &str) -> Option<bool> {
        self.0.is_same(&other.0, name)
    }
}

const fn schema(
    format: usize,
    fields: &'static [Field],
    attributes: &'static [Attribute],
    flattened: bool,
) -> Schema {
    let schema = Schema::new("tests").fields(fields).attributes(attributes);
    let schema = if flattened {
        schema.flattened()
    } else {
        schema
    };
    match format {
        BINARY => schema.binary(),
        BINARY_COMPRESSED => schema.binary().compressed(),
        COMPRESSED => schema.compressed(),
        _ => schema,
    }
}

/// The entries of `data`, in whatever format it is stored.
pub(crate) fn data_of(item: &Item) -> Item {
    let format = item
        .get("format")
        .map(|format| format.as_s().unwrap().as_str());
    match (&item["data"], format) {
        (AttributeValue::M(data), None) => data.clone(),
        (AttributeValue::B(bytes), Some("cbor")) => private::unpack(bytes.as_ref()).unwrap(),
        (AttributeValue::B(bytes), Some("cbor+zstd")) => {
            let bytes = private::decompress(bytes.as_ref()).unwrap();
            private::unpack(&bytes).unwrap()
        }
        (data, format) => panic!("{data:?} in the format {format:?}"),
    }
}
