//! The attributes of an item that the store itself keeps, besides its key and `data`: how they are written,
//! counted and read.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::schema::Schema;

use super::lifetime::{Lifetime, Millis};
use super::marks::{Nonce, WRITES};
use super::own_timeouts::OwnTimeouts;
use super::state::State;
use super::value::{Map, number};

/// Writes the attributes of a new item.
pub(super) fn write_own(schema: &Schema, state: &State, nonce: Nonce, item: &mut Map) {
    let names = &schema.names;
    let lifetime = &state.lifetime;
    item.insert(names.created_at.to_owned(), number(lifetime.created_at.0));
    item.insert(names.touched_at.to_owned(), number(state.touched_at.0));
    item.insert(names.expires_at.to_owned(), number(state.expires_at));
    item.insert(names.version.to_owned(), number(state.version));
    if let Some(idle) = lifetime.own.idle {
        item.insert(names.idle.to_owned(), number(idle.as_secs()));
    }
    if let Some(absolute) = lifetime.own.absolute {
        item.insert(names.absolute.to_owned(), number(absolute.as_secs()));
    }
    if let Some(cookie_end) = state.cookie_end {
        item.insert(names.cookie_end.to_owned(), number(cookie_end));
    }
    if let Some(authenticated_at) = state.authenticated_at {
        let authenticated_at = number(authenticated_at.0);
        item.insert(names.authenticated_at.to_owned(), authenticated_at);
    }
    item.insert(names.writes.to_owned(), nonce.first_writes());
    if let Some(type_name) = schema.type_name {
        let type_name = AttributeValue::S(type_name.to_owned());
        item.insert(names.session_type.to_owned(), type_name);
    }
}

/// Whether the item tells the session type.
pub(crate) fn has_type(schema: &Schema, item: &Map) -> bool {
    item.contains_key(schema.names.session_type)
}

/// Whether the item is of another session type (G16). One that does not tell is of any: it is from before
/// items told it. A type without a name takes every item.
pub(crate) fn is_of_another_type(schema: &Schema, item: &Map) -> bool {
    let Some(own) = schema.type_name else {
        return false;
    };
    let stored = item.get(schema.names.session_type);
    stored.is_some_and(|stored| stored.as_s().map(String::as_str) != Ok(own))
}

/// The most bytes that these attributes and the key can take, names included.
pub(super) fn own_size(schema: &Schema) -> usize {
    let names = &schema.names;
    let key = names.id.len() + schema.key_prefix.len() + SessionHandle::TEXT_LEN;
    let sort_key = schema
        .sort_key
        .map_or(0, |(name, value)| name.len() + value.len());
    // 20 digits are 11 bytes: the largest u64 that a time, a count or a duration can be.
    let numbers = [
        names.created_at,
        names.touched_at,
        names.expires_at,
        names.idle,
        names.absolute,
        names.version,
        names.cookie_end,
        names.authenticated_at,
    ];
    let numbers: usize = numbers.iter().map(|name| name.len() + 11).sum();
    let writes = names.writes.len() + 3 + WRITES * (1 + 8);
    let kind = schema
        .type_name
        .map_or(0, |name| names.session_type.len() + name.len());
    key + sort_key + numbers + writes + kind
}

/// The lifetime of a session, and when it was last used.
pub(super) fn read_times(
    schema: &Schema,
    handle: SessionHandle,
    item: &Map,
) -> Result<(Lifetime, Millis), DecodeError> {
    let names = &schema.names;
    let created_at = stored_creation(schema, handle, item)?;
    let touched_at = Millis(stored_number(names.touched_at, handle, item)?);
    let timeouts = [names.idle, names.absolute].into_iter();
    for name in timeouts.filter(|name| item.contains_key(*name)) {
        stored_number(name, handle, item)?;
    }
    let own = OwnTimeouts::of(schema, item);
    Ok((Lifetime::new(schema, created_at, own), touched_at))
}

/// The last use in an item, if it is there and can be read.
pub(crate) fn touched_at_of(schema: &Schema, item: &Map) -> Option<Millis> {
    let touched_at = item.get(schema.names.touched_at)?.as_n().ok()?;
    touched_at.parse().ok().map(Millis)
}

/// The last log-in or re-authentication in an item, if it is there and can be read.
pub(crate) fn authenticated_at_of(schema: &Schema, item: &Map) -> Option<Millis> {
    let authenticated_at = item.get(schema.names.authenticated_at)?.as_n().ok()?;
    authenticated_at.parse().ok().map(Millis)
}

/// When the item says that its session ends, in seconds since 1970.
pub(crate) fn stored_expiry(
    schema: &Schema,
    handle: SessionHandle,
    item: &Map,
) -> Result<u64, DecodeError> {
    stored_number(schema.names.expires_at, handle, item)
}

/// When the item says that its session was created.
pub(crate) fn stored_creation(
    schema: &Schema,
    handle: SessionHandle,
    item: &Map,
) -> Result<Millis, DecodeError> {
    stored_number(schema.names.created_at, handle, item).map(Millis)
}

/// The version in an item, if it is there.
pub(crate) fn version_of(schema: &Schema, item: &Map) -> Option<u64> {
    item.get(schema.names.version)?.as_n().ok()?.parse().ok()
}

pub(crate) fn stored_number(
    name: &str,
    handle: SessionHandle,
    item: &Map,
) -> Result<u64, DecodeError> {
    match item.get(name) {
        Some(AttributeValue::N(text)) => text
            .parse()
            .map_err(|cause: std::num::ParseIntError| DecodeError::new(handle, name, cause)),
        Some(_) => Err(DecodeError::new(handle, name, "it is not a number")),
        None => Err(DecodeError::new(handle, name, "it is missing")),
    }
}
