//! The events of the audit target `session_store_audit`.

use tracing::Level;

use super::metrics;
use crate::id::SessionHandle;

/// What happened to a session. Each has a name that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Created,
    /// Somebody logged in: under a new id, and with an absolute timeout that begins anew.
    LoggedIn,
    /// The user authenticated again: under a new id.
    Reauthenticated,
    NewId,
    Ended(Ended),
    /// A revocation could not end it: it is still valid.
    NotEnded,
    /// It may not be stored as it is, for this reason.
    Refused(&'static str),
    /// Its item is there, and is no session of the type.
    Unreadable,
    /// It is not known whether a write was carried out.
    UnknownOutcome,
    /// Others wrote first in every attempt.
    ConflictGivenUp,
    /// An id that a session had before it got a new one, and not just now: a copy of the cookie is still in use.
    ReplacedId,
    /// A well-formed id that no session has: it is made up, or its session ended.
    UnknownId,
    /// A cookie that is not one of this application, for this reason.
    #[cfg(feature = "_http")]
    BadCookie(&'static str),
    /// The same of an `Authorization` header.
    #[cfg(feature = "_http")]
    BadToken(&'static str),
}

/// By what a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    LogOut,
    Revocation,
    /// With all others, by `revoke_all_created_before`.
    RevokeAll,
    /// Another one needed its place in a consistent index with a limit.
    Eviction,
    /// A timeout; it was met by a read or a write.
    Expiry,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::LoggedIn => "logged_in",
            Self::Reauthenticated => "reauthenticated",
            Self::NewId => "new_id",
            Self::Ended(_) => "ended",
            Self::NotEnded => "not_ended",
            Self::Refused(_) => "refused",
            Self::Unreadable => "unreadable",
            Self::UnknownOutcome => "unknown_outcome",
            Self::ConflictGivenUp => "conflict_given_up",
            Self::ReplacedId => "replaced_id",
            Self::UnknownId => "unknown_id",
            #[cfg(feature = "_http")]
            Self::BadCookie(_) => "bad_cookie",
            #[cfg(feature = "_http")]
            Self::BadToken(_) => "bad_token",
        }
    }

    /// By what, or why; empty where the name says it all.
    const fn reason(self) -> &'static str {
        match self {
            Self::Ended(Ended::LogOut) => "log_out",
            Self::Ended(Ended::Revocation) => "revocation",
            Self::Ended(Ended::RevokeAll) => "revoke_all",
            Self::Ended(Ended::Eviction) => "eviction",
            Self::Ended(Ended::Expiry) => "expiry",
            Self::Refused(reason) => reason,
            #[cfg(feature = "_http")]
            Self::BadCookie(reason) | Self::BadToken(reason) => reason,
            _ => "",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Created => "a session was created",
            Self::LoggedIn => "somebody logged in",
            Self::Reauthenticated => "a user authenticated again",
            Self::NewId => "a session got a new id",
            Self::Ended(Ended::LogOut) => "a session was ended",
            Self::Ended(Ended::Revocation) => "a session was revoked",
            Self::Ended(Ended::RevokeAll) => "all sessions of before a moment were revoked",
            Self::Ended(Ended::Eviction) => "a session was evicted by a newer one of the same user",
            Self::Ended(Ended::Expiry) => "a session that has expired was asked for",
            Self::NotEnded => "a session could not be revoked, and is still valid",
            Self::Refused(_) => "a session was not stored",
            Self::Unreadable => "a session cannot be read",
            Self::UnknownOutcome => "it is not known whether a session was written",
            Self::ConflictGivenUp => "others wrote to a session first in every attempt",
            Self::ReplacedId => "an id was used that a session had before",
            Self::UnknownId => "an id has no session",
            #[cfg(feature = "_http")]
            Self::BadCookie(_) => "a session cookie was refused",
            #[cfg(feature = "_http")]
            Self::BadToken(_) => "a bearer token was refused",
        }
    }

    const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::NotEnded | Self::Unreadable | Self::UnknownOutcome | Self::ConflictGivenUp
        )
    }
}

/// Logs an event, and counts it.
pub(crate) fn note(event: Event, handle: Option<SessionHandle>) {
    const TARGET: &str = "session_store_audit";
    let (name, reason, message) = (event.name(), event.reason(), event.message());
    metrics::event(name, reason);
    let handle = handle.map(tracing::field::display);
    let reason = (!reason.is_empty()).then_some(reason);
    if event.is_warning() {
        tracing::event!(target: TARGET, Level::WARN, event = name, reason, handle, "{message}");
    } else {
        tracing::event!(target: TARGET, Level::INFO, event = name, reason, handle, "{message}");
    }
}
