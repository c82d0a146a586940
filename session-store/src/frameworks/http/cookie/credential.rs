//! What a request says of its session, and what a response changes of it.

use std::time::SystemTime;

use crate::id::{SessionHandle, SessionId};

/// How a client sends its session id, and gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// In a cookie, as browsers do.
    Cookie,
    /// In the header `Authorization: Bearer <id>`; a new id is in the header `Session-Id`.
    Bearer,
}

/// How many ids of one request are kept: a log-out ends them all.
pub(super) const MAX_CREDENTIALS: usize = 16;

/// How many of them are tried. Each can cost a read.
pub(crate) const MAX_TRIED: usize = 4;

/// What a request says of its session.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The ids to try, in this order, without duplicates.
    pub(crate) credentials: Vec<Credential>,
    /// The sessions whose cookies of a log-in do not count any more.
    pub(crate) over: Vec<SessionHandle>,
    /// The client has logged out a while ago, and not logged in again.
    pub(crate) has_logged_out: bool,
    /// How the client sends ids; `None` if the request has no id. A bearer token that is no id still shows
    /// how the client sends them.
    pub(crate) via: Option<Via>,
}

/// A session id, and the last written version, as the client sent them.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) id: SessionId,
    /// Only a layer that signs its cookies has versions.
    pub(crate) version: Option<u64>,
    /// Whether it came in the cookie itself, or as a bearer token.
    pub(crate) in_session_cookie: bool,
    /// When somebody logged in with it, if it came in the cookie of a log-in.
    pub(crate) logged_in_at: Option<SystemTime>,
}

/// Changes of what the client holds. Each part can change alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialUpdate {
    /// An id that is set without a version takes the version from the client, so that the next load is a
    /// consistent one. Set the same id again after a write whose version is not known.
    pub(crate) id: Option<IdUpdate>,
    /// The version that the next load of the session of this handle must see; `None` if it is not known.
    pub(crate) version: Option<(SessionHandle, Option<u64>)>,
    /// The sessions whose cookies of a log-in are over.
    pub(crate) over: Vec<SessionHandle>,
    /// Whether the client is to know that it has logged out, if that changes.
    pub(crate) has_logged_out: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) enum IdUpdate {
    /// The client gets this id.
    Set {
        id: SessionId,
        /// When the session ends for certain.
        ends: SystemTime,
        /// Whether the browser keeps it when it is closed; `None` is as the cookie's settings say.
        persistent: Option<bool>,
        /// When somebody logged in with it, if it gets the cookie of a log-in too.
        logged_in_at: Option<SystemTime>,
    },
    /// The client loses its id.
    Remove,
}
