//! The typed session store for Rust web applications on Amazon DynamoDB.

mod attributes;
mod builder;
mod delta;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod id;
mod item;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
mod json;
mod lifetime;
mod listing;
#[doc(hidden)]
pub mod private;
mod request;
mod revoke;
mod schema;
mod service;
mod session;
mod store;
mod table;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
pub mod tower_sessions;
mod value;
mod with;

#[doc(no_inline)]
pub use aws_sdk_dynamodb::types::AttributeValue;
pub use session_store_derive::SessionAttributes;

pub use crate::attributes::{
    AsKey, Attributes, Index, IndexField, IndexKey, IntoAttribute, IsIndex, KeyType, KeyValue,
    Promoted, SessionAttributes,
};
pub use crate::builder::Builder;
pub use crate::error::{
    ConflictError, DecodeError, EncodeError, Error, GoneError, LimitError, ServiceError,
    SetupError, TooLargeError,
};
pub use crate::id::{InvalidSessionHandle, InvalidSessionId, SessionHandle, SessionId};
pub use crate::listing::{SessionSummary, Sessions};
pub use crate::revoke::{Revoke, RevokeFailure, Revoked};
pub use crate::schema::{Attribute, Field, Names, Schema};
pub use crate::session::Session;
pub use crate::store::DynamoDbStore;
pub use crate::with::{as_number_set, as_string_set};
