use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "a", index(consistent, name = "by-a"))]
    a: String,
    #[dynamo(attr = "b", index(consistent, limit = 7_501, on_limit = evict_oldest))]
    b: String,
    #[dynamo(attr = "c", index(consistent, limit = 0, on_limit = reject))]
    c: String,
    #[dynamo(attr = "d", index(limit = 10))]
    d: String,
    #[dynamo(attr = "e", index(on_limit = reject))]
    e: String,
}

fn main() {}
