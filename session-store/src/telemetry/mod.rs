//! What an operator sees: a span and metrics for each operation and each request, and one event for each thing
//! that happens to a session. docs/operations.md has their names, and what to do about them.
//!
//! Nothing here has a session id, a value of a session, or the text of an answer.

mod event;
pub(crate) mod metrics;
mod operation;

pub(crate) use self::event::{Ended, Event, note};
pub(crate) use self::operation::observe;
