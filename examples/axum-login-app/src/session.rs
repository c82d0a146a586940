//! The part of tower-sessions' map that the store knows.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

/// The store, which finds and ends the sessions of a user.
pub type Store = DynamoDbStore<Visitor>;

/// The keys of the map that the store knows. It keeps the others, such as the note, unchanged.
///
/// `serde(default)` is for maps without these keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "axum-login-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
#[serde(default)]
pub struct Visitor {
    /// The place of the user in axum-login's data. The index is consistent, so that ending the sessions of
    /// a user misses none. By `user`, the store knows a log-in: the absolute timeout then begins anew, and
    /// another user needs a new id.
    #[dynamo(attr = "user_id", with = user_id, key = String, index(consistent, limit = 5), user)]
    #[serde(rename = "axum-login.data")]
    user: Option<Login>,
}

/// The data that axum-login stores under its key, without the hash that it compares with the user's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Login {
    user_id: Option<String>,
}

fn user_id(login: &Option<Login>) -> Option<String> {
    login.as_ref()?.user_id.clone()
}
