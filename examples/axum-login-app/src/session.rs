//! What the store knows of the map that tower-sessions keeps.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

/// The store, by which the sessions of a user are found and ended.
pub type Store = DynamoDbStore<Visitor>;

/// The keys of the map that the store has a use for; others, such as the note, it keeps as they are.
///
/// `serde(default)` is for the maps that do not have them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "axum-login-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
#[serde(default)]
pub struct Visitor {
    /// Where axum-login keeps who is logged in. The index is consistent, so that ending the sessions
    /// of a user misses none.
    #[dynamo(attr = "user_id", with = user_id, key = String, index(consistent, limit = 5))]
    #[serde(rename = "axum-login.data")]
    user: Option<Login>,
}

/// What axum-login stores under its key, but for the hash that it compares with the user's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Login {
    user_id: Option<String>,
}

fn user_id(login: &Option<Login>) -> Option<String> {
    login.as_ref()?.user_id.clone()
}
