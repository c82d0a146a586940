//! Errors of DynamoDB, of the connection to it, and of the setup.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::cause::Cause;

/// See [`Error::Service`](crate::Error::Service).
///
/// Neither it nor its [`source`](StdError::source) has the body of an answer, which can hold the items of
/// sessions. The source is an error of the SDK only if DynamoDB gave no answer.
#[derive(Clone, Debug)]
pub struct ServiceError {
    pub(crate) operation: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) throttled: bool,
    pub(crate) timeout: bool,
    pub(crate) retryable: bool,
    pub(crate) outcome_unknown: bool,
    /// The sentence of AWS, if it cannot quote a value of a session.
    pub(crate) message: Option<Box<str>>,
    pub(crate) advice: Box<str>,
    /// An [`Answer`], or an error of the SDK that has no body. Shared by all loads that waited for the same
    /// read.
    pub(crate) cause: Arc<dyn StdError + Send + Sync>,
}

impl ServiceError {
    /// The DynamoDB operation that failed, such as `UpdateItem`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The error code that DynamoDB gave, such as `ResourceNotFoundException`; `None` without a response.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// AWS's own sentence about the failure, such as which policy refused it. `None` without a response, and for
    /// a code whose sentences can quote a value of the session, such as `ValidationException`.
    ///
    /// It can name the account, roles and keys: it is for the log, and not for a visitor.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Whether DynamoDB throttled the call.
    pub fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// Whether a time-out of the client ended the call.
    pub fn is_timeout(&self) -> bool {
        self.timeout
    }

    /// Whether the same call can succeed later, without a change to the table, the account or the program. The
    /// SDK has already tried more than once.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Whether a write may have been applied: it was sent, and no response says that it failed. For a read,
    /// this has no meaning.
    pub fn outcome_unknown(&self) -> bool {
        self.outcome_unknown
    }

    /// Whether it is the failure of a write that may have been applied.
    pub(crate) fn may_have_written(&self) -> bool {
        let is_read = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&self.operation)
            || self.operation.starts_with("Describe");
        self.outcome_unknown && !is_read
    }

    /// What kind of failure it is, in a word that stays.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self {
                throttled: true, ..
            } => "throttled",
            Self { timeout: true, .. } => "timeout",
            Self {
                retryable: true, ..
            } => "unavailable",
            _ => "refused",
        }
    }

    /// The id of the request, for AWS support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

/// An answer that is an error, without its body: the source of a [`ServiceError`].
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    /// Why it is none of DynamoDB's.
    pub(crate) flaw: Option<&'static str>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "the answer had HTTP status {status}")?,
            None => f.write_str("the answer was an error")?,
        }
        match self.flaw {
            Some(flaw) => write!(f, ", and {flaw}"),
            None => Ok(()),
        }
    }
}

impl StdError for Answer {}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.operation)?;
        if let Some(code) = &self.code {
            write!(f, " with {code}")?;
        }
        // The sentence of AWS comes first: the advice is this crate's reading of it.
        if let Some(message) = &self.message {
            write!(f, ": {}", message.trim_end_matches('.'))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        write!(f, ": {}", self.advice)
    }
}

impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// See [`Error::Setup`](crate::Error::Setup).
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
                "the table and its indexes are ready, but this engine has no TTL; the store still \
                 refuses expired sessions, but delete their items yourself",
                cause,
            )
        }
    }

    /// Whether only the engine's support for TTL is missing. The store works without it.
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
