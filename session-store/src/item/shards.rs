//! Write sharding of a default index: the shard of a session, and the shards that a read asks.
//!
//! DynamoDB takes 1,000 write units a second for one partition of an index, and all sessions of one
//! value are in one partition. A value that is written more often is throttled, and so are the writes to
//! the table. A sharded index is therefore on another attribute, which the store keeps beside the
//! promoted one: `<value>#<shard>`. So one value has many partitions. A read asks all of them.
//!
//! The shard is drawn from the handle. But any shard that is read will do: a session keeps its shard when the
//! number of shards grows. If the number shrinks, the next save moves a session out of a shard that is no
//! longer read.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;
use crate::schema::{Attribute, IndexValue, Schema, Shards};

use super::value::{is_same, key_text};

impl Shards {
    fn key(self, value: &AttributeValue, shard: u32) -> AttributeValue {
        AttributeValue::S(format!("{}#{shard}", key_text(value)))
    }

    /// The bytes of the longest key of this value: whether a value can be stored must not depend on
    /// the session's shard.
    pub(crate) fn key_len(self, value: &AttributeValue) -> usize {
        format!("{}#{}", key_text(value), self.count - 1).len()
    }

    /// Whether both are keys of one value, and the stored one is in a shard that is read.
    fn is_same_value(self, stored: &AttributeValue, own: &AttributeValue) -> bool {
        let (AttributeValue::S(stored), AttributeValue::S(own)) = (stored, own) else {
            return false;
        };
        let (Some((stored, shard)), Some((own, _))) =
            (stored.rsplit_once('#'), own.rsplit_once('#'))
        else {
            return false;
        };
        stored == own && (0..self.count).any(|known| known.to_string() == shard)
    }
}

/// Adds to promoted attributes those that hold the shards of their indexes.
pub(crate) fn with_shards(
    schema: &Schema,
    handle: SessionHandle,
    mut attributes: Vec<(&'static str, Option<AttributeValue>)>,
) -> Vec<(&'static str, Option<AttributeValue>)> {
    for attribute in schema.attributes {
        let Some(shards) = attribute.shards() else {
            continue;
        };
        let given = attributes.iter().find(|(name, _)| *name == attribute.name);
        if let Some((_, value)) = given {
            let shard = handle.shard(shards.count);
            let key = value.as_ref().map(|value| shards.key(value, shard));
            attributes.push((shards.attribute, key));
        }
    }
    attributes
}

/// Whether a promoted attribute as it is stored is the one that the session has. A stored key of
/// another shard is current too, as long as that shard is read.
pub(crate) fn is_current(
    schema: &Schema,
    name: &str,
    stored: Option<&AttributeValue>,
    own: Option<&AttributeValue>,
) -> bool {
    let shards = schema.attributes.iter().filter_map(Attribute::shards);
    let mut shards = shards.filter(|shards| shards.attribute == name);
    match (stored, own) {
        (Some(stored), Some(own)) => {
            is_same(stored, own) || shards.any(|shards| shards.is_same_value(stored, own))
        }
        (None, None) => true,
        _ => false,
    }
}

/// The key of one partition of a default index: all sessions of a value, or one shard of them.
pub(crate) struct Partition {
    pub(crate) attribute: &'static str,
    pub(crate) key: AttributeValue,
}

/// The partitions in which a default index has the sessions of this value.
pub(crate) fn partitions(of: &IndexValue) -> Vec<Partition> {
    let Some(shards) = of.attribute.shards() else {
        return vec![Partition {
            attribute: of.attribute.name,
            key: of.value.clone(),
        }];
    };
    let partition = |shard| Partition {
        attribute: shards.attribute,
        key: shards.key(&of.value, shard),
    };
    (0..shards.count).map(partition).collect()
}

#[cfg(test)]
mod tests;
