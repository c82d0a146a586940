//! G15. Situations from public reports: data comes back as it was, or is refused by name before any call.
//!
//! `docs/cases.md` has the thread of each test.

mod deep;
mod hostile;
mod stored;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts<const N: usize>(texts: [(&str, &str); N]) -> BTreeMap<String, String> {
    texts.map(|(key, value)| (text(key), text(value))).into()
}

/// For serde's `with`: an optional number.
mod maybe {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        Option::deserialize(deserializer)
    }
}
