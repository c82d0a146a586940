//! How requests and responses carry the session id: in a cookie, or in a header.
//!
//! # The cookies of a layer
//!
//! Cookies have no compare-and-set. A browser takes each `Set-Cookie` in the order in which the responses
//! arrive, which is not the order in which the requests were handled, and a response cannot say "only if
//! you still have that value". So one cookie for everything would let an older answer undo a newer one.
//! A layer whose full name is `N` (with its prefix) has four kinds, so that each can change alone:
//!
//! | cookie | value | set when |
//! |---|---|---|
//! | `N` | the id | a session gets an id |
//! | `N-version` | the version that the next load must see; only if the layer signs | the session was written |
//! | `N-login-..` | the id, and the time of the log-in | somebody logs in, or that session gets a new id |
//! | `N-out` | 1; only if the layer signs | somebody logs out. A log-in removes it |
//!
//! **`N-version`** is apart from the id, because it changes with every write. In one cookie, the answer to
//! a slow request would bring back an old id together with its version. Its signature also covers the
//! handle of the session, so it counts for that session only: beside another id it does not verify, and is
//! ignored. A session without a known version is read consistently.
//!
//! **`N-login-..`** keeps a log-in from being undone. A page sends several requests at once. One of them was
//! begun without a session, and creates an anonymous one. Another logs in. If the answer of the first
//! arrives last, it overwrites `N` with the id of the anonymous session. So does a late answer
//! that renews an older id, and the late answer to an earlier log-out removes `N`. None of them meets the
//! cookie of the log-in, since its name ends with some characters of the session's handle, and no other session has that
//! name. That of the last log-in is read before `N`; one of an earlier log-in does not count. They count for one hour, which is
//! longer than any request takes; until then, a request that has another id in `N` gets `N` again. When such
//! a session is no longer stored, the next answer removes its cookie. As long as there is anything under its
//! id, a log-out has to send it: another request can still be about to renew it.
//!
//! **`N-out`** keeps a log-out from being undone where a session can be shown that has ended: by another host from its
//! memory, or by a stale read. The late answer to a request of before brings `N` and `N-version` back. With `N-out`
//! beside them, for one hour, no version counts, so that the session is read as one without a version.
//!
//! # Signatures
//!
//! `N` and `N-login-..` are signed as `<name>=<value>`, so a value is good under its own name only. `N-version`
//! is signed as `<name>=<handle>.<version>`. A signed value is `<signature><value>`, and the signature is
//! 44 characters that end in `=`. No id has `=` there, so signed and unsigned values are never confused.
//!
//! Earlier builds signed the value alone, or had the version in `N`, as `<id>.<version>`. Both are read, and
//! never written.

mod bearer;
mod carrier;
mod check;
mod credential;
#[cfg(feature = "test-util")]
mod for_tests;
mod header;
mod keys;
mod read;
mod settings;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use self::carrier::Carrier;
pub use self::credential::Via;
pub(crate) use self::credential::{Credential, CredentialUpdate, IdUpdate, MAX_TRIED, Sent};
pub(crate) use self::header::mark_sensitive;
pub use self::settings::SessionCookie;
pub use cookie::{Key as SigningKey, SameSite};
