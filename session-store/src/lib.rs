//! The typed session store for Rust web applications on Amazon DynamoDB.

mod attributes;
mod error;
mod id;
mod lifetime;
#[doc(hidden)]
pub mod private;
mod schema;

#[doc(no_inline)]
pub use aws_sdk_dynamodb::types::AttributeValue;
pub use session_store_derive::SessionAttributes;

pub use crate::attributes::{
    AsKey, Attributes, Index, IndexField, IndexKey, IntoAttribute, IsIndex, KeyType, KeyValue,
    Promoted, SessionAttributes,
};
pub use crate::error::{
    ConflictError, DecodeError, EncodeError, Error, GoneError, LimitError, ServiceError,
    SetupError, TooLargeError,
};
pub use crate::id::{InvalidSessionHandle, InvalidSessionId, SessionHandle, SessionId};
pub use crate::schema::{Attribute, Field, Names, Schema};
