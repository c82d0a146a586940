use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

mod other {
    pub struct Duration {
        pub secs: u64,
    }
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(remote = "other::Duration")]
struct Remote {
    secs: u64,
}

fn main() {}
