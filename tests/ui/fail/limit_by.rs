use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "a", index(consistent, limit = 5, limit_by = AppSession::seats))]
    a: String,
    #[dynamo(attr = "b", index(consistent, limit_by = of_field))]
    b: String,
    #[dynamo(attr = "c", index(consistent, limit_by = AppSession::perhaps))]
    c: String,
    #[dynamo(attr = "d", index(consistent, limit_by = AppSession::absent))]
    d: String,
}

impl AppSession {
    fn seats(&self) -> u64 {
        5
    }

    fn perhaps(&self) -> Option<u32> {
        None
    }
}

fn of_field(b: &String) -> u32 {
    b.len() as u32
}

fn main() {}
