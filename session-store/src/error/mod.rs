//! The errors of the store. Each kind has the details that its handler needs.

mod cause;
mod chain;
mod data;
#[cfg(feature = "_http")]
mod request;
mod service;
mod session;

use std::error::Error as StdError;
use std::fmt;

use crate::id::NoRandomBytes;

pub(crate) use self::cause::Cause;
pub(crate) use self::chain::Chain;
pub use self::data::{DecodeError, EncodeError, TooLargeError};
#[cfg(feature = "_http")]
pub use self::request::RequestError;
pub(crate) use self::service::Answer;
pub use self::service::{ServiceError, SetupError};
pub use self::session::{ConflictError, GoneError, LimitError};

/// The error of every operation of the store.
///
/// Its `Display` says what happened and what to do about it; the cause, where there is one, is in
/// [`source`](StdError::source). No error holds a session id, a value of a session, or the key of a map in
/// it: it names kinds of values, and fields by their names in the type. A key is shown as `*`.
///
/// An absent session is not an error of `load`, which then returns `Ok(None)`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The session was deleted or revoked, or has expired; nothing was stored.
    Gone(Box<GoneError>),
    /// Another write won, or it is unknown whether this one was applied.
    Conflict(Box<ConflictError>),
    /// The session would be larger than DynamoDB's 400 KB; the stored one is unchanged.
    TooLarge(Box<TooLargeError>),
    /// The item exists, but is not a session of this type; it is unchanged.
    Decode(Box<DecodeError>),
    /// A value cannot be stored in DynamoDB; the stored session is unchanged.
    Encode(Box<EncodeError>),
    /// The value has as many sessions as its consistent index allows.
    Limit(Box<LimitError>),
    /// DynamoDB failed, or could not be reached.
    Service(Box<ServiceError>),
    /// The store or its table is not set up as the session type needs.
    Setup(Box<SetupError>),
    /// The request cannot do this with its session; nothing was stored. Only a framework's session has it.
    #[cfg(feature = "_http")]
    Request(Box<RequestError>),
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
            #[cfg(feature = "_http")]
            Self::Request(e) => e,
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

#[cfg(feature = "_http")]
into_error! {
    Request(RequestError),
}

impl From<NoRandomBytes> for Error {
    fn from(error: NoRandomBytes) -> Self {
        SetupError::with_cause(
            "the operating system gave no random bytes for an id; make its random source available",
            error.0,
        )
        .into()
    }
}
