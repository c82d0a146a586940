use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget("email", "e-mail", "mail"))]
#[serde(rename_all = "camelCase")]
struct StillAField {
    #[serde(alias = "mail")]
    email: String,
    #[serde(rename = "e-mail")]
    other: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget("address", "address-shard", "user-roster", "is_admin"))]
#[dynamo(attr = "is_admin", with = StillAnAttribute::is_admin)]
struct StillAnAttribute {
    #[dynamo(attr = "address", index(shards = 2))]
    place: String,
    #[dynamo(attr = "user", index(consistent))]
    person: String,
}

impl StillAnAttribute {
    fn is_admin(&self) -> bool {
        false
    }
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget("id", "version", "pk", "sk"), id = "pk", sort_key(name = "sk", value = "S"))]
struct OfTheStore {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget("email", "", "email"), forget("ip"))]
#[dynamo(forget("ip"))]
struct Twice {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget = "email")]
struct NoList {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget, revoke_all)]
struct Nothing {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget())]
struct Empty {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(forget(email, ip), table = "abc")]
struct NoQuotes {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct OnAField {
    #[dynamo(forget("email"))]
    a: u8,
}

fn main() {}
