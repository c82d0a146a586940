//! The typed session store for Rust web applications on Amazon DynamoDB.
//!
//! Derive [`SessionAttributes`] on a struct, and build a [`DynamoDbStore`] of it. A revoked session
//! stays revoked, parallel requests do not overwrite each other's changes, and sessions can be found by
//! the fields that the struct promotes.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use session_store::{DynamoDbStore, Error, SessionAttributes, SessionId};
//!
//! #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
//! #[dynamo(table = "app-sessions", idle_timeout = "30m", absolute_timeout = "12h")]
//! struct AppSession {
//!     #[dynamo(attr = "user_id", index)]
//!     user_id: Option<String>,
//!     cart: Vec<String>,
//! }
//!
//! async fn add_to_cart(
//!     store: &DynamoDbStore<AppSession>,
//!     cookie: &str,
//!     item: String,
//! ) -> Result<(), Error> {
//!     // Treat a malformed id like a missing cookie.
//!     let Ok(id) = SessionId::parse(cookie) else { return Ok(()) };
//!     if let Some(mut session) = store.load(&id).await? {
//!         session.cart.push(item);
//!         store.save(&mut session).await?;
//!     }
//!     Ok(())
//! }
//!
//! async fn log_out_everywhere(store: &DynamoDbStore<AppSession>, user: &str) -> Result<(), Error> {
//!     let revoked = store.revoke(AppSession::USER_ID, user).await?;
//!     assert!(revoked.failed().is_empty());
//!     Ok(())
//! }
//! ```
//!
//! # What is stored
//!
//! A session is one item:
//!
//! - `id`, the partition key: the [handle](SessionHandle), which is the hash of the secret
//!   [id](SessionId).
//! - `data`: the whole struct in serde's form, with one entry for each field.
//! - The promoted attributes, in DynamoDB's own types.
//! - The store's own attributes: `created_at` and `touched_at` (milliseconds since 1970), `expires_at`
//!   (seconds, the table's TTL attribute), `version` and `writes`. After a log-in, `authenticated_at`
//!   (milliseconds).
//!
//! The store does not change any other attribute of the item.
//!
//! A type can store `data` as bytes instead, in CBOR and compressed: `#[dynamo(data = "binary", compress =
//! "zstd")]`. The store reads every format, so a type can change its format.
//!
//! Packed data is read if its values take at most 25 MiB in memory, at 64 bytes for a value and 32 for a name
//! beside their text. An item of 400 KB never takes more unless it is compressed; data that would is not
//! compressed, and is [`Error::TooLarge`].
//!
//! An item also tells its session type: an id of one type is nothing to another. See
//! [`type_name`](Schema::type_name).
//!
//! # What serde's form loses
//!
//! A session comes back as it was stored, in every format, or is refused before the call, with the name of
//! the field: [`Error::Encode`]. Some types have a form in serde that tells less than the value:
//!
//! | stored | comes back as | what to do |
//! |---|---|---|
//! | `Some` of what is null: `Some(None)`, `Some(())`, a unit variant without a tag, JSON's null | `None` | an enum with a name for each case |
//! | `2.0` in a `serde_json::Value`, or in an untagged enum that takes integers too | 2 | a field of type `f64`, or compare as `f64` |
//! | a number in a `serde_json::Value` with more digits than an `f64` has | refused | a `String` |
//! | `-0.0` | `0.0`, since DynamoDB has one zero | a `String`, if the sign matters |
//! | `Vec<u8>` | the same, but as a list of numbers, which takes three times the space | `serde_bytes` |
//! | `u128` and `i128` beyond 64 bits, NaN, infinities, an `f64` beyond 9.99e125 or below 1e-130 | refused | a `String` |
//! | a map whose keys are floats, lists, maps or structs | refused | a list of pairs |
//! | a map with integer keys in an internally tagged or untagged enum, or under `flatten` | refused, as [`read_back`](Builder::read_back) says | keys that are strings |
//! | a map two of whose keys have the same text, such as 1 and `"1"` in an untagged enum | refused | a list of pairs |
//! | a number or boolean as a key of an untagged enum | text, since each key is text | a list of pairs |
//! | a variant of an untagged enum whose form an earlier variant can read | the earlier variant | a tag |
//! | a type that is written in one form and read in another, by `from` and `into` or by `with` | what its reader makes of that | one form for both |
//! | an `Option` of a struct under `flatten`, if another program has stored an entry that the struct cannot read | `None` | the struct without `Option`, or in a field that is not flattened |
//! | more digits than the type has, and nested entries and variants that only another program knows | what the type holds; the rest stays in the item until the field changes | a type that holds all of it |
//! | a key of a flattened map that is the name of a field | refused | a field of its own for the map |
//! | a field with `skip`, or whose `serialize_with` leaves something out | its default | as meant |
//!
//! A value that a `#[serde(default = "..")]` makes up for a missing field is another one at each load until a
//! save stores the field: write it once, when the session begins.
//!
//! # Saving
//!
//! [`save`](DynamoDbStore::save) writes the top-level fields that changed. Two requests that change
//! different fields do not overwrite each other. If they change the same field, the last one wins. Put
//! values that must change together into one nested struct.
//!
//! # Finding sessions
//!
//! A default `index` is a global secondary index, which DynamoDB fills a moment after a write. It takes
//! any number of sessions of a value, at 1,000 log-ins and log-outs a second. `index(shards = 16)` takes 16
//! times as many.
//!
//! An `index(consistent)` misses nothing, and can limit how many sessions one value has. One item, the
//! roster, lists all sessions of a value. Its key is `#<attribute>#<value>#<S, N or B>#<type>`, and every
//! log-in and log-out writes it, for one write unit per 19 sessions in it. It holds 7,500 sessions at most, so it is for users
//! rather than for tenants.
//!
//! # tokio
//!
//! The SDK and this crate wait by tokio's clock: call everything inside of a tokio runtime, with time enabled and, for
//! any engine but the embedded one, I/O. `#[tokio::main]` and the frameworks do so. Without a runtime, each call is an
//! error that says so.
//!
//! # Features
//!
//! - `actix-session`: the store behind actix-session 0.11.
//! - `aws-config`: a client from a region or from the environment, with TLS. Without it, pass your own
//!   client, or an endpoint on loopback.
//! - `embedded`: DynamoDB in this process, for development and tests.
//! - `axum`: a layer and a typed extractor for axum 0.8.
//! - `test-util`: a separate store for each test, with a clock to move and faults to inject, and the cookie
//!   of a stored session.
//! - `tower-sessions`, `tower-sessions-0-14`: the store behind tower-sessions 0.15 and 0.14.
//! - `uuid`: a `Uuid` of the crate `uuid` 1 as the [key of an index](IndexKey).
//! - `zstd`: compressed sessions.

mod dynamodb;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
pub mod frameworks;
mod id;
mod item;
mod marshal;
#[doc(hidden)]
pub mod private;
mod rosters;
mod schema;
mod session;
mod store;
mod telemetry;
#[cfg(feature = "test-util")]
pub mod test_util;

/// The SDK of this crate's version, of which [`Builder::client`] takes a client.
#[doc(no_inline)]
pub use aws_sdk_dynamodb;
#[doc(no_inline)]
pub use aws_sdk_dynamodb::types::AttributeValue;
pub use session_store_derive::SessionAttributes;

#[cfg(feature = "_http")]
pub use crate::error::RequestError;
pub use crate::error::{
    ConflictError, DecodeError, EncodeError, Error, GoneError, LimitError, ServiceError,
    SetupError, TooLargeError,
};
pub use crate::id::{InvalidSessionHandle, InvalidSessionId, SessionHandle, SessionId};
pub use crate::item::Touch;
#[cfg(feature = "uuid")]
pub use crate::schema::UuidBytes;
pub use crate::schema::{
    AsKey, Attribute, Attributes, Field, FlattenedEntries, Index, IndexField, IndexKey,
    IntoAttribute, IsAttribute, IsIndex, KeyType, KeyValue, Names, OnLimit, Promoted, Schema,
    SessionAttributes, SessionData, as_number_set, as_string_set,
};
pub use crate::session::Session;
#[cfg(feature = "cache")]
pub use crate::store::Cache;
pub use crate::store::{
    Builder, DynamoDbStore, ExportedSession, InvalidPageToken, PageToken, ReadConsistency, Reindex,
    Reindexed, Revoke, RevokeAll, RevokeFailure, Revoked, SessionSummary, Sessions, SessionsPage,
    StoredSession, Unreadable, UpdateAll, UpdateFailure, Updated,
};
#[cfg(feature = "metrics")]
pub use crate::telemetry::metrics::describe_metrics;
