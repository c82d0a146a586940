//! What the derive writes is a part of a program of edition 2021, in which session-store has another name. Nothing of
//! it is called: it compiles.

use serde::{Deserialize, Serialize};
use sessions::SessionAttributes;

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
#[dynamo(crate = sessions, revoke_all)]
#[dynamo(attr = "is_admin", with = Session::is_admin)]
pub struct Session {
    #[dynamo(attr = "user_id", index(consistent, limit = 2), user)]
    user_id: Option<String>,
    #[dynamo(attr = "team", index(shards = 4))]
    team: u64,
    #[dynamo(attr = "theme")]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    theme: String,
}

impl Session {
    fn is_admin(&self) -> bool {
        self.team == 0
    }
}
