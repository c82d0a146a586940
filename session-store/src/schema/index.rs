//! The typed handles of promoted attributes and their indexes, and one value of an index.

use std::fmt;
use std::marker::PhantomData;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::{Attribute, Limit, OnLimit};
use super::key::{IndexKey, KeyValue};
use super::names::equal;
use super::session_attributes::SessionAttributes;

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
                        "the index of this name has another type of key in the schema; use that type"
                    ),
                    None => panic!(
                        "the attribute of this name has no index in the schema; use `Attribute::index` there"
                    ),
                }
                return Self {
                    name,
                    types: PhantomData,
                };
            }
            i += 1;
        }
        panic!("the schema has no attribute of this name; add it, or correct the name")
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

/// The handle of a promoted attribute without an index: it has a name, and cannot be queried.
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

/// The handle of a promoted attribute: an [`Index`] or a [`Promoted`].
pub trait IsAttribute: sealed::IsAttribute {
    /// The name of the attribute in the item.
    fn name(&self) -> &'static str;
}

impl<S, K> IsAttribute for Index<S, K> {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl<S> IsAttribute for Promoted<S> {
    fn name(&self) -> &'static str {
        self.name
    }
}

mod sealed {
    pub trait IsIndex {}
    impl<S, K> IsIndex for super::Index<S, K> {}

    pub trait IsAttribute {}
    impl<S, K> IsAttribute for super::Index<S, K> {}
    impl<S> IsAttribute for super::Promoted<S> {}
}

impl<S: SessionAttributes, K: IndexKey> IsIndex<S> for Index<S, K> {
    type Key = K;

    fn attribute(&self) -> &'static Attribute {
        let found = S::SCHEMA.attributes.iter().find(|a| a.name == self.name);
        // `Index::new` looked it up in the same constant.
        found.unwrap_or_else(|| unreachable!("the schema lost the attribute `{}`", self.name))
    }
}

/// One value of an index: all sessions whose attribute has it.
#[derive(Clone)]
pub(crate) struct IndexValue {
    pub(crate) attribute: &'static Attribute,
    pub(crate) value: AttributeValue,
}

impl IndexValue {
    /// The same key as the other of text and number: the value that a session has kept since before the
    /// type of its field changed.
    pub(crate) fn twin(&self) -> Option<AttributeValue> {
        match &self.value {
            AttributeValue::N(text) => Some(AttributeValue::S(text.clone())),
            AttributeValue::S(text) => {
                let is_integer = text.parse().is_ok_and(|n: i128| n.to_string() == *text);
                is_integer.then(|| AttributeValue::N(text.clone()))
            }
            _ => None,
        }
    }

    /// Whether a session with this stored value belongs to this one, or to its twin.
    pub(crate) fn is_value(&self, stored: Option<&AttributeValue>) -> bool {
        stored.is_some_and(|stored| *stored == self.value || self.twin().as_ref() == Some(stored))
    }

    /// How many sessions a consistent index allows this value.
    pub(crate) fn limit(&self) -> Limit {
        // A default index has no roster, so this is not called for one.
        self.attribute.roster().unwrap_or(Limit {
            sessions: Attribute::MAX_LIMIT,
            policy: OnLimit::Reject,
        })
    }
}
