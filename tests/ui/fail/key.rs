use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "roles", index, with = first)]
    roles: Vec<String>,
    #[dynamo(attr = "teams", with = first, key = String)]
    teams: Vec<String>,
    #[dynamo(attr = "user_id", index, key = String)]
    user_id: Option<String>,
    #[dynamo(attr = "theme", key = String)]
    theme: String,
}

fn first(list: &Vec<String>) -> Option<&str> {
    list.first().map(String::as_str)
}

fn main() {}
