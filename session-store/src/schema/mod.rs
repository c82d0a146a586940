//! Everything that is known about a session type before the program runs.

mod adjusted;
mod attribute;
mod check;
mod conflict;
mod definition;
pub(crate) mod derive_support;
mod flattened;
mod guests;
mod index;
mod key;
mod names;
mod session_attributes;
#[cfg(feature = "uuid")]
mod uuid_key;

pub use self::attribute::{Attribute, OnLimit};
pub use self::definition::{Field, Schema};
pub use self::flattened::FlattenedEntries;
pub use self::index::{Index, IsAttribute, IsIndex, Promoted};
pub use self::key::{AsKey, IndexField, IndexKey, IntoAttribute, KeyType, KeyValue};
pub use self::names::Names;
pub use self::session_attributes::{
    Attributes, SessionAttributes, SessionData, as_number_set, as_string_set,
};
#[cfg(feature = "uuid")]
pub use self::uuid_key::UuidBytes;

pub(crate) use self::adjusted::Adjustments;
pub(crate) use self::attribute::{Limit, Shards};
pub(crate) use self::check::{check_table_name, is_table_arn};
pub(crate) use self::index::IndexValue;
