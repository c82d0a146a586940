//! What an operator sees: the log, the spans, the audit events and the metrics.
//!
//! Each test has a runtime on its own thread, and captures what that thread writes.

mod cookies;
mod docs;
mod endings;
mod events;
mod failures;
mod logs;
mod measures;
mod secrets;
mod spans;
mod watch;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

/// With a consistent index, whose limit evicts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 2), user)]
    user_id: Option<String>,
    visits: u64,
    text: String,
}

impl App {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            ..Self::default()
        }
    }
}

/// Without an index.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m")]
struct Plain {
    visits: u64,
    text: String,
}
