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
    #[dynamo(attr = "f", index(limit_by = AppSession::seats))]
    f: String,
    #[dynamo(attr = "g", index(consistent, limit = 0, limit_by = AppSession::seats))]
    g: String,
    #[dynamo(attr = "h", index(consistent, limit_by = "seats"))]
    h: String,
    #[dynamo(attr = "i", index(consistent, limit_by))]
    i: String,
    #[dynamo(attr = "j", index(consistent, limit = 2, limit_by = 3))]
    j: String,
    #[dynamo(attr = "k", index(consistent), limit_by = AppSession::seats)]
    k: String,
}

impl AppSession {
    fn seats(&self) -> u32 {
        1
    }
}

fn main() {}
