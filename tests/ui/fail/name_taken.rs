use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(id = "pk", version = "data", writes = "w", format = "w")]
#[dynamo(sort_key(name = "idle", value = "SESSION"))]
#[dynamo(attr = "theme", with = AppSession::computed)]
struct AppSession {
    #[dynamo(attr = "id")]
    free: String,
    #[dynamo(attr = "pk")]
    taken_by_new_name: String,
    #[dynamo(attr = "expires_at")]
    taken_by_default: String,
    #[dynamo(attr = "theme")]
    theme: String,
    #[dynamo(attr = "theme", index)]
    taken_by_field: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(sort_key(name = "sk", value = "SESSION"))]
struct Shared {
    #[dynamo(attr = "sk")]
    taken_by_sort_key: String,
}

impl AppSession {
    fn computed(&self) -> u8 {
        0
    }
}

fn main() {}
