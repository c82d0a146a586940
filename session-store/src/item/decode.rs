//! From an item to a session: what is read of it, and what is kept aside.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::schema::Schema;

use super::format::Codec;
use super::lifetime::{Lifetime, Millis};
use super::live::{Found, ReadableItem, stored_creation, stored_number};
use super::state::{State, Unknown};
use super::value::Map;

/// The session in an item; `None` if it has expired.
pub(crate) fn decode<S: DeserializeOwned>(
    codec: &Codec,
    handle: SessionHandle,
    item: Map,
    now: Millis,
) -> Result<Option<(S, State)>, DecodeError> {
    let found = Found::of(codec.schema(), handle, Some(item), now)?;
    let Some(live) = found.live() else {
        return Ok(None);
    };
    let (data, state) = split(codec, handle, live.readable(codec)?)?;
    let (known, unknown) = split_fields(codec.schema(), data);
    let data = read(handle, known)?;
    let mut state = state;
    state.unknown.data = unknown;
    Ok(Some((data, state)))
}

/// Splits an item into the entries of `data` and all else, which is known by then.
pub(crate) fn split(
    codec: &Codec,
    handle: SessionHandle,
    readable: ReadableItem,
) -> Result<(Map, State), DecodeError> {
    let ReadableItem {
        mut item,
        version,
        expires_at,
    } = readable;
    let schema = codec.schema();
    let names = &schema.names;
    let packed = codec.is_packed(&item);
    let created_at = stored_creation(schema, handle, &item)?;
    let touched_at = Millis(stored_number(names.touched_at, handle, &item)?);
    let own_idle = if item.contains_key(names.idle) {
        Some(stored_number(names.idle, handle, &item)?)
    } else {
        None
    };
    let lifetime = Lifetime::new(schema, created_at, own_idle.map(Duration::from_secs));
    let Some(AttributeValue::M(data)) = item.remove(names.data) else {
        return Err(DecodeError::new(handle, names.data, "it is not a map"));
    };
    let (promoted, attributes) = split_attributes(schema, item);
    let state = State {
        handle,
        lifetime,
        touched_at,
        expires_at,
        version,
        seen: version,
        written: Some(version),
        packed,
        promoted,
        unknown: Unknown {
            data: Map::new(),
            attributes,
        },
    };
    Ok((data, state))
}

/// Splits an item into the promoted attributes, and those that neither the type nor the store knows.
fn split_attributes(schema: &Schema, mut item: Map) -> (Map, Map) {
    for name in schema.names.list() {
        item.remove(name);
    }
    if let Some((name, _)) = schema.sort_key {
        item.remove(name);
    }
    let promoted = schema.promoted_names();
    let promoted = promoted.filter_map(|name| item.remove_entry(name));
    (promoted.collect(), item)
}

/// Splits the entries of `data` into those that the type reads, and those that it does not know.
///
/// If only the type's serialization knows its fields, it reads all entries, and all are kept aside as
/// well; the entries that it writes take precedence over them.
fn split_fields(schema: &Schema, mut data: Map) -> (Map, Map) {
    let Some(fields) = schema.fields else {
        return (data.clone(), data);
    };
    let mut known = Map::with_capacity(fields.len());
    for field in fields {
        // An old binary may have written the alias after a new one wrote the name; serde would
        // refuse both together, so the name wins, then the first alias.
        let mut found = data.remove_entry(field.name);
        for alias in field.aliases {
            let aliased = data.remove_entry(*alias);
            found = found.or(aliased);
        }
        known.extend(found);
    }
    if schema.flattened {
        known.extend(
            data.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    (known, data)
}

fn read<S: DeserializeOwned>(handle: SessionHandle, data: Map) -> Result<S, DecodeError> {
    if data.values().any(is_unknown) {
        let cause = "a value of a type that this version does not know";
        return Err(DecodeError::new(handle, "data", cause));
    }
    let data = data
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let value = serde_dynamo::AttributeValue::M(data);
    let deserializer = serde_dynamo::Deserializer::from_attribute_value(value);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = decode_path(&error.path().to_string(), &error.inner().to_string());
        DecodeError::new(handle, path, error.into_inner())
    })
}

/// serde reports a missing field at the struct that lacks it, and names it in the message alone.
fn decode_path(path: &str, message: &str) -> String {
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    match (path, missing) {
        (".", Some(field)) => field.to_owned(),
        (path, Some(field)) => format!("{path}.{field}"),
        (".", None) => "data".to_owned(),
        (path, None) => path.to_owned(),
    }
}

/// serde_dynamo panics on these.
fn is_unknown(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(values) => values.iter().any(is_unknown),
        AttributeValue::M(entries) => entries.values().any(is_unknown),
        value => value.is_unknown(),
    }
}

#[cfg(test)]
mod tests;
