use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, Serializer};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "user_id", index)]
    #[serde(with = "lower_case")]
    user_id: String,
    #[dynamo(attr = "tenant", index(consistent, limit = 1))]
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    tenant: Option<u64>,
    // Its key is written as the field is.
    #[dynamo(attr = "device", index)]
    #[serde(deserialize_with = "lower_case::deserialize")]
    device: String,
    // The function decides.
    #[dynamo(attr = "team", index, with = String::clone, key = String)]
    #[serde(with = "lower_case")]
    team: String,
    // No index: the attribute has the form of the entry.
    #[dynamo(attr = "roles")]
    #[serde(serialize_with = "as_count")]
    roles: BTreeSet<String>,
}

mod lower_case {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_lowercase())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(String::deserialize(deserializer)?.to_lowercase())
    }
}

fn as_text<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:?}"))
}

fn as_count<S: Serializer>(value: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(value.len() as u64)
}

fn main() {}
