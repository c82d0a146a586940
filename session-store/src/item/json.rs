//! JSON in DynamoDB's values, by hand: through serde, a number turns into a map as soon as any crate of
//! the build switches on `arbitrary_precision` of serde_json.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::value::Map;

/// The entries of a framework's session as `data`.
pub(crate) fn entries_from_json(entries: &HashMap<String, Value>) -> Map {
    entries
        .iter()
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect()
}

/// The entries of `data` as JSON, or why there is none.
pub(crate) fn entries_into_json<C: FromIterator<(String, Value)>>(
    data: Map,
) -> Result<C, &'static str> {
    let entries = data.into_iter();
    entries
        .map(|(name, value)| Ok((name, into_json(value)?)))
        .collect()
}

fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(from_json).collect()),
        Value::Object(entries) => AttributeValue::M(
            entries
                .iter()
                .map(|(name, value)| (name.clone(), from_json(value)))
                .collect(),
        ),
    }
}

/// Binary values have no JSON.
fn into_json(value: AttributeValue) -> Result<Value, &'static str> {
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::N(text) => number(text)?,
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::L(values) => Value::Array(
            values
                .into_iter()
                .map(into_json)
                .collect::<Result<_, _>>()?,
        ),
        AttributeValue::M(entries) => Value::Object(entries_into_json(entries)?),
        AttributeValue::Ss(texts) => Value::Array(texts.into_iter().map(Value::String).collect()),
        AttributeValue::Ns(texts) => {
            Value::Array(texts.into_iter().map(number).collect::<Result<_, _>>()?)
        }
        AttributeValue::B(_) | AttributeValue::Bs(_) => return Err("a binary value has no JSON"),
        _ => return Err("a value of a type that this version does not know"),
    })
}

fn number(text: String) -> Result<Value, &'static str> {
    text.parse()
        .map(Value::Number)
        .map_err(|_| "a number that JSON cannot hold")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use serde_json::json;

    use super::*;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    #[test]
    fn entries_come_back_from_their_values_unchanged() {
        let entries = json!({
            "null": null,
            "bool": true,
            "text": "zwölf",
            "list": [1, [], { "nested": [null] }],
            "numbers": [0, -1, u64::MAX, i64::MIN, 1.5, 1e-7, 1e100, 1.948550190168132e44],
        });
        let entries: HashMap<String, Value> = serde_json::from_value(entries).unwrap();
        let back = entries_into_json(entries_from_json(&entries));
        assert_eq!(back, Ok(entries));
    }

    #[test]
    fn each_type_of_json_has_its_own_type_of_value() {
        let entries =
            json!({ "a": null, "b": true, "c": "1", "d": 1, "e": [1.5], "f": { "g": 1 } });
        let entries: HashMap<String, Value> = serde_json::from_value(entries).unwrap();
        let expected = [
            ("a", AttributeValue::Null(true)),
            ("b", AttributeValue::Bool(true)),
            ("c", AttributeValue::S("1".to_owned())),
            ("d", n("1")),
            ("e", AttributeValue::L(vec![n("1.5")])),
            (
                "f",
                AttributeValue::M(Map::from([("g".to_owned(), n("1"))])),
            ),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(entries_from_json(&entries), Map::from(expected));
    }

    #[test]
    fn a_set_is_an_array_in_json() {
        let texts = AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(into_json(texts), Ok(json!(["a", "b"])));
        let numbers = AttributeValue::Ns(vec!["1".to_owned(), "2.5".to_owned()]);
        assert_eq!(into_json(numbers), Ok(json!([1, 2.5])));
    }

    #[test]
    fn a_binary_value_has_no_json_however_deep_it_is() {
        let binary = AttributeValue::B(Blob::new("bytes"));
        let inner = AttributeValue::M(Map::from([("inner".to_owned(), binary.clone())]));
        for value in [
            AttributeValue::Bs(vec![Blob::new("bytes")]),
            AttributeValue::L(vec![n("1"), binary.clone()]),
            inner,
            binary,
        ] {
            assert_eq!(into_json(value.clone()), Err("a binary value has no JSON"));
            let data = Map::from([("field".to_owned(), value)]);
            assert!(entries_into_json::<HashMap<_, _>>(data).is_err());
        }
    }

    #[test]
    fn a_text_that_is_no_number_is_no_number_of_json() {
        for text in ["", "NaN", "1 ", "0x10"] {
            assert!(into_json(n(text)).is_err(), "{text:?}");
            let set = AttributeValue::Ns(vec![text.to_owned()]);
            assert!(into_json(set).is_err(), "{text:?}");
        }
    }
}
