//! The primary keys of the table: those of sessions, of rosters, and of the cutoff.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::EncodeError;
use crate::id::SessionHandle;
use crate::schema::{Attribute, IndexValue, Schema};

use super::lifetime::Millis;
use super::value::{MAX_PARTITION_KEY, Map, check_key, key_text};

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

/// The text of a roster's key behind the prefix. No handle begins with `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RosterKey(String);

impl RosterKey {
    /// `#<attribute>#<value>#<S, N or B>#<type>`: each session type has its own rosters, and a text and a
    /// number with the same digits are two values.
    pub(crate) fn of(schema: &Schema, of: &IndexValue) -> Self {
        Self(roster_text(schema, of.attribute, &of.value))
    }

    /// All keys under which sessions of this value may have been entered, its own first.
    pub(crate) fn all(schema: &Schema, of: &IndexValue) -> Vec<Self> {
        std::iter::once(Self::of(schema, of))
            .chain(Self::earlier(schema, of))
            .collect()
    }

    /// The keys under which earlier programs may have entered sessions of this value.
    ///
    /// At first, a roster had the key `#<attribute>#<value>`, for all session types and all types of
    /// values. If the type of the field has changed from a text to a number or back, the sessions of before
    /// are under the [twin](IndexValue::twin) of the value.
    pub(crate) fn earlier(schema: &Schema, of: &IndexValue) -> Vec<Self> {
        let value = key_text(&of.value);
        let shared = format!("#{}#{value}", of.attribute.name);
        // A value that ends like a key of today would share its earlier roster with another value.
        let mut parts = value.rsplit('#').skip(1);
        let shared = (!matches!(parts.next(), Some("S" | "N" | "B"))).then_some(shared);
        let twin = of
            .twin()
            .map(|twin| roster_text(schema, of.attribute, &twin));
        shared.into_iter().chain(twin).map(Self).collect()
    }

    /// The primary key of the roster's item.
    pub(crate) fn item_key(&self, schema: &Schema) -> Map {
        key_of(schema, &self.0)
    }

    /// Whether this is the key of an item.
    pub(crate) fn is_of(&self, schema: &Schema, item: &Map) -> bool {
        let id = item.get(schema.names.id).and_then(|id| id.as_s().ok());
        id.and_then(|id| id.strip_prefix(schema.key_prefix)) == Some(self.0.as_str())
    }
}

/// The attribute of the cutoff's item that holds the moment.
pub(crate) const CREATED_BEFORE: &str = "created_before";

/// How many copies of the cutoff there are. Each load reads one of them, and DynamoDB takes 3,000 reads of one
/// item a second.
pub(crate) const CUTOFFS: u8 = 16;

/// The primary key of a copy of the cutoff: the item that revokes every session created before a moment.
/// Earlier programs know the first copy only.
pub(crate) fn cutoff_key(schema: &Schema, copy: u8) -> Map {
    match copy {
        0 => key_of(schema, "#everyone"),
        copy => key_of(schema, &format!("#everyone/{copy}")),
    }
}

/// The moment in the item of the cutoff; `None` if it cannot be read.
pub(crate) fn cutoff_of(item: &Map) -> Option<Millis> {
    whole_number(item, CREATED_BEFORE).map(Millis)
}

/// Whether the session in an item was created before the cutoff.
pub(crate) fn is_before_cutoff(schema: &Schema, item: &Map, cutoff: Millis) -> bool {
    whole_number(item, schema.names.created_at) < Some(cutoff.0)
}

fn whole_number(item: &Map, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Whether a session can have this value: DynamoDB refuses a request for one that is empty or too long.
pub(crate) fn can_be_key(schema: &Schema, of: &IndexValue) -> bool {
    let attribute = of.attribute;
    attribute.index.is_some_and(|index| {
        check_key(attribute.name, &of.value, index.key).is_ok()
            && check_key_text(schema, attribute, &of.value).is_ok()
    })
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
            let length = schema.key_prefix.len() + roster_text(schema, attribute, value).len();
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

fn roster_text(schema: &Schema, attribute: &Attribute, value: &AttributeValue) -> String {
    let type_name = schema.type_name.unwrap_or_default();
    // The name of an attribute can have any character, and those of two must not make one key.
    let attribute = attribute.name.replace('%', "%25").replace('#', "%23");
    let kind = match value {
        AttributeValue::N(_) => "N",
        AttributeValue::B(_) => "B",
        _ => "S",
    };
    let mut text = format!("#{attribute}#{}#{kind}#{type_name}", key_text(value));
    // A prefix with a `#` could be the beginning of a key behind a shorter prefix. No type's name has a `%`.
    if schema.key_prefix.contains('#') {
        text += &format!("%{}", schema.key_prefix.len());
    }
    text
}

pub(super) fn key_of(schema: &Schema, text: &str) -> Map {
    let id = AttributeValue::S(format!("{}{text}", schema.key_prefix));
    let mut key = Map::from([(schema.names.id.to_owned(), id)]);
    if let Some((name, value)) = schema.sort_key {
        key.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    key
}

#[cfg(test)]
mod tests;
