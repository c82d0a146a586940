//! Functions for generated code only, which calls them through `session_store::private`.

#![allow(
    missing_docs,
    reason = "hidden from the docs, since only generated code calls it"
)]

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::Attribute;
use super::key::{IndexField, IndexKey, KeyType, KeyValue};
use super::session_attributes::Attributes;

pub use core::option::Option;
pub use core::result::Result;
pub use serde::{Serialize, Serializer};
pub use std::string::String;
pub use std::time::Duration;

/// The source of an index's keys: a field of type `F`, or a function that returns an `F`.
///
/// The generated handle of an index requires that `F` can be a key, so rustc reports a mistake there. All
/// other generated code calls this type. [`NoIndexSource`] gives it the same methods for any `F`, so that
/// rustc does not report the mistake twice.
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

/// The same for a type that cannot be a key: these methods compile, so that there is only one error.
pub trait NoIndexSource<F>: Sized {
    const TYPE: KeyType = KeyType::S;

    fn field(_: &mut Attributes, _: &'static str, _: &F) {}

    fn computed<T>(_: &mut Attributes, _: &'static str, _: T) {}
}

impl<F> NoIndexSource<F> for IndexSource<F> {}

/// A value that the function of an indexed attribute may return, for keys of type `K`.
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

/// The store checks that the value has the type of the key when it stores the session.
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

/// The values of one field in two sessions.
#[derive(Debug)]
pub struct Pair<'a, T: ?Sized>(pub &'a T, pub &'a T);

impl<T: PartialEq + ?Sized> Pair<'_, T> {
    pub fn __compare_field(self) -> Option<bool> {
        Some(self.0 == self.1)
    }
}

/// The same for a type without `PartialEq`.
pub trait NoPartialEq: Sized {
    fn __compare_field(self) -> Option<bool> {
        None
    }
}

impl<T: ?Sized> NoPartialEq for Pair<'_, T> {}

/// Whether several fields are all equal; `None` if one of them cannot be compared.
pub fn all_same<const N: usize>(fields: [Option<bool>; N]) -> Option<bool> {
    fields
        .into_iter()
        .try_fold(true, |all, is_same| Some(all && is_same?))
}
