//! From an item to a session: what is read of it, and what is kept aside.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::marshal;
use crate::schema::Schema;

use super::forgotten::Forgotten;
use super::format::Codec;
use super::lifetime::Millis;
use super::live::{Found, ReadableItem};
use super::own::{authenticated_at_of, has_type, read_times, stored_number};
use super::state::{State, Unknown};
use super::value::{Map, is_large};

/// The session in an item; `None` if it has expired.
pub(crate) fn decode<S: DeserializeOwned>(
    codec: &Codec,
    handle: SessionHandle,
    item: Map,
    now: Millis,
) -> Result<Option<(S, State)>, DecodeError> {
    // Packed data that is a map by now is larger than what is stored.
    let is_unpacked = codec.is_packed(&item) && data_is_map(codec.schema(), &item);
    let is_large = !is_unpacked && is_large(&item);
    let found = Found::of(codec.schema(), handle, Some(item), now)?;
    let Some(live) = found.live() else {
        return Ok(None);
    };
    let readable = live.readable(codec)?;
    let state = State {
        is_large,
        ..split(codec, handle, readable)?
    };
    let read = marshal::read_entries(&state.stored, codec.schema().subject());
    let session = read.map_err(|failure| DecodeError::new(handle, failure.path, failure.reason))?;
    Ok(Some((session, state)))
}

fn data_is_map(schema: &Schema, item: &Map) -> bool {
    matches!(item.get(schema.names.data), Some(AttributeValue::M(_)))
}

/// All of an item, with the entries of `data` that the type reads apart from the others.
fn split(
    codec: &Codec,
    handle: SessionHandle,
    readable: ReadableItem,
) -> Result<State, DecodeError> {
    let schema = codec.schema();
    let mut item = readable.item;
    let packed = codec.is_packed(&item);
    let has_type = has_type(schema, &item);
    let (lifetime, touched_at) = read_times(schema, handle, &item)?;
    let cookie_end = stored_number(schema.names.cookie_end, handle, &item).ok();
    let authenticated_at = authenticated_at_of(schema, &item);
    let mut data = take_data(schema, handle, &mut item)?;
    let (promoted, mut unknown_attributes) = split_attributes(schema, item);
    let forgotten = Forgotten::take(schema, &mut data, &mut unknown_attributes);
    let (known, unknown_data) = split_fields(schema, data);
    Ok(State {
        handle,
        lifetime,
        touched_at,
        expires_at: readable.expires_at,
        version: readable.version,
        seen: readable.version,
        written: Some(readable.version),
        packed,
        is_large: false,
        has_type,
        is_copy: false,
        cookie_end,
        authenticated_at,
        as_of: None,
        promoted,
        is_overtaken: false,
        unknown: Unknown {
            data: unknown_data,
            attributes: unknown_attributes,
        },
        forgotten,
        stored: Arc::new(known),
    })
}

/// The entries of `data`, in an item in which it is a map.
#[cfg(feature = "_record")]
pub(crate) fn data_of<'a>(schema: &Schema, item: &'a Map) -> Option<&'a Map> {
    item.get(schema.names.data)?.as_m().ok()
}

/// Takes the entries of `data` out of an item in which it is a map.
pub(crate) fn take_data(
    schema: &Schema,
    handle: SessionHandle,
    item: &mut Map,
) -> Result<Map, DecodeError> {
    match item.remove(schema.names.data) {
        Some(AttributeValue::M(data)) => Ok(data),
        _ => Err(DecodeError::new(
            handle,
            schema.names.data,
            "it is not a map",
        )),
    }
}

/// Splits an item into the promoted attributes, and those that neither the type nor the store knows.
pub(crate) fn split_attributes(schema: &Schema, mut item: Map) -> (Map, Map) {
    let promoted = schema.promoted_names();
    let promoted = promoted
        .filter_map(|name| item.remove_entry(name))
        .collect();
    let own = schema.names.list();
    let sort_key = schema.sort_key.map(|(name, _)| name);
    item.retain(|name, _| !own.contains(&name.as_str()) && sort_key != Some(name));
    (promoted, item)
}

/// Splits the entries of `data` into those that the type reads, and those that it does not know.
///
/// If only the type's serialization knows its fields, it reads all entries, and all are kept aside as
/// well; the entries that it writes take precedence over them.
fn split_fields(schema: &Schema, mut data: Map) -> (Map, Map) {
    let Some(fields) = schema.fields else {
        return (data.clone(), data);
    };
    // Most sessions have their fields, under their names, and nothing else.
    let is_field = |name: &String| fields.iter().any(|field| field.name == name);
    if data.keys().all(is_field) {
        return (data, Map::new());
    }
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

/// Reads the entries of a session that is about to be written, as a load would.
pub(crate) fn read_again<S: DeserializeOwned>(
    data: &Map,
    schema: &Schema,
) -> Result<S, marshal::Failure> {
    let (known, _) = split_fields(schema, data.clone());
    marshal::read_entries(&known, schema.subject())
}

#[cfg(test)]
mod tests;
