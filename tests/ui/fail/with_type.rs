use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "is_admin", with = AppSession::is_admin)]
#[dynamo(attr = "shard", with = AppSession::shard, index, key = u64)]
#[dynamo(attr = "absent", with = AppSession::absent)]
struct AppSession {
    #[dynamo(attr = "roles", with = first)]
    roles: Vec<u8>,
}

impl AppSession {
    fn is_admin(&self) -> Option<f64> {
        None
    }

    fn shard(&self) -> String {
        String::new()
    }
}

fn first(list: &Vec<String>) -> Option<&str> {
    list.first().map(String::as_str)
}

fn main() {}
