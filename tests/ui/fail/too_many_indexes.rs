use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "a1", index)]
    a1: String,
    #[dynamo(attr = "a2", index)]
    a2: String,
    #[dynamo(attr = "a3", index)]
    a3: String,
    #[dynamo(attr = "a4", index)]
    a4: String,
    #[dynamo(attr = "a5", index)]
    a5: String,
    #[dynamo(attr = "a6", index)]
    a6: String,
    #[dynamo(attr = "a7", index)]
    a7: String,
    #[dynamo(attr = "a8", index)]
    a8: String,
    #[dynamo(attr = "a9", index)]
    a9: String,
    #[dynamo(attr = "a10", index)]
    a10: String,
    #[dynamo(attr = "a11", index)]
    a11: String,
    #[dynamo(attr = "a12", index)]
    a12: String,
    #[dynamo(attr = "a13", index)]
    a13: String,
    #[dynamo(attr = "a14", index)]
    a14: String,
    #[dynamo(attr = "a15", index)]
    a15: String,
    #[dynamo(attr = "a16", index)]
    a16: String,
    #[dynamo(attr = "a17", index)]
    a17: String,
    #[dynamo(attr = "a18", index)]
    a18: String,
    #[dynamo(attr = "a19", index)]
    a19: String,
    #[dynamo(attr = "a20", index)]
    a20: String,
    #[dynamo(attr = "a21", index)]
    a21: String,
    #[dynamo(attr = "a22", index)]
    a22: String,
}

fn main() {}
