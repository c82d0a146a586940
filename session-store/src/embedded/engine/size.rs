//! The number of bytes that DynamoDB counts for an item, names included, and the limit of an item.
//!
//! The rules are those of "DynamoDB item sizes and formats" in AWS's developer guide.

use super::value::{Item, Value};

/// The most bytes of an item.
pub(crate) const MAX_ITEM: usize = 400 * 1024;

/// A list or a map has this many bytes, and each of its entries has one more.
const CONTAINER: usize = 3;
const ENTRY: usize = 1;

pub(crate) fn item_size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + size(value))
        .sum()
}

fn size(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(number) => number.size(),
        Value::B(bytes) => bytes.len(),
        Value::Bool(_) | Value::Null => 1,
        Value::Ss(texts) => texts.iter().map(String::len).sum(),
        Value::Ns(numbers) => numbers.iter().map(|number| number.size()).sum(),
        Value::Bs(blobs) => blobs.iter().map(Vec::len).sum(),
        Value::L(values) => {
            let sizes = values.iter().map(|value| ENTRY + size(value));
            CONTAINER + sizes.sum::<usize>()
        }
        Value::M(entries) => CONTAINER + ENTRY * entries.len() + item_size(entries),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_those_of_the_developer_guide() {
        for (json, bytes) in [
            (json!({ "S": "zwölf" }), 6),
            (json!({ "B": "AAAA" }), 3),
            (json!({ "BOOL": false }), 1),
            (json!({ "NULL": true }), 1),
            (json!({ "N": "100" }), 2),
            (json!({ "SS": ["ab", "c"] }), 3),
            (json!({ "NS": ["1", "-1"] }), 5),
            (json!({ "L": [] }), 3),
            (json!({ "L": [{ "N": "1" }, { "N": "22" }] }), 3 + 3 + 3),
            (json!({ "M": { "key": { "N": "1" } } }), 3 + 1 + 3 + 2),
        ] {
            assert_eq!(size(&Value::from_json(&json).unwrap()), bytes, "{json}");
        }
    }
}
