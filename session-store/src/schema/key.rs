//! The keys of indexes: which types can be a key, and how DynamoDB stores each of them.

use std::borrow::Cow;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroUsize,
};
use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};

/// A value that the function of a computed attribute may return.
///
/// Strings, numbers, booleans, bytes, a `Uuid` (with the feature `uuid`), an [`AttributeValue`] of any type,
/// and an `Option` of each: `None` means that the item has no such attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a computed attribute",
    label = "returned by a function named in `with`",
    note = "return an `Option<AttributeValue>`, or a string, number, bool or bytes, or an `Option` of those"
)]
pub trait IntoAttribute {
    /// The value; `None` if the item has no such attribute.
    fn into_attribute(self) -> Option<AttributeValue>;
}

impl IntoAttribute for AttributeValue {
    fn into_attribute(self) -> Option<AttributeValue> {
        Some(self)
    }
}

impl IntoAttribute for bool {
    fn into_attribute(self) -> Option<AttributeValue> {
        Some(AttributeValue::Bool(self))
    }
}

impl IntoAttribute for &str {
    fn into_attribute(self) -> Option<AttributeValue> {
        Some(self.to_value())
    }
}

impl<T: IntoAttribute> IntoAttribute for Option<T> {
    fn into_attribute(self) -> Option<AttributeValue> {
        self.and_then(T::into_attribute)
    }
}

/// The three types that DynamoDB allows for the key of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

impl KeyType {
    pub(crate) fn is_type_of(self, value: &AttributeValue) -> bool {
        match self {
            Self::S => value.is_s(),
            Self::N => value.is_n(),
            Self::B => value.is_b(),
        }
    }

    pub(crate) fn scalar(self) -> ScalarAttributeType {
        match self {
            Self::S => ScalarAttributeType::S,
            Self::N => ScalarAttributeType::N,
            Self::B => ScalarAttributeType::B,
        }
    }
}

/// A value as DynamoDB stores it in a key: `str`, `[u8]`, `bool`, the integers of up to 64 bits and their
/// `NonZero` forms, and `Uuid` with the feature `uuid`. Sealed.
pub trait KeyValue: sealed::Sealed {
    /// Its type in DynamoDB.
    const TYPE: KeyType;

    /// The value for DynamoDB.
    fn to_value(&self) -> AttributeValue;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// A type that can be the key of an index.
///
/// | Rust type | stored as |
/// |---|---|
/// | `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>` | S |
/// | the integers of up to 64 bits, and `NonZeroU64` and so on | N |
/// | `bool` | S: `true` or `false` |
/// | `Vec<u8>` | B |
/// | `uuid::Uuid`, with the feature `uuid` | S: 36 characters in lower case, with hyphens |
#[cfg_attr(
    feature = "uuid",
    doc = "| [`UuidBytes`](crate::UuidBytes), for a field of type `Uuid` | B: 16 bytes |"
)]
///
/// DynamoDB has no keys of type BOOL. A `bool` is text there, so that any tool shows what it is, and no number
/// is taken for it; without an index, a promoted `bool` stays BOOL. All sessions with one value are in one
/// partition of a default index. So promote a `bool` that is rarely true as an `Option<bool>` that is
/// otherwise `None`, or give the index shards. Integers of 128 bits have no form in DynamoDB.
///
/// A newtype becomes a key with one line. Then its index can be queried with this type only, so that an
/// order number is never taken for a user id:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use session_store::IndexKey;
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct UserId(String);
///
/// impl IndexKey for UserId { type As = str; fn as_key(&self) -> &str { &self.0 } }
/// ```
///
/// For a newtype of a `Uuid`, the line says `Uuid` in place of `str`, and is stored as text; with `[u8]` and
/// `self.0.as_bytes()`, it is stored as 16 bytes.
#[cfg_attr(
    not(feature = "uuid"),
    diagnostic::on_unimplemented(
        note = "for a `Uuid`, switch on the feature `uuid` of session-store in Cargo.toml"
    )
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of an index: DynamoDB takes strings, numbers and binary",
    label = "not a key type",
    note = "use a `String`, an integer, a `bool` or a `Vec<u8>`, or an `Option` of one",
    note = "for a newtype: `impl IndexKey for UserId {{ type As = str; fn as_key(&self) -> &str {{ &self.0 }} }}`",
    note = "for anything else: `#[dynamo(attr = \"..\", index, with = function, key = String)]`"
)]
pub trait IndexKey {
    /// The type that DynamoDB stores: `str`, `[u8]`, an integer, or another [`KeyValue`].
    type As: KeyValue + ?Sized;

    /// The value for the index.
    fn as_key(&self) -> &Self::As;
}

/// A field that can feed an index: a key, or an `Option` of one.
#[cfg_attr(
    not(feature = "uuid"),
    diagnostic::on_unimplemented(
        note = "for a `Uuid`, switch on the feature `uuid` of session-store in Cargo.toml"
    )
)]
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be an index: DynamoDB takes strings, numbers and binary as keys",
    label = "not a key type",
    note = "use a `String`, an integer, a `bool` or a `Vec<u8>`, or an `Option` of one",
    note = "for a newtype: `impl IndexKey for UserId {{ type As = str; fn as_key(&self) -> &str {{ &self.0 }} }}`",
    note = "for anything else: `#[dynamo(attr = \"..\", index, with = function, key = String)]`"
)]
pub trait IndexField {
    /// The key, without the `Option`.
    type Key: IndexKey;

    /// Its type in DynamoDB.
    const TYPE: KeyType = <<Self::Key as IndexKey>::As as KeyValue>::TYPE;

    /// The key; `None` if the field has no value.
    fn key(&self) -> Option<&Self::Key>;
}

impl<K: IndexKey> IndexField for K {
    type Key = K;

    fn key(&self) -> Option<&K> {
        Some(self)
    }
}

impl<K: IndexKey> IndexField for Option<K> {
    type Key = K;

    fn key(&self) -> Option<&K> {
        self.as_ref()
    }
}

/// A value that a query by a key of type `K` accepts: the key, a reference to it, and for `String` and
/// `Vec<u8>` the borrowed forms.
#[diagnostic::on_unimplemented(
    message = "this index has keys of type `{K}`, and `{Self}` is not a `{K}`",
    label = "expected a `{K}`, or a reference to one"
)]
pub trait AsKey<K> {
    /// The value for the query.
    fn as_key_value(&self) -> AttributeValue;
}

impl<K: IndexKey> AsKey<K> for K {
    fn as_key_value(&self) -> AttributeValue {
        self.as_key().to_value()
    }
}

impl<K: IndexKey> AsKey<K> for &K {
    fn as_key_value(&self) -> AttributeValue {
        self.as_key().to_value()
    }
}

impl KeyValue for str {
    const TYPE: KeyType = KeyType::S;

    fn to_value(&self) -> AttributeValue {
        AttributeValue::S(self.to_owned())
    }
}

impl KeyValue for [u8] {
    const TYPE: KeyType = KeyType::B;

    fn to_value(&self) -> AttributeValue {
        AttributeValue::B(Blob::new(self))
    }
}

/// As text, since DynamoDB has no keys of type BOOL.
impl KeyValue for bool {
    const TYPE: KeyType = KeyType::S;

    fn to_value(&self) -> AttributeValue {
        AttributeValue::S(self.to_string())
    }
}

impl IndexKey for bool {
    type As = Self;

    fn as_key(&self) -> &Self {
        self
    }
}

impl sealed::Sealed for str {}
impl sealed::Sealed for [u8] {}
impl sealed::Sealed for bool {}

macro_rules! owned_keys {
    ($($owned:ty as $borrowed:ty,)*) => {$(
        impl IndexKey for $owned {
            type As = $borrowed;

            fn as_key(&self) -> &$borrowed {
                self
            }
        }

        impl AsKey<$owned> for &$borrowed {
            fn as_key_value(&self) -> AttributeValue {
                self.to_value()
            }
        }

        impl IntoAttribute for $owned {
            fn into_attribute(self) -> Option<AttributeValue> {
                Some(self.as_key().to_value())
            }
        }
    )*};
}

owned_keys! {
    String as str,
    Box<str> as str,
    Arc<str> as str,
    Cow<'static, str> as str,
    Vec<u8> as [u8],
}

macro_rules! integer_keys {
    ($($integer:ty)*) => {$(
        impl sealed::Sealed for $integer {}

        impl KeyValue for $integer {
            const TYPE: KeyType = KeyType::N;

            fn to_value(&self) -> AttributeValue {
                AttributeValue::N(self.to_string())
            }
        }

        impl IndexKey for $integer {
            type As = Self;

            fn as_key(&self) -> &Self {
                self
            }
        }

        impl IntoAttribute for $integer {
            fn into_attribute(self) -> Option<AttributeValue> {
                Some(self.to_value())
            }
        }
    )*};
}

integer_keys! {
    u8 u16 u32 u64 usize i8 i16 i32 i64 isize
    NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize
    NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroIsize
}
