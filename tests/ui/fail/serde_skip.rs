use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "a", index)]
    #[serde(skip)]
    a: String,
    #[dynamo(attr = "b")]
    #[serde(skip_serializing, default)]
    b: String,
    #[dynamo(attr = "c", with = Option::clone)]
    #[serde(skip_deserializing)]
    c: Option<String>,
    #[dynamo(attr = "d")]
    #[serde(flatten)]
    d: Inner,
}

#[derive(Clone, Serialize, Deserialize)]
struct Inner {
    e: u8,
}

fn main() {}
