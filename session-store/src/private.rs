//! Functions for generated code and for this crate's own tests only.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

pub use crate::schema::derive_support::*;

use crate::dynamodb::StoreClock;
use crate::error::{DecodeError, EncodeError, Error, TooLargeError};
use crate::id::SessionId;
use crate::item::{
    Codec, Delta, Image, Intent, Lifetime, Millis, Nonce, OwnTimeouts, State, checked_size, images,
    unpack_bytes,
};
use crate::schema::{Attributes, SessionAttributes};
use crate::session::Session;

/// The values that were collected; for tests of the derive.
pub fn values(attributes: &Attributes) -> &[(&'static str, Option<AttributeValue>)] {
    &attributes.values
}

/// The bytes that DynamoDB counts for an item, or why it would refuse the item; for tests of sizes.
pub fn item_size(item: &HashMap<String, AttributeValue>) -> Result<usize, EncodeError> {
    item.iter().try_fold(0, |size, (name, value)| {
        Ok(size + name.len() + checked_size(name, value)?)
    })
}

/// The map in packed data, for tests that look at items.
pub fn unpack(
    bytes: &[u8],
) -> Result<HashMap<String, AttributeValue>, Box<dyn std::error::Error + Send + Sync>> {
    unpack_bytes(bytes)
}

/// The bytes in a frame of zstd, for fuzzing.
pub fn decompress(frame: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    crate::item::decompress(frame)
}

/// The bytes that the cache of a store counts for its copies, for tests.
#[cfg(feature = "cache")]
pub fn cached_bytes<S: crate::schema::SessionData>(store: &crate::store::DynamoDbStore<S>) -> u64 {
    store.cached_bytes()
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
    let codec = Codec::new(S::SCHEMA);
    let decoded = crate::item::decode(&codec, id.handle(), item, Millis(now))?;
    Ok(decoded.map(|(data, state)| Session::new(id.clone(), data, state, StoreClock::default())))
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
    let image = Image::of(S::SCHEMA, id.handle(), session)?;
    let now = Millis(now);
    let lifetime = Lifetime::new(S::SCHEMA, now, OwnTimeouts::default());
    let state = State::new(id.handle(), lifetime, now, image.promoted());
    let codec = Codec::new(S::SCHEMA);
    Ok(image.into_item(&codec, TooLargeError::LIMIT, &state, Nonce::mint()?)?)
}

/// Refuses a session that its type could not read, as [`Builder::read_back`](crate::Builder::read_back) does; for
/// tests.
pub fn check_reads_back<S>(id: &SessionId, session: &S) -> Result<(), Error>
where
    S: SessionAttributes + Serialize + DeserializeOwned,
{
    let image = Image::of(S::SCHEMA, id.handle(), session)?;
    Ok(crate::item::check_reads_back::<S>(id.handle(), &image)?)
}

/// How many fields and attributes a save would write; for benchmarks.
pub fn changes<S>(id: &SessionId, before: &S, after: &S) -> Result<usize, EncodeError>
where
    S: SessionAttributes + Serialize,
{
    let handle = id.handle();
    let (before, after) = images(S::SCHEMA, handle, before, after)?;
    Ok(Delta::between(S::SCHEMA, &before, &after, &Intent::default()).clauses())
}
