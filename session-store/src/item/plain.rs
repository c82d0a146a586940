//! DynamoDB's values as plain data, for people: without the names of their types.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::value::Map;

/// What stands for a value that is left out.
const LEFT_OUT: &str = "(left out)";

/// The entries of a map, in the order of their names.
pub(crate) struct PlainMap<'a> {
    entries: &'a Map,
    left_out: &'a [String],
}

impl<'a> PlainMap<'a> {
    pub(crate) fn new(entries: &'a Map, left_out: &'a [String]) -> Self {
        Self { entries, left_out }
    }

    pub(crate) fn serialize_entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let entries: BTreeMap<_, _> = self.entries.iter().collect();
        for (name, value) in entries {
            if self.left_out.contains(name) {
                map.serialize_entry(name, LEFT_OUT)?;
            } else {
                map.serialize_entry(name, &Plain(value, self.left_out))?;
            }
        }
        Ok(())
    }
}

impl Serialize for PlainMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        self.serialize_entries(&mut map)?;
        map.end()
    }
}

struct Plain<'a>(&'a AttributeValue, &'a [String]);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, left_out) = *self;
        match value {
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(text) => Number(text).serialize(serializer),
            AttributeValue::Bool(value) => serializer.serialize_bool(*value),
            AttributeValue::B(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            AttributeValue::M(entries) => PlainMap::new(entries, left_out).serialize(serializer),
            AttributeValue::L(values) => {
                serializer.collect_seq(values.iter().map(|value| Plain(value, left_out)))
            }
            AttributeValue::Ss(texts) => serializer.collect_seq(texts),
            AttributeValue::Ns(texts) => {
                serializer.collect_seq(texts.iter().map(|text| Number(text)))
            }
            AttributeValue::Bs(values) => {
                serializer.collect_seq(values.iter().map(|bytes| STANDARD.encode(bytes)))
            }
            // Null, and what this version does not know.
            _ => serializer.serialize_none(),
        }
    }
}

/// A number, or its text if no number of serde has its digits.
struct Number<'a>(&'a str);

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(text) = *self;
        if let Ok(integer) = text.parse::<i64>() {
            return serializer.serialize_i64(integer);
        }
        if let Ok(integer) = text.parse::<u64>() {
            return serializer.serialize_u64(integer);
        }
        match text.parse::<f64>() {
            Ok(float) if float.to_string() == text => serializer.serialize_f64(float),
            _ => serializer.serialize_str(text),
        }
    }
}
