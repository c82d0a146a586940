//! Errors about values that cannot be stored, or cannot be read.

use std::error::Error as StdError;
use std::fmt;

use super::cause::Cause;
use crate::id::SessionHandle;

/// See [`Error::TooLarge`](crate::Error::TooLarge).
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

/// See [`Error::Encode`](crate::Error::Encode).
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
