//! The boundary between serde and the values of DynamoDB.
//!
//! serde_dynamo turns a session into values, and scalars back. The adapters here stand around its serializer and
//! around the deserializer of values. They refuse what would make it panic and what DynamoDB would refuse, and they find the path
//! of a value that fails. An error from here names kinds and fields, and never holds a value of a session or
//! the key of a map: other types' own messages, which can hold them, are dropped.

mod compound;
mod deserialize;
mod failure;
mod json;
mod keys;
mod number;
mod part;
mod path;
mod read;
mod serialize;
mod taken;
mod value;
mod write;

pub(crate) use self::failure::Failure;
pub(crate) use self::number::Number;
pub(crate) use self::path::{FieldNames, HIDDEN, MAX_DEPTH, Subject};
#[cfg(feature = "_record")]
pub(crate) use self::read::read;
pub(crate) use self::read::{read_entries, read_value};
pub(crate) use self::write::{Checks, write, write_without};

#[cfg(test)]
mod tests;
