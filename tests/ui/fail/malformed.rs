use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo]
#[dynamo = "app-sessions"]
#[dynamo(table)]
#[dynamo(key_prefix =)]
#[dynamo(idle_timeout = 30)]
#[dynamo(sort_key = "sk")]
#[dynamo(sort_key(name = "sk"))]
#[dynamo(crate = 5)]
#[dynamo("sessions")]
struct AppSession {
    #[dynamo(attr)]
    a: String,
    #[dynamo(attr = user_id)]
    b: String,
    #[dynamo(attr("user_id"))]
    c: String,
    #[dynamo(attr = "d" index)]
    d: String,
    #[dynamo(attr = "e", with = "upper")]
    e: String,
    #[dynamo(attr = "f", with = |f| f)]
    f: String,
    #[dynamo(attr = "g", index, with = upper, key = "String")]
    g: String,
    #[dynamo(attr = "h", index, with = upper, key = 7)]
    h: String,
    #[dynamo(attr = "i", index = "by-i")]
    i: String,
    #[dynamo(attr = "j", index(name))]
    j: String,
    #[dynamo(attr = "k", index(consistent, limit = "ten"))]
    k: String,
    #[dynamo(attr = "l", index(consistent, limit = 2, on_limit = "reject"))]
    l: String,
    #[dynamo(attr = "m", index(consistent = true))]
    m: String,
}

fn upper(text: &String) -> String {
    text.to_uppercase()
}

fn main() {}
