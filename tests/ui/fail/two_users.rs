//! Two attributes would tell who is logged in.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
    #[dynamo(attr = "email", index, user)]
    email: Option<String>,
    #[dynamo(attr = "tenant", user = true)]
    tenant: Option<String>,
}

fn main() {}
