use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(with = AppSession::is_admin)]
struct AppSession {
    #[dynamo(index)]
    user_id: String,
    #[dynamo(index, with = upper, key = String)]
    r#type: String,
}

impl AppSession {
    fn is_admin(&self) -> bool {
        false
    }
}

fn upper(text: &String) -> String {
    text.to_uppercase()
}

fn main() {}
