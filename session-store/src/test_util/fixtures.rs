//! What handlers get from a store, without a store: for unit tests of the code around it.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use session_store::test_util::fixtures;
//! use session_store::{Error, Session, SessionAttributes};
//!
//! #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
//! #[dynamo(idle_timeout = "30m")]
//! struct AppSession {
//!     cart: Vec<String>,
//! }
//!
//! fn status(stored: &Result<Session<AppSession>, Error>) -> u16 {
//!     match stored {
//!         Ok(_) => 200,
//!         Err(Error::Limit(_)) => 429,
//!         Err(Error::Service(error)) if error.is_retryable() => 503,
//!         Err(_) => 500,
//!     }
//! }
//!
//! assert_eq!(status(&Ok(fixtures::session(AppSession::default()))), 200);
//! assert_eq!(status(&Err(fixtures::limit("user_id", 3))), 429);
//! assert_eq!(status(&Err(fixtures::throttled("PutItem"))), 503);
//! // Whatever the kind is:
//! for error in fixtures::errors() {
//!     assert!(status(&Err(error)) >= 400);
//! }
//! ```

use std::sync::Arc;
use std::time::SystemTime;

use crate::dynamodb::StoreClock;
#[cfg(feature = "_http")]
use crate::error::RequestError;
use crate::error::{
    Cause, ConflictError, DecodeError, EncodeError, Error, GoneError, LimitError, ServiceError,
    SetupError, TooLargeError,
};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Lifetime, Map, Millis, OwnTimeouts, State};
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::{Revoked, SessionSummary};

/// A new id. No store has a session of it.
pub fn session_id() -> SessionId {
    SessionId::mint().expect("the operating system gives random bytes")
}

/// A session that begins now, with these data and a new id. No store has it, so its clock is that of the system.
pub fn session<S: SessionAttributes>(data: S) -> Session<S> {
    let id = session_id();
    let clock = StoreClock::default();
    let now = clock.now();
    let lifetime = Lifetime::new(S::SCHEMA, now, OwnTimeouts::default());
    let state = State::new(id.handle(), lifetime, now, Map::new());
    Session::new(id, data, state, clock)
}

/// A line of a listing. Its times are rounded down to milliseconds, and its end to seconds.
pub fn summary(
    handle: SessionHandle,
    created_at: SystemTime,
    touched_at: SystemTime,
    expires_at: SystemTime,
) -> SessionSummary {
    let [created_at, touched_at, ends] = [created_at, touched_at, expires_at].map(Millis::of);
    SessionSummary::of(handle, created_at, touched_at, ends)
}

/// A revocation that has ended so many sessions, and failed for these.
pub fn revoked(
    deleted: usize,
    failed: impl IntoIterator<Item = (SessionHandle, Error)>,
) -> Revoked {
    Revoked::of(deleted, failed)
}

/// [`Error::Gone`]: the session was ended.
pub fn gone(handle: SessionHandle) -> Error {
    GoneError::new(handle).into()
}

/// [`Error::Gone`]: the session has expired.
pub fn expired(handle: SessionHandle) -> Error {
    GoneError::expired(handle).into()
}

/// [`Error::Gone`]: the session has a new id.
pub fn replaced(handle: SessionHandle) -> Error {
    GoneError::replaced(handle).into()
}

/// [`Error::Conflict`]: others wrote first in every attempt, or a response was lost.
pub fn conflict(handle: SessionHandle, outcome_unknown: bool) -> Error {
    let error = ConflictError {
        outcome_unknown,
        ..ConflictError::new(handle, 40)
    };
    error.into()
}

/// [`Error::TooLarge`]: the session would take so many bytes.
pub fn too_large(size: usize) -> Error {
    let error = TooLargeError {
        size: Some(size),
        limit: TooLargeError::LIMIT,
        largest: Vec::new(),
    };
    error.into()
}

/// [`Error::Decode`]: the item of this session cannot be read at this field.
pub fn decode(handle: SessionHandle, path: &str) -> Error {
    DecodeError::new(handle, path, "it has another type").into()
}

/// [`Error::Encode`]: this field cannot be stored.
pub fn encode(path: &str) -> Error {
    EncodeError::new(path, "DynamoDB has no such value").into()
}

/// [`Error::Limit`]: the index on this attribute allows no more sessions of a value.
pub fn limit(index: &'static str, limit: u32) -> Error {
    LimitError { index, limit }.into()
}

/// [`Error::Service`]: DynamoDB has throttled this operation, such as `GetItem`.
pub fn throttled(operation: &'static str) -> Error {
    let error = ServiceError {
        code: Some("ThrottlingException".to_owned()),
        throttled: true,
        retryable: true,
        ..service(operation)
    };
    error.into()
}

/// [`Error::Service`]: no answer came in time. A write may have been applied.
pub fn timeout(operation: &'static str) -> Error {
    let error = ServiceError {
        timeout: true,
        retryable: true,
        outcome_unknown: true,
        ..service(operation)
    };
    error.into()
}

/// [`Error::Service`]: DynamoDB has refused this operation with this code, such as `AccessDeniedException`.
pub fn refused(operation: &'static str, code: &str) -> Error {
    let error = ServiceError {
        code: Some(code.to_owned()),
        ..service(operation)
    };
    error.into()
}

/// [`Error::Setup`], with this text.
pub fn setup(text: &str) -> Error {
    SetupError::new(text).into()
}

/// [`Error::Request`]: the response has begun, so that the client can get no cookie any more.
#[cfg(feature = "_http")]
pub fn answered() -> Error {
    RequestError::answered().into()
}

/// One error of each kind above.
pub fn errors() -> Vec<Error> {
    let handle = session_id().handle();
    vec![
        gone(handle),
        expired(handle),
        replaced(handle),
        conflict(handle, false),
        conflict(handle, true),
        too_large(TooLargeError::LIMIT + 1),
        decode(handle, "data.cart"),
        encode("cart"),
        limit("user_id", 3),
        throttled("GetItem"),
        timeout("UpdateItem"),
        refused("GetItem", "AccessDeniedException"),
        setup("the table does not exist"),
        #[cfg(feature = "_http")]
        answered(),
    ]
}

fn service(operation: &'static str) -> ServiceError {
    ServiceError {
        operation,
        code: None,
        request_id: None,
        throttled: false,
        timeout: false,
        retryable: false,
        outcome_unknown: false,
        message: None,
        advice: "a test has made this error".into(),
        cause: Arc::from(Cause::from("made by a test")),
    }
}
