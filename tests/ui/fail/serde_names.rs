use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[serde(rename(serialize = "user", deserialize = "uid"))]
    user_id: String,
    #[serde(rename(deserialize = "org"))]
    tenant: String,
    #[serde(rename(serialize = "lang", deserialize = "lang"))]
    fine: String,
    #[serde(rename = "fine_too", alias = "fine_too", alias = "finer")]
    also_fine: String,
    #[serde(rename = "cart")]
    basket: String,
    cart: String,
    #[serde(alias = "locale")]
    region: String,
    #[serde(alias = "locale")]
    country: String,
    #[serde(rename = "region")]
    area: String,
}

fn main() {}
