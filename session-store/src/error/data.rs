//! Errors about values that cannot be stored or read.

use std::error::Error as StdError;
use std::fmt;

use super::cause::Cause;
use crate::id::SessionHandle;

/// See [`Error::TooLarge`](crate::Error::TooLarge).
#[derive(Debug)]
pub struct TooLargeError {
    pub(crate) size: Option<usize>,
    pub(crate) limit: usize,
    pub(crate) largest: Vec<(String, usize)>,
}

impl TooLargeError {
    /// The size of the largest item that DynamoDB accepts, in bytes, names included.
    pub const LIMIT: usize = 400 * 1024;

    /// The size that the item would have had, in bytes as DynamoDB counts them.
    ///
    /// `None` if DynamoDB itself refused the item, since its error does not give the size.
    pub fn size(&self) -> Option<usize> {
        self.size
    }

    /// The largest size that this write could have had, in bytes: [`LIMIT`](Self::LIMIT), or less by
    /// [`max_size`](crate::Builder::max_size), or because room is kept for a log-in.
    pub fn limit(&self) -> usize {
        self.limit
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
        let by = match self.limit {
            Self::LIMIT => "DynamoDB",
            _ => "this store",
        };
        write!(f, ", and {by} allows {}; store less in", self.limit)?;
        for (n, (name, size)) in self.largest.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma} `{name}` ({size} bytes)")?;
        }
        Ok(())
    }
}

impl StdError for TooLargeError {}

/// See [`Error::Decode`](crate::Error::Decode).
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

    /// The same error for a second caller, without its cause.
    #[cfg(feature = "_http")]
    pub(crate) fn again(&self) -> Self {
        Self {
            handle: self.handle,
            path: self.path.clone(),
            cause: "it could not be read before".into(),
        }
    }

    /// A roster that another program has changed.
    pub(crate) fn of_roster(path: impl Into<String>) -> Self {
        Self {
            handle: None,
            path: path.into(),
            cause: "it is not a map of sessions".into(),
        }
    }

    /// The session whose item cannot be decoded; `None` if the item's key is not that of a session.
    pub fn handle(&self) -> Option<SessionHandle> {
        self.handle
    }

    /// The path of the value: a path within the session such as `cart[3].qty`, or the name of an attribute
    /// that the store itself keeps. The key of a map, which can be a value of the session, is `*`.
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
            "cannot be decoded at `{}`, and is unchanged; if the type changed, give the field a \
             `#[serde(default)]` or `#[serde(alias)]`, otherwise delete the session",
            self.path
        )
    }
}

impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// See [`Error::Encode`](crate::Error::Encode).
#[derive(Debug)]
pub struct EncodeError {
    pub(crate) path: String,
    pub(crate) cause: Cause,
    refusal: Refusal,
}

/// Why a session is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NoSuchValue,
    NeedsNewId,
    NotTheUser,
    BeginsWithAnId,
}

impl EncodeError {
    pub(crate) fn new(path: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self {
            path: path.into(),
            cause: cause.into(),
            refusal: Refusal::NoSuchValue,
        }
    }

    /// A session that would get another user and keep its id.
    pub(crate) fn of_new_user(attribute: &str) -> Self {
        let cause = "somebody may know the id, and would be logged in as this user";
        Self {
            refusal: Refusal::NeedsNewId,
            ..Self::new(attribute, cause)
        }
    }

    /// A save that cannot store what begins with a new id.
    pub(crate) fn of_absolute_timeout(attribute: &str) -> Self {
        let cause = "an absolute timeout begins with a new id";
        Self {
            refusal: Refusal::BeginsWithAnId,
            ..Self::new(attribute, cause)
        }
    }

    /// A re-authentication of a session that has no user, or has another one by now.
    pub(crate) fn of_no_user(attribute: &str) -> Self {
        let cause = "only the user who is logged in can authenticate again";
        Self {
            refusal: Refusal::NotTheUser,
            ..Self::new(attribute, cause)
        }
    }

    pub(crate) fn is_not_the_user(&self) -> bool {
        self.refusal == Refusal::NotTheUser
    }

    pub(crate) fn needs_new_id(&self) -> bool {
        self.refusal == Refusal::NeedsNewId
    }

    /// The path of the value: a path within the session such as `cart[3].qty`, or the name of a promoted
    /// attribute. The key of a map, which can be a value of the session, is `*`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, fix) = match self.refusal {
            Refusal::NoSuchValue => (
                "cannot be stored in DynamoDB",
                "change its value or its type",
            ),
            Refusal::NeedsNewId => (
                "names another user, and the session needs a new id",
                "call `log_in`, or `cycle_id`, in place of `save` or `update`; with tower-sessions, \
                 `Session::cycle_id` before it; with actix-session, `Session::renew`",
            ),
            Refusal::BeginsWithAnId => (
                "is the session's own absolute timeout, and is not changed by a save",
                "call `log_in`, or `cycle_id`, in place of `save` or `update`",
            ),
            Refusal::NotTheUser => (
                "does not name the user who is logged in",
                "call `log_in` in place of `reauthenticated`",
            ),
        };
        write!(f, "`{}` {what}, and nothing was written; {fix}", self.path)
    }
}

impl StdError for EncodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}
