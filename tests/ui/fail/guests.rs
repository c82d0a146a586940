//! Timeouts of sessions without a user.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(guest_idle_timeout = "10m")]
struct NobodyIsUser {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(guest_idle_timeout = "1h")]
struct IdleLongerThanThatOfUsers {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(absolute_timeout = "8h", guest_absolute_timeout = "1d")]
struct AbsoluteLongerThanThatOfUsers {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(guest_idle_timeout = "20m", guest_absolute_timeout = "10m")]
struct IdleLongerThanAbsolute {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(guest_absolute_timeout = "0s")]
struct NoTime {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(guests_idle_timeout = "10m")]
struct Misspelt {
    #[dynamo(attr = "user_id", index, user)]
    user_id: Option<String>,
}

/// Written by hand.
mod by_hand {
    use session_store::{Attribute, Schema};
    use std::time::Duration;

    const ATTRIBUTES: &[Attribute] = &[Attribute::index::<Option<String>>("user_id")];

    const NOBODY: Schema = Schema::new("sessions")
        .attributes(ATTRIBUTES)
        .guest_idle_timeout(Duration::from_secs(60))
        .checked();
}

fn main() {}
