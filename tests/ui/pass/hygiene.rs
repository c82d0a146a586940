//! Names of the user that the generated code must not use by mistake.

#![no_implicit_prelude]
#![deny(warnings, missing_docs, unused, unreachable_pub, rust_2018_idioms)]

/// A crate's module with the name of another crate.
pub mod core {}
/// Another.
pub mod std {}

#[allow(dead_code)]
struct Option;
#[allow(dead_code)]
struct Result;
#[allow(dead_code)]
struct String;
#[allow(dead_code)]
struct Attributes;
#[allow(dead_code)]
struct Schema;
#[allow(dead_code)]
struct SerializeWith;
#[allow(dead_code)]
trait SessionAttributes {}

/// A session.
#[derive(
    ::std::clone::Clone,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::session_store::SessionAttributes,
)]
#[dynamo(attr = "three", with = attributes)]
pub struct Session {
    #[dynamo(attr = "attributes", index)]
    attributes: ::std::option::Option<::std::string::String>,
    #[dynamo(attr = "self_", with = session, index, key = u8)]
    self_: u8,
    #[dynamo(attr = "schema")]
    #[serde(with = "serializer")]
    schema: u8,
    #[dynamo(attr = "two")]
    #[deprecated]
    name: u8,
    /// Public.
    #[dynamo(attr = "four")]
    pub serialize: u8,
    #[serde(flatten, serialize_with = "serializer", skip_serializing_if = "entries")]
    other: ::std::collections::BTreeMap<::std::string::String, u8>,
}

type Map = ::std::collections::BTreeMap<::std::string::String, u8>;

fn entries(map: &Map) -> bool {
    map.is_empty()
}

fn serializer<S: ::serde::Serializer>(
    map: &Map,
    s: S,
) -> ::std::result::Result<S::Ok, S::Error> {
    ::serde::Serialize::serialize(map, s)
}

fn attributes(_: &Session) -> bool {
    true
}

fn session(_: &u8) -> u8 {
    1
}

mod serializer {
    use ::std::result::Result;

    pub(crate) fn serialize<S: ::serde::Serializer>(_: &u8, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(1)
    }

    pub(crate) fn deserialize<'de, D: ::serde::Deserializer<'de>>(d: D) -> Result<u8, D::Error> {
        ::serde::Deserialize::deserialize(d)
    }
}

fn main() {}
