use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(crate = "not a path")]
struct AppSession {
    a: u8,
}

fn main() {}
