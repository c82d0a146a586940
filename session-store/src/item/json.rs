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
