//! A session struct that is deprecated, or has a field that is: its own derive does not use it.

#![deny(warnings)]

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

pub mod old {
    use super::*;

    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(revoke_all)]
    #[deprecated = "use `Session`"]
    pub struct OldSession {
        #[dynamo(attr = "user_id", index(consistent, limit = 2), user)]
        user_id: Option<u64>,
        #[serde(flatten)]
        other: std::collections::BTreeMap<String, u8>,
    }
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
pub struct Session {
    #[deprecated]
    #[dynamo(attr = "user_id", index)]
    user_id: Option<u64>,
    #[deprecated]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[dynamo(attr = "cart")]
    cart: Vec<u8>,
}

fn main() {}
