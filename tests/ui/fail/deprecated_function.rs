// The derive hides no warning about a function of the user's.

#![deny(warnings)]

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[deprecated]
fn is_admin(_: &Session) -> bool {
    false
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "is_admin", with = is_admin)]
pub struct Session {
    user_id: u64,
}

fn main() {}
