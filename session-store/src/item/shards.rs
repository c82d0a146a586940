//! Write sharding of a default index: in which shard a session is, and which there are to read.
//!
//! DynamoDB takes 1,000 write units a second for one partition of an index, and one value of an index
//! is in one partition: a value that is written more often throttles, and with it the writes to the
//! table. A sharded index is on an attribute of the store's own in place of the promoted one, with the
//! value `<value>#<shard>`, so that one value is as many partitions. A read asks all of them.
//!
//! Which shard a session is in is drawn from its handle. Any that is read will do, though: a session
//! keeps the one it has where only its handle has changed before anybody knew it, or the number of
//! shards. With fewer shards than before, one that is not read any more is mended by the next save.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::SessionHandle;
use crate::item::roster::Roster;
use crate::item::value::is_same;
use crate::schema::{Attribute, Schema, Shards};

impl Shards {
    fn key(self, value: &AttributeValue, shard: u32) -> AttributeValue {
        AttributeValue::S(format!("{}#{shard}", key_text(value)))
    }

    /// The bytes of the longest key of this value. It must not depend on the session whether a value
    /// can be stored.
    pub(crate) fn key_len(self, value: &AttributeValue) -> usize {
        format!("{}#{}", key_text(value), self.count - 1).len()
    }

    /// Whether both are keys of one value, the first of them in a shard that is read.
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

/// The value of an index's key as a part of another key.
pub(crate) fn key_text(value: &AttributeValue) -> Cow<'_, str> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.into(),
        AttributeValue::B(bytes) => URL_SAFE_NO_PAD.encode(bytes).into(),
        // No other type can be a key, and none gets past the image.
        _ => "".into(),
    }
}

/// Promoted attributes with those that keep the shards of their indexes.
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

/// Whether a promoted attribute as it is stored is what the session makes of it.
pub(crate) fn is_in_step(
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

impl Roster {
    /// Where a default index has the sessions of this value.
    pub(crate) fn partitions(&self) -> Vec<Partition> {
        let Some(shards) = self.attribute.shards() else {
            return vec![Partition {
                attribute: self.attribute.name,
                key: self.value.clone(),
            }];
        };
        let partition = |shard| Partition {
            attribute: shards.attribute,
            key: shards.key(&self.value, shard),
        };
        (0..shards.count).map(partition).collect()
    }
}
