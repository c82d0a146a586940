//! What a request cannot do with its session.

use std::error::Error as StdError;
use std::fmt;

/// See [`Error::Request`](crate::Error::Request).
#[derive(Debug)]
pub struct RequestError(Reason);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Answered,
    Withheld,
    InUse,
}

impl RequestError {
    pub(crate) fn answered() -> Self {
        Self(Reason::Answered)
    }

    pub(crate) fn withheld() -> Self {
        Self(Reason::Withheld)
    }

    pub(crate) fn in_use() -> Self {
        Self(Reason::InUse)
    }

    /// The change needs a cookie: a new session, a new id, or another life of the cookie. The head of the
    /// response has been sent, so the client cannot get one.
    pub fn is_after_response(&self) -> bool {
        self.0 == Reason::Answered
    }

    /// The browser calls the request cross-site and has kept its cookie back, so that no session begins
    /// unless the handler asks for one.
    pub fn is_cross_site(&self) -> bool {
        self.0 == Reason::Withheld
    }

    /// An extractor of this request, which is still alive, has the session.
    pub fn is_in_use(&self) -> bool {
        self.0 == Reason::InUse
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Reason::Answered => {
                "the response has begun, so the client can get no cookie any more; begin a session, log in, \
                 or renew its id before the handler responds"
            }
            Reason::Withheld => {
                "no session is begun for a cross-site request, whose visitor may have one; call \
                 `CurrentSession::allow_cross_site` if it is wanted"
            }
            Reason::InUse => {
                "a `CurrentSession` of this request is alive and has the session; take `SharedSession` in its \
                 place, or drop it first"
            }
        })
    }
}

impl StdError for RequestError {}
