//! Errors about a session that is gone, in conflict, or one too many.

use std::error::Error as StdError;
use std::fmt;

use crate::id::SessionHandle;

/// See [`Error::Gone`](crate::Error::Gone).
#[derive(Debug)]
pub struct GoneError {
    handle: SessionHandle,
    reason: Reason,
    /// An attempt without an answer may have stored the change before.
    pub(crate) may_have_been_applied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Absent,
    Expired,
    Replaced,
}

impl GoneError {
    pub(crate) fn new(handle: SessionHandle) -> Self {
        Self::of(handle, Reason::Absent)
    }

    pub(crate) fn expired(handle: SessionHandle) -> Self {
        Self::of(handle, Reason::Expired)
    }

    pub(crate) fn replaced(handle: SessionHandle) -> Self {
        Self::of(handle, Reason::Replaced)
    }

    /// The same for a write of which an earlier attempt got no answer.
    pub(crate) fn after_lost_response(self, may_have_been_applied: bool) -> Self {
        Self {
            may_have_been_applied,
            ..self
        }
    }

    fn of(handle: SessionHandle, reason: Reason) -> Self {
        Self {
            handle,
            reason,
            may_have_been_applied: false,
        }
    }

    /// The session that is gone.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Whether it ended by a timeout. If not, its item no longer exists.
    pub fn is_expired(&self) -> bool {
        self.reason == Reason::Expired
    }

    /// Whether it got a new id a moment ago, by another request: the session lives, but this id and its
    /// handle are no longer valid. The client has the new id, or will get it with another response, so do not
    /// give it one for this request.
    pub fn is_replaced(&self) -> bool {
        self.reason == Reason::Replaced
    }
}

impl fmt::Display for GoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (how, fix) = match self.reason {
            Reason::Absent => ("no longer exists", "or create a new one"),
            Reason::Expired => ("has expired", "or create a new one"),
            Reason::Replaced => ("has a new id", "and do not create one"),
        };
        write!(
            f,
            "session {} {how}, and nothing was stored; treat the request as having no session, {fix}",
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
