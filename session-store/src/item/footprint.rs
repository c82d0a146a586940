//! How much memory the values of an item take.

use std::mem::size_of;

use aws_sdk_dynamodb::types::AttributeValue;

use super::state::State;
use super::value::Map;

/// The bytes on the heap that a map takes, with its entries and the room that it has for more.
pub(crate) fn map_footprint(map: &Map) -> usize {
    // A table of `hashbrown` has seven entries for eight places, each with a byte of its own.
    let places = map.capacity().div_ceil(7) * 8;
    let entries = map.iter();
    let entries = entries.map(|(name, value)| name.capacity() + value_footprint(value));
    places * (size_of::<(String, AttributeValue)>() + 1) + entries.sum::<usize>()
}

fn value_footprint(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.capacity(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => {
            let room = list.capacity() * size_of::<AttributeValue>();
            room + list.iter().map(value_footprint).sum::<usize>()
        }
        AttributeValue::M(map) => map_footprint(map),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            let room = texts.capacity() * size_of::<String>();
            room + texts.iter().map(String::capacity).sum::<usize>()
        }
        AttributeValue::Bs(all) => {
            let room = all.capacity() * size_of::<AttributeValue>();
            room + all.iter().map(|bytes| bytes.as_ref().len()).sum::<usize>()
        }
        _ => 0,
    }
}

impl State {
    /// The bytes on the heap that it takes.
    pub(crate) fn footprint(&self) -> usize {
        let Self {
            promoted,
            unknown,
            stored,
            ..
        } = self;
        let maps = [promoted, &unknown.data, &unknown.attributes, stored];
        maps.into_iter().map(map_footprint).sum()
    }
}
