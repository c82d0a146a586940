//! What generated code and this crate's own tests call, and nobody else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError, Error};
use crate::id::SessionId;
use crate::item::delta::{Delta, Intent};
use crate::item::image::{Image, Nonce};
use crate::item::lifetime::{self, Millis};
use crate::item::{image as item, value};
use crate::schema::definition::Attribute;
use crate::schema::session_attributes::{
    Attributes, IndexField, IndexKey, KeyType, KeyValue, SessionAttributes,
};
use crate::session::{Session, State, Unknown};

pub use serde::{Serialize, Serializer};
pub use std::time::Duration;

/// Where an index takes its keys from: a field of type `F`, or a function that returns an `F`.
///
/// The generated handle of an index demands that `F` can be a key, and rustc reports it there.
/// Everything else goes through this type, whose methods exist for any `F` by
/// [`NoIndexSource`], so that the same mistake is not reported again.
#[derive(Debug)]
pub struct IndexSource<F>(PhantomData<F>);

impl<F: IndexField> IndexSource<F> {
    pub const TYPE: KeyType = F::TYPE;

    pub fn field(attributes: &mut Attributes, name: &'static str, field: &F) {
        attributes.index(name, field);
    }
}

impl<K: IndexKey> IndexSource<K> {
    pub fn computed(attributes: &mut Attributes, name: &'static str, key: impl IntoKey<K>) {
        attributes.computed(name, key.into_key());
    }
}

/// The same for a type that is no key: it compiles, beside the error.
pub trait NoIndexSource<F>: Sized {
    const TYPE: KeyType = KeyType::S;

    fn field(_: &mut Attributes, _: &'static str, _: &F) {}

    fn computed<T>(_: &mut Attributes, _: &'static str, _: T) {}
}

impl<F> NoIndexSource<F> for IndexSource<F> {}

/// What the function of an indexed attribute may return for keys of type `K`.
#[diagnostic::on_unimplemented(
    message = "this index has keys of type `{K}`, and its function returns `{Self}`",
    label = "returns a `{Self}`",
    note = "return a `{K}`, a reference to one, or an `Option` of either; or change `key = ..`"
)]
pub trait IntoKey<K> {
    fn into_key(self) -> Option<AttributeValue>;
}

impl<K: IndexKey> IntoKey<K> for K {
    fn into_key(self) -> Option<AttributeValue> {
        Some(self.as_key().to_value())
    }
}

impl<K: IndexKey> IntoKey<K> for &K {
    fn into_key(self) -> Option<AttributeValue> {
        Some(self.as_key().to_value())
    }
}

/// Whether the value has the type of the key is seen when it is stored.
impl<K: IndexKey> IntoKey<K> for AttributeValue {
    fn into_key(self) -> Option<AttributeValue> {
        Some(self)
    }
}

macro_rules! borrowed_keys {
    ($($owned:ty as $borrowed:ty,)*) => {$(
        impl IntoKey<$owned> for &$borrowed {
            fn into_key(self) -> Option<AttributeValue> {
                Some(self.to_value())
            }
        }
    )*};
}

borrowed_keys! {
    String as str,
    Box<str> as str,
    Arc<str> as str,
    Cow<'static, str> as str,
    Vec<u8> as [u8],
}

impl<K, T: IntoKey<K>> IntoKey<K> for Option<T> {
    fn into_key(self) -> Option<AttributeValue> {
        self.and_then(T::into_key)
    }
}

/// An attribute with an index of keys of this type.
pub const fn index(name: &'static str, key: KeyType) -> Attribute {
    match key {
        KeyType::S => Attribute::index::<String>(name),
        KeyType::N => Attribute::index::<u64>(name),
        KeyType::B => Attribute::index::<Vec<u8>>(name),
    }
}

/// An attribute that the item does not have.
pub fn absent(attributes: &mut Attributes, name: &'static str) {
    attributes.computed(name, None::<bool>);
}

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
