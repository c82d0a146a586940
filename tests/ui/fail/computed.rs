use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "is_admin")]
#[dynamo(attr = "is_guest", with = AppSession::is_guest, table = "app-sessions", id = "pk")]
#[dynamo(attr = "shard", index, with = AppSession::shard)]
struct AppSession {
    user_id: Option<String>,
}

impl AppSession {
    fn is_guest(&self) -> bool {
        self.user_id.is_none()
    }

    fn shard(&self) -> u8 {
        0
    }
}

fn main() {}
