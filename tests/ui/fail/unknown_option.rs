use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(tabel = "app-sessions", idle_timout = "30m", colour = "red")]
#[dynamo(sort_key(name = "sk", valeu = "SESSION"))]
struct AppSession {
    #[dynamo(atr = "user_id", index)]
    user_id: String,
    #[dynamo(attr = "tenant", indx)]
    tenant: u64,
    #[dynamo(attr = "device", index(nam = "by-device"))]
    device: String,
    #[dynamo(attr = "region", index(consistent, limit = 3, on_limit = evict))]
    region: String,
    #[dynamo(attr = "theme", table = "themes")]
    theme: String,
    #[dynamo(rename = "lang")]
    lang: String,
}

fn main() {}
