//! What can go wrong, each kind with what its handler needs to know.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::id::SessionHandle;

/// An error as another library gave it.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

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

/// See [`Error::Gone`].
#[derive(Debug)]
pub struct GoneError {
    pub(crate) handle: SessionHandle,
    pub(crate) expired: bool,
}

impl GoneError {
    /// The session that is gone.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Whether it ended by a timeout; otherwise its item is not there any more.
    pub fn is_expired(&self) -> bool {
        self.expired
    }
}

impl fmt::Display for GoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.expired {
            "has expired"
        } else {
            "was ended"
        };
        write!(
            f,
            "session {} {how}, and nothing was stored; go on as without a session, or create a new one",
            self.handle
        )
    }
}

impl StdError for GoneError {}

/// See [`Error::Conflict`].
#[derive(Debug)]
pub struct ConflictError {
    pub(crate) handle: SessionHandle,
    pub(crate) attempts: u32,
    pub(crate) outcome_unknown: bool,
}

impl ConflictError {
    /// The session that was to be written.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// How often the write was tried.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the write may have been applied. `false` means that it certainly was not.
    pub fn outcome_unknown(&self) -> bool {
        self.outcome_unknown
    }
}

impl fmt::Display for ConflictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            handle, attempts, ..
        } = self;
        if self.outcome_unknown {
            write!(
                f,
                "a response was lost, and other writes to session {handle} came between: whether \
                 this write was applied is unknown; load the session again to see"
            )
        } else {
            write!(
                f,
                "session {handle} was changed by others during all of {attempts} attempts, and \
                 this write was not applied; load the session and try again"
            )
        }
    }
}

impl StdError for ConflictError {}

/// See [`Error::TooLarge`].
#[derive(Debug)]
pub struct TooLargeError {
    pub(crate) size: Option<usize>,
    pub(crate) largest: Vec<(String, usize)>,
}

impl TooLargeError {
    /// The largest item that DynamoDB takes, in bytes, names included.
    pub const LIMIT: usize = 400 * 1024;

    /// The size the item would have had, in bytes as DynamoDB counts them.
    ///
    /// `None` where DynamoDB itself refused it, since it does not tell.
    pub fn size(&self) -> Option<usize> {
        self.size
    }

    /// The largest fields of the session with their sizes in bytes, largest first, at most five.
    pub fn largest(&self) -> &[(String, usize)] {
        &self.largest
    }
}

impl fmt::Display for TooLargeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Some(size) => write!(f, "the session would take {size} bytes")?,
            None => f.write_str("the session would be too large")?,
        }
        write!(f, ", and DynamoDB allows {}; keep less in", Self::LIMIT)?;
        for (n, (name, size)) in self.largest.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma} `{name}` ({size} bytes)")?;
        }
        Ok(())
    }
}

impl StdError for TooLargeError {}

/// See [`Error::Decode`].
#[derive(Debug)]
pub struct DecodeError {
    pub(crate) handle: Option<SessionHandle>,
    pub(crate) path: String,
    pub(crate) cause: Cause,
}

impl DecodeError {
    pub(crate) fn new(
        handle: SessionHandle,
        path: impl Into<String>,
        cause: impl Into<Cause>,
    ) -> Self {
        Self {
            handle: Some(handle),
            path: path.into(),
            cause: cause.into(),
        }
    }

    /// The session whose item is unreadable, where its key is one of a session.
    pub fn handle(&self) -> Option<SessionHandle> {
        self.handle
    }

    /// Where: a path within the session such as `cart[3].qty`, or the name of an attribute of the
    /// item that the store itself keeps.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the item ")?;
        if let Some(handle) = self.handle {
            write!(f, "of session {handle} ")?;
        }
        write!(
            f,
            "cannot be read at `{}`, and was left as it is; give the field a `#[serde(default)]` \
             or an `alias` if the type changed, or delete the session",
            self.path
        )
    }
}

impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// See [`Error::Encode`].
#[derive(Debug)]
pub struct EncodeError {
    pub(crate) path: String,
    pub(crate) cause: Cause,
}

impl EncodeError {
    pub(crate) fn new(path: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self {
            path: path.into(),
            cause: cause.into(),
        }
    }

    /// Where: a path within the session such as `cart[3].qty`, or the name of a promoted attribute.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot be stored in DynamoDB, and nothing was written; change its value or its type",
            self.path
        )
    }
}

impl StdError for EncodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// See [`Error::Limit`].
#[derive(Debug)]
pub struct LimitError {
    pub(crate) index: &'static str,
    pub(crate) limit: u32,
}

impl LimitError {
    /// The attribute of the index whose limit was reached.
    pub fn index(&self) -> &'static str {
        self.index
    }

    /// How many sessions it allows for one value.
    pub fn limit(&self) -> u32 {
        self.limit
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "index `{}` allows {} sessions of one value; end one of them first",
            self.index, self.limit
        )
    }
}

impl StdError for LimitError {}

/// See [`Error::Service`].
#[derive(Clone, Debug)]
pub struct ServiceError {
    pub(crate) operation: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) throttled: bool,
    pub(crate) timeout: bool,
    pub(crate) retryable: bool,
    pub(crate) outcome_unknown: bool,
    pub(crate) hint: String,
    /// Shared by all who waited for the same read.
    pub(crate) cause: Arc<dyn StdError + Send + Sync>,
}

impl ServiceError {
    /// The DynamoDB operation that failed, such as `UpdateItem`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The error code that DynamoDB gave, such as `ResourceNotFoundException`; none if it did not answer.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether DynamoDB refused the call because there were too many.
    pub fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// Whether a time-out of the client ended the call.
    pub fn is_timeout(&self) -> bool {
        self.timeout
    }

    /// Whether the same call can succeed later. The SDK has already tried more than once.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Whether a write may have been applied all the same: it was sent, and no answer came that
    /// says otherwise. Of a read it has no meaning.
    pub fn outcome_unknown(&self) -> bool {
        self.outcome_unknown
    }

    /// The id of the request, for AWS support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.operation)?;
        if let Some(code) = &self.code {
            write!(f, " with {code}")?;
        }
        write!(f, ": {}", self.hint)
    }
}

impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// See [`Error::Setup`].
#[derive(Debug)]
pub struct SetupError {
    message: String,
    ttl_unsupported: bool,
    cause: Option<Cause>,
}

impl SetupError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ttl_unsupported: false,
            cause: None,
        }
    }

    pub(crate) fn with_cause(message: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(message)
        }
    }

    pub(crate) fn ttl_unsupported(cause: impl Into<Cause>) -> Self {
        Self {
            ttl_unsupported: true,
            ..Self::with_cause(
                "the table and its indexes are usable, but this engine has no TTL: expired \
                 sessions are refused as ever, and their items stay until you delete them",
                cause,
            )
        }
    }

    pub(crate) fn no_random_bytes(cause: getrandom::Error) -> Self {
        Self::with_cause(
            "the operating system gave no random bytes for a session id",
            cause,
        )
    }

    /// Whether all that is missing is the engine's support for TTL. The store works without it.
    pub fn is_ttl_unsupported(&self) -> bool {
        self.ttl_unsupported
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for SetupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}
