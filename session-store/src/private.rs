//! What generated code and this crate's own tests call, and nobody else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

pub use crate::schema::derive_support::*;

use crate::error::{DecodeError, EncodeError, Error};
use crate::id::SessionId;
use crate::item::delta::{Delta, Intent};
use crate::item::image::{Image, Nonce};
use crate::item::lifetime::{self, Millis};
use crate::item::{image as item, value};
use crate::schema::{Attributes, SessionAttributes};
use crate::session::{Session, State, Unknown};

/// What was collected, for tests of the derive.
pub fn values(attributes: &Attributes) -> &[(&'static str, Option<AttributeValue>)] {
    &attributes.values
}

/// The bytes that DynamoDB counts for an item, or why it would refuse it; for tests of sizes.
pub fn item_size(item: &HashMap<String, AttributeValue>) -> Result<usize, EncodeError> {
    item.iter().try_fold(0, |size, (name, value)| {
        Ok(size + name.len() + value::checked_size(name, value)?)
    })
}

/// The map in packed data, for tests that look at items.
pub fn unpack(
    bytes: &[u8],
) -> Result<HashMap<String, AttributeValue>, Box<dyn std::error::Error + Send + Sync>> {
    crate::item::format::unpack_bytes(bytes)
}

/// The session in an item as it is read at this time, in milliseconds since 1970; for fuzzing.
pub fn decode<S>(
    id: &SessionId,
    item: HashMap<String, AttributeValue>,
    now: u64,
) -> Result<Option<Session<S>>, DecodeError>
where
    S: SessionAttributes + DeserializeOwned,
{
    item::decode(id.clone(), id.handle(), item, Millis(now))
}

/// The item of a session that is created at this time, in milliseconds since 1970; for benchmarks.
pub fn encode<S>(
    id: &SessionId,
    session: &S,
    now: u64,
) -> Result<HashMap<String, AttributeValue>, Error>
where
    S: SessionAttributes + Serialize,
{
    let image = Image::of(id.handle(), session)?;
    let now = Millis(now);
    let state = State {
        id: id.clone(),
        handle: id.handle(),
        created_at: now,
        touched_at: now,
        expires_at: lifetime::expires_at(S::SCHEMA, now, now, None),
        idle: None,
        version: 1,
        seen: 1,
        written: Some(1),
        packed: false,
        promoted: image.promoted(),
        unknown: Unknown::default(),
    };
    Ok(image.into_item(S::SCHEMA, &state, Nonce::mint()?)?)
}

/// How many fields and attributes a save would write; for benchmarks.
pub fn changes<S>(id: &SessionId, before: &S, after: &S) -> Result<usize, EncodeError>
where
    S: SessionAttributes + Serialize,
{
    let handle = id.handle();
    let (before, after) = (Image::of(handle, before)?, Image::of(handle, after)?);
    Ok(Delta::between(S::SCHEMA, &before, &after, &Intent::default()).clauses())
}
