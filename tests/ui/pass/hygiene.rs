//! Names of the user that the generated code must not use by mistake.

#![no_implicit_prelude]
#![deny(warnings, missing_docs, unused, unreachable_pub, rust_2018_idioms)]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

/// A crate's module with the name of another crate.
pub mod core {}
/// Another.
pub mod std {}

struct Option;
struct Result;
struct String;
struct Attributes;
struct Schema;
struct Index;
struct NoIndexSource;
struct Pair;
trait SessionAttributes {}
/// A module with the name of this crate.
pub mod session_store {}

// No parameter can have the name of a constant or static.
static attributes: u8 = 1;
static entries: u8 = 1;
static name: u8 = 1;
static other: u8 = 1;
const serializer: u8 = 1;

/// Methods of all types, by the names of those that the derive calls.
trait Blanket: ::std::marker::Sized {
    fn attributes(self) {}
    fn checked(self) {}
    fn compare_field(self) {}
    fn computed(self) {}
    fn consistent(self) {}
    fn fields(self) {}
    fn limit(self) {}
    fn required(self) {}
    fn type_name(self) {}
    fn user(self) {}
}

impl<T> Blanket for T {}

/// A session.
#[derive(
    ::std::clone::Clone,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::session_store::SessionAttributes,
)]
#[dynamo(attr = "three", with = functions::attributes)]
pub struct Session {
    #[dynamo(attr = "attributes", index)]
    attributes: ::std::option::Option<::std::string::String>,
    #[dynamo(attr = "self_", with = functions::session, index, key = u8)]
    self_: u8,
    #[dynamo(attr = "schema")]
    #[serde(with = "functions")]
    schema: u8,
    #[dynamo(attr = "two")]
    #[deprecated]
    name: u8,
    /// Public.
    #[dynamo(attr = "four")]
    pub serialize: u8,
    #[serde(
        flatten,
        serialize_with = "functions::serializer",
        skip_serializing_if = "functions::entries"
    )]
    other: ::std::collections::BTreeMap<::std::string::String, u8>,
}

type Map = ::std::collections::BTreeMap<::std::string::String, u8>;

mod functions {
    use super::{Map, Session};

    pub(crate) fn attributes(_: &Session) -> bool {
        true
    }

    pub(crate) fn entries(map: &Map) -> bool {
        map.is_empty()
    }

    pub(crate) fn session(_: &u8) -> u8 {
        1
    }

    pub(crate) fn serializer<S: ::serde::Serializer>(
        map: &Map,
        s: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {
        ::serde::Serialize::serialize(map, s)
    }

    pub(crate) fn serialize<S: ::serde::Serializer>(
        _: &u8,
        s: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {
        s.serialize_u8(1)
    }

    pub(crate) fn deserialize<'de, D: ::serde::Deserializer<'de>>(
        d: D,
    ) -> ::std::result::Result<u8, D::Error> {
        ::serde::Deserialize::deserialize(d)
    }
}

/// A session with the name of a type in generated code.
#[derive(
    ::std::clone::Clone,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::session_store::SessionAttributes,
)]
pub struct SerializeWith {
    #[dynamo(attr = "user", index(consistent, limit = 2), user)]
    user: ::std::option::Option<u64>,
    #[dynamo(attr = "a")]
    #[serde(serialize_with = "Write::one")]
    a: u8,
    /// It cannot be compared.
    other: Incomparable,
    #[serde(flatten)]
    entries: Map,
}

#[derive(::std::clone::Clone, ::serde::Serialize, ::serde::Deserialize)]
struct Incomparable;

struct Write;

impl Write {
    fn one<S: ::serde::Serializer>(_: &u8, s: S) -> ::std::result::Result<S::Ok, S::Error> {
        s.serialize_u8(1)
    }
}

/// Names that are words of the language.
#[derive(
    ::std::clone::Clone,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::session_store::SessionAttributes,
)]
#[dynamo(attr = "loop", with = r#loop)]
pub struct r#try {
    #[dynamo(attr = "user", index)]
    r#type: ::std::option::Option<u64>,
    #[dynamo(attr = "async")]
    #[serde(serialize_with = "r#fn::write")]
    r#async: u8,
    #[serde(flatten)]
    r#dyn: Map,
}

fn r#loop(_: &r#try) -> bool {
    true
}

mod r#fn {
    pub(crate) fn write<S: ::serde::Serializer>(
        _: &u8,
        s: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {
        s.serialize_u8(1)
    }
}

/// Nothing.
pub fn main() {
    let _ = (Session::ATTRIBUTES, SerializeWith::USER, r#try::TYPE);
}
