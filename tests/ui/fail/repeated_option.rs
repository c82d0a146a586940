use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "app-sessions", table = "sessions")]
#[dynamo(idle_timeout = "10m")]
#[dynamo(idle_timeout = "20m", id = "pk", id = "key")]
#[dynamo(sort_key(name = "sk", value = "A", value = "B"))]
#[dynamo(attr = "one", attr = "two", with = AppSession::one)]
struct AppSession {
    #[dynamo(attr = "user_id", index, attr = "user")]
    #[dynamo(index)]
    user_id: String,
    #[dynamo(attr = "tenant", index(name = "by-tenant", name = "tenants"))]
    tenant: u64,
}

impl AppSession {
    fn one(&self) -> u8 {
        1
    }
}

fn main() {}
