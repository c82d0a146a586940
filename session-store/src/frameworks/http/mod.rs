//! The session of an HTTP request, for any framework with typed requests: where it is kept, when it is
//! stored, and how its id travels.

mod config;
pub(crate) mod cookie;
mod cross_site;
mod ending;
pub(crate) mod policy;
mod request_session;
pub(crate) mod scope;
mod slot;

pub(crate) use self::config::{SessionConfig, Tasks};
pub(crate) use self::request_session::{Current, RequestSession, Snapshot, again};
pub(crate) use self::slot::{LendError, Loan, Outcome, Slot};
