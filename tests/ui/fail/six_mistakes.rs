use serde::{Deserialize, Serialize};
use session_store::{AsKey, IsIndex, SessionAttributes};

// Six mistakes of six kinds: all are reported in one run, and the query gives no seventh.
#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(tabel = "app-sessions", idle_timeout = "half an hour")]
struct AppSession {
    #[dynamo(attr = "user_id", index(limit = 10))]
    user_id: Option<String>,
    #[dynamo(attr = "data")]
    theme: String,
    #[dynamo(attr = "roles", index, with = first)]
    roles: Vec<String>,
    #[dynamo(attr = "score", index)]
    score: f64,
}

fn first(roles: &Vec<String>) -> Option<&str> {
    roles.first().map(String::as_str)
}

fn sessions<S, I: IsIndex<S>>(_: I, _: impl AsKey<I::Key>) {}

fn main() {
    sessions(AppSession::USER_ID, "u-17");
    sessions(AppSession::ROLES, "admin");
    let _ = AppSession::THEME;
}
