use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

use std::collections::HashMap;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "level", index, with = AppSession::level, key = Option<u8>)]
struct AppSession {
    #[dynamo(attr = "score", index)]
    score: f64,
    #[dynamo(attr = "beta", index)]
    beta: Option<f32>,
    #[dynamo(attr = "carts", index(name = "by-cart"))]
    carts: HashMap<String, u32>,
    #[dynamo(attr = "user", index)]
    user: UserId,
}

#[derive(Clone, Serialize, Deserialize)]
struct UserId(String);

impl AppSession {
    fn level(&self) -> Option<u8> {
        None
    }
}

fn main() {}
