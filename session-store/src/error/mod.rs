//! What can go wrong, each kind with what its handler needs to know.

mod cause;
mod data;
mod service;
mod session;

use std::error::Error as StdError;
use std::fmt;

use crate::id::NoRandomBytes;

pub(crate) use self::cause::Cause;
pub use self::data::{DecodeError, EncodeError, TooLargeError};
pub use self::service::{ServiceError, SetupError};
pub use self::session::{ConflictError, GoneError, LimitError};

/// The error of every operation of the store.
///
/// Its `Display` says what happened and what to do about it; the cause, where there is one, is in
/// [`source`](StdError::source). No error holds a session id.
///
/// An absent session is no error on `load`: that is `Ok(None)`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The session was deleted or revoked, or has expired; nothing was stored.
    Gone(Box<GoneError>),
    /// Another write came between, or it is not known whether this one was applied.
    Conflict(Box<ConflictError>),
    /// The session would be larger than DynamoDB's 400 KB; the stored one stays as it was.
    TooLarge(Box<TooLargeError>),
    /// The item is there, and is no session of this type; it stays as it is.
    Decode(Box<DecodeError>),
    /// A value cannot be stored in DynamoDB; the stored session stays as it was.
    Encode(Box<EncodeError>),
    /// The user has as many sessions as a consistent index allows.
    Limit(Box<LimitError>),
    /// DynamoDB, or the way there, failed.
    Service(Box<ServiceError>),
    /// The store or its table is not set up as the session type asks.
    Setup(Box<SetupError>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.detail(), f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.detail().source()
    }
}

impl Error {
    fn detail(&self) -> &dyn StdError {
        match self {
            Self::Gone(e) => e,
            Self::Conflict(e) => e,
            Self::TooLarge(e) => e,
            Self::Decode(e) => e,
            Self::Encode(e) => e,
            Self::Limit(e) => e,
            Self::Service(e) => e,
            Self::Setup(e) => e,
        }
    }
}

macro_rules! into_error {
    ($($variant:ident($detail:ty),)*) => {$(
        impl From<$detail> for Error {
            fn from(detail: $detail) -> Self {
                Self::$variant(Box::new(detail))
            }
        }
    )*};
}

into_error! {
    Gone(GoneError),
    Conflict(ConflictError),
    TooLarge(TooLargeError),
    Decode(DecodeError),
    Encode(EncodeError),
    Limit(LimitError),
    Service(ServiceError),
    Setup(SetupError),
}

impl From<NoRandomBytes> for Error {
    fn from(error: NoRandomBytes) -> Self {
        SetupError::with_cause(
            "the operating system gave no random bytes for a session id",
            error.0,
        )
        .into()
    }
}
