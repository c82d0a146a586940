//! The table and the engines: what the store creates, verifies and refuses.

mod aws_errors;
mod differences;
mod differential;
mod embedded;
mod endpoints;
mod errors;
mod file;
mod futures;
mod provision;
mod round_trips;
mod runtimes;
mod settings;
mod snapshots;
mod table;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    visits: u64,
}

impl App {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            visits: 0,
        }
    }
}
