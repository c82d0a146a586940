use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "user-id", with = AppSession::computed)]
struct AppSession {
    #[dynamo(attr = "user", index)]
    user_id: String,
    #[dynamo(attr = "sort")]
    kind: String,
    #[dynamo(attr = "other")]
    Kind: String,
}

impl AppSession {
    fn computed(&self) -> u8 {
        0
    }
}

fn main() {}
