//! Errors about a session that is gone, in conflict, or one too many.

use std::error::Error as StdError;
use std::fmt;

use crate::id::SessionHandle;

/// See [`Error::Gone`](crate::Error::Gone).
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

    /// Whether it ended by a timeout. If not, its item no longer exists.
    pub fn is_expired(&self) -> bool {
        self.expired
    }
}

impl fmt::Display for GoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.expired {
            "has expired"
        } else {
            "no longer exists"
        };
        write!(
            f,
            "session {} {how}, and nothing was stored; treat the request as having no session, or \
             create a new one",
            self.handle
        )
    }
}

impl StdError for GoneError {}

/// See [`Error::Conflict`](crate::Error::Conflict).
#[derive(Debug)]
pub struct ConflictError {
    pub(crate) handle: SessionHandle,
    pub(crate) attempts: u32,
    pub(crate) outcome_unknown: bool,
}

impl ConflictError {
    /// Other writes won all of these attempts, and this one was certainly not applied.
    pub(crate) fn new(handle: SessionHandle, attempts: u32) -> Self {
        Self {
            handle,
            attempts,
            outcome_unknown: false,
        }
    }

    /// The session that the write was for.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// The number of attempts to write.
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
                "a response was lost, and others wrote to session {handle}, so it is unknown \
                 whether this write was applied; load the session again to see"
            )
        } else {
            write!(
                f,
                "others wrote to session {handle} first in all of {attempts} attempts, and this \
                 write was not applied; load the session and try again"
            )
        }
    }
}

impl StdError for ConflictError {}

/// See [`Error::Limit`](crate::Error::Limit).
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
            "the value already has as many sessions as index `{}` allows, {}; end one of them first",
            self.index, self.limit
        )
    }
}

impl StdError for LimitError {}
