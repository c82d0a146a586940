//! From a session struct to named DynamoDB attributes, and the typed handles of its indexes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use serde::Serialize;

use crate::error::EncodeError;
use crate::schema::definition::{Attribute, Schema, equal};

/// A session struct whose chosen fields are native DynamoDB attributes.
///
/// `#[derive(SessionAttributes)]` implements it, and adds an associated constant for each promoted
/// attribute (`AppSession::USER_ID`): an [`Index`] or a [`Promoted`]. By hand it takes a schema
/// and the extractors; see [`Schema::checked`] for how to get the compile-time checks.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_store::{Attribute, Attributes, Index, Schema, SessionAttributes};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Visit {
///     user_id: Option<String>,
/// }
///
/// const SCHEMA: Schema = Schema::new("visits")
///     .attributes(&[Attribute::index::<Option<String>>("user_id")])
///     .checked();
///
/// impl SessionAttributes for Visit {
///     const SCHEMA: &'static Schema = &SCHEMA;
///
///     fn attributes(&self, attributes: &mut Attributes) {
///         attributes.index("user_id", &self.user_id);
///     }
/// }
///
/// impl Visit {
///     const USER_ID: Index<Self, String> = Index::new("user_id");
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no session type",
    label = "this type does not implement `SessionAttributes`",
    note = "put `#[derive(SessionAttributes)]` on the struct"
)]
pub trait SessionAttributes: Sized {
    /// The table and the item layout.
    const SCHEMA: &'static Schema;

    /// Gives the value of each attribute in the schema, once.
    fn attributes(&self, attributes: &mut Attributes);
}

/// Collects the values of a session's promoted attributes.
#[derive(Debug, Default)]
pub struct Attributes {
    pub(crate) values: Vec<(&'static str, Option<AttributeValue>)>,
    pub(crate) error: Option<EncodeError>,
}

impl Attributes {
    /// The key of an index: the field itself, absent from the item while it is `None`.
    pub fn index<F: IndexField>(&mut self, name: &'static str, field: &F) {
        self.values
            .push((name, field.key().map(|key| key.as_key().to_value())));
    }

    /// Any other field, as serde serialises it; absent from the item while that gives null.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, name: &'static str, field: &T) {
        let value = match serde_dynamo::to_attribute_value(field) {
            Ok(AttributeValue::Null(_)) => None,
            Ok(value) => Some(value),
            Err(cause) => {
                self.error
                    .get_or_insert_with(|| EncodeError::new(name, cause));
                None
            }
        };
        self.values.push((name, value));
    }

    /// A value that was computed; absent from the item while it is `None`.
    pub fn computed(&mut self, name: &'static str, value: impl IntoAttribute) {
        self.values.push((name, value.into_attribute()));
    }
}

/// What the function of a computed attribute may return.
///
/// Strings, numbers, booleans, bytes, an [`AttributeValue`] of any type, and an `Option` of each:
/// `None` means that the item has no such attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a computed attribute",
    label = "returned by a function named in `with`",
    note = "return an `Option<AttributeValue>`, or a string, number, bool or bytes, or an `Option` of those"
)]
pub trait IntoAttribute {
    /// The value, or none.
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

/// A value as DynamoDB holds it in a key: `str`, `[u8]` and the integers. Sealed.
pub trait KeyValue: private::Sealed {
    /// Its type in DynamoDB.
    const TYPE: KeyType;

    /// The value for DynamoDB.
    fn to_value(&self) -> AttributeValue;
}

mod private {
    pub trait Sealed {}
}

/// A type that can be the key of an index.
///
/// Strings, integers and `Vec<u8>` are. A newtype becomes one in one line, and is then the only
/// type that its index can be asked for, so that an order's number is never taken for a user's:
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of an index: DynamoDB takes strings, numbers and binary",
    label = "not a key type",
    note = "use a `String`, an integer or a `Vec<u8>`, or an `Option` of one",
    note = "for a newtype: `impl IndexKey for UserId {{ type As = str; fn as_key(&self) -> &str {{ &self.0 }} }}`",
    note = "for anything else: `#[dynamo(attr = \"..\", index, with = function, key = String)]`"
)]
pub trait IndexKey {
    /// What DynamoDB holds: `str`, `[u8]` or an integer.
    type As: KeyValue + ?Sized;

    /// The value for the index.
    fn as_key(&self) -> &Self::As;
}

/// A field that can feed an index: a key, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be an index: DynamoDB takes strings, numbers and binary as keys",
    label = "not a key type",
    note = "use a `String`, an integer or a `Vec<u8>`, or an `Option` of one",
    note = "for a newtype: `impl IndexKey for UserId {{ type As = str; fn as_key(&self) -> &str {{ &self.0 }} }}`",
    note = "for anything else: `#[dynamo(attr = \"..\", index, with = function, key = String)]`"
)]
pub trait IndexField {
    /// The key, without the `Option`.
    type Key: IndexKey;

    /// Its type in DynamoDB.
    const TYPE: KeyType = <<Self::Key as IndexKey>::As as KeyValue>::TYPE;

    /// The key, or none.
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

/// What a query by a key of type `K` accepts: the key, a reference to it, and for `String` and
/// `Vec<u8>` the borrowed forms.
#[diagnostic::on_unimplemented(
    message = "this index has keys of type `{K}`, and `{Self}` is none",
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

impl private::Sealed for str {}
impl private::Sealed for [u8] {}

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
        impl private::Sealed for $integer {}

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

integer_keys! { u8 u16 u32 u64 i8 i16 i32 i64 }

/// The handle of an index: sessions of type `S` can be found by it, with a key of type `K`.
pub struct Index<S, K> {
    name: &'static str,
    types: PhantomData<fn(S) -> K>,
}

impl<S: SessionAttributes, K: IndexKey> Index<S, K> {
    /// The handle of the index on the attribute of this name.
    ///
    /// # Panics
    ///
    /// If the schema of `S` has no such index, or one with another type of key. In a constant, as
    /// the derive writes it, that is a compile error.
    #[allow(
        clippy::indexing_slicing,
        reason = "the condition of the loop keeps it in bounds"
    )]
    pub const fn new(name: &'static str) -> Self {
        let mut i = 0;
        while i < S::SCHEMA.attributes.len() {
            let attribute = &S::SCHEMA.attributes[i];
            if equal(attribute.name, name) {
                match attribute.index {
                    Some(index) => assert!(
                        index.key as u8 == <K::As as KeyValue>::TYPE as u8,
                        "the index of this name has another type of key in the schema"
                    ),
                    None => panic!("the attribute of this name has no index in the schema"),
                }
                return Self {
                    name,
                    types: PhantomData,
                };
            }
            i += 1;
        }
        panic!("the schema has no attribute of this name")
    }
}

impl<S, K> Clone for Index<S, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, K> Copy for Index<S, K> {}

impl<S, K> fmt::Debug for Index<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Index").field(&self.name).finish()
    }
}

/// The handle of a promoted attribute that is no index: it has a name, and cannot be queried.
pub struct Promoted<S> {
    name: &'static str,
    session: PhantomData<fn(S)>,
}

impl<S> Promoted<S> {
    /// The handle of the attribute of this name.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            session: PhantomData,
        }
    }

    /// The name of the attribute in the item.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<S> Clone for Promoted<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Promoted<S> {}

impl<S> fmt::Debug for Promoted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promoted").field(&self.name).finish()
    }
}

/// A handle by which sessions of type `S` can be found. Only [`Index`] is one.
#[diagnostic::on_unimplemented(
    message = "sessions of `{S}` cannot be found by this: it is not an index of `{S}`",
    label = "not an index of `{S}`",
    note = "add `index` to the field, as in `#[dynamo(attr = \"user_id\", index)]`, and create the index with `create_table`"
)]
pub trait IsIndex<S>: sealed::IsIndex {
    /// The type of its keys.
    type Key: IndexKey;

    /// The attribute that the index is on.
    fn attribute(&self) -> &'static Attribute;
}

mod sealed {
    pub trait IsIndex {}
    impl<S, K> IsIndex for super::Index<S, K> {}
}

impl<S: SessionAttributes, K: IndexKey> IsIndex<S> for Index<S, K> {
    type Key = K;

    fn attribute(&self) -> &'static Attribute {
        let found = S::SCHEMA.attributes.iter().find(|a| a.name == self.name);
        // `Index::new` looked it up in the same constant.
        found.unwrap_or_else(|| unreachable!("the schema lost the attribute `{}`", self.name))
    }
}
