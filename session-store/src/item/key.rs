//! The primary keys of the table: those of sessions, of rosters, and of the cutoff.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::EncodeError;
use crate::id::SessionHandle;
use crate::schema::{Attribute, IndexValue, Schema};

use super::value::{MAX_PARTITION_KEY, Map, key_text};

/// The primary key of a session's item.
pub(crate) fn key(schema: &Schema, handle: SessionHandle) -> Map {
    key_of(schema, &handle.to_string())
}

/// The session whose item has this key; `None` if it is the key of something else.
pub(crate) fn handle_of(schema: &Schema, item: &Map) -> Option<SessionHandle> {
    let id = item.get(schema.names.id)?.as_s().ok()?;
    if let Some((name, value)) = schema.sort_key {
        item.get(name)?
            .as_s()
            .ok()
            .filter(|found| *found == value)?;
    }
    SessionHandle::parse(id.strip_prefix(schema.key_prefix)?).ok()
}

/// The primary key of a roster's item. No handle begins with `#`.
pub(crate) fn roster_key(schema: &Schema, of: &IndexValue) -> Map {
    key_of(schema, &roster_text(of.attribute, &of.value))
}

/// The attribute of the cutoff's item that holds the moment.
pub(crate) const CREATED_BEFORE: &str = "created_before";

/// The primary key of the cutoff: the item that revokes every session created before a moment.
pub(crate) fn cutoff_key(schema: &Schema) -> Map {
    key_of(schema, "#everyone")
}

/// Whether the session in an item was created before the cutoff.
pub(crate) fn is_before_cutoff(schema: &Schema, item: &Map, cutoff: &Map) -> bool {
    let number = |item: &Map, name| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let created_at = number(item, schema.names.created_at);
    number(cutoff, CREATED_BEFORE).is_some_and(|moment| created_at < Some(moment))
}

/// The rules for a value of a consistent or sharded index beyond those for any index, since it is a
/// part of another key: that of its roster, or of its shards.
pub(super) fn check_key_text(
    schema: &Schema,
    attribute: &Attribute,
    value: &AttributeValue,
) -> Result<(), EncodeError> {
    let (kind, whole, length) = match (attribute.roster(), attribute.shards()) {
        (Some(_), _) => {
            let length = schema.key_prefix.len() + roster_text(attribute, value).len();
            ("consistent", "roster", length)
        }
        (None, Some(shards)) => ("sharded", "shard", shards.key_len(value)),
        (None, None) => return Ok(()),
    };
    // One number can be spelled in many ways, and each spelling would be another key.
    let is_integer = |text: &String| text.parse().is_ok_and(|n: i128| n.to_string() == *text);
    let reason = if value.as_n().is_ok_and(|text| !is_integer(text)) {
        format!("a number that is the key of a {kind} index must be an integer")
    } else if length > MAX_PARTITION_KEY {
        let over = length - MAX_PARTITION_KEY;
        format!(
            "the key of its {whole} would have {over} bytes more than the {MAX_PARTITION_KEY} that DynamoDB allows"
        )
    } else {
        return Ok(());
    };
    Err(EncodeError::new(attribute.name, reason))
}

/// The text behind the prefix in a roster's key.
fn roster_text(attribute: &Attribute, value: &AttributeValue) -> String {
    format!("#{}#{}", attribute.name, key_text(value))
}

fn key_of(schema: &Schema, text: &str) -> Map {
    let id = AttributeValue::S(format!("{}{text}", schema.key_prefix));
    let mut key = Map::from([(schema.names.id.to_owned(), id)]);
    if let Some((name, value)) = schema.sort_key {
        key.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    key
}

#[cfg(test)]
mod tests;
