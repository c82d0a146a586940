//! An attribute of serde that the derive cannot read. Serde reports some of them as well.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(rename_all = "Camel")]
struct Rule {
    #[serde(rename = concat!("user", "_id"))]
    user_id: String,
    #[serde(renamed = "org")]
    tenant: String,
    #[serde(skip_serializing_if = "|text| text.is_empty()")]
    theme: String,
    #[serde(rename(serialise = "lang"))]
    lang: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Syntax {
    #[serde(rename => "user_id")]
    user_id: String,
    #[serde(flatten = "yes")]
    inner: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Empty {
    #[serde(rename = "")]
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct EmptyAlias {
    #[serde(alias = "")]
    tenant: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(rename_all = "PascalCase")]
struct EmptyByRule {
    __: u8,
}

fn main() {}
