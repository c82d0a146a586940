//! The values of attributes: ten types, read from and written as DynamoDB's JSON.
//!
//! DynamoDB keeps neither the spelling of a number nor the order of a set, and nor does [`Value`]: two values
//! are equal if they are equal to DynamoDB. Sets come back in ascending order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::error::{EngineError, Outcome};
use super::number::Number;

/// An item, or the entries of a map.
pub(crate) type Item = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    S(String),
    N(Number),
    B(Vec<u8>),
    Bool(bool),
    Null,
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Number>),
    Bs(BTreeSet<Vec<u8>>),
    L(Vec<Self>),
    M(Item),
}

/// The most levels of a value, with the value within the innermost list or map as a level.
const MAX_LEVELS: usize = 32;

impl Value {
    /// The name of the type, as in JSON.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// The order of two texts, numbers or binary values. `None` for other types, and for two types.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::S(a), Self::S(b)) => Some(a.cmp(b)),
            (Self::N(a), Self::N(b)) => Some(a.cmp(b)),
            (Self::B(a), Self::B(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Whether DynamoDB orders values of this type.
    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self, Self::S(_) | Self::N(_) | Self::B(_))
    }

    /// Reads a value from DynamoDB's JSON.
    pub(crate) fn from_json(json: &Json) -> Outcome<Self> {
        Self::at_level(json, 1)
    }

    fn at_level(json: &Json, level: usize) -> Outcome<Self> {
        if level > MAX_LEVELS {
            return Err(too_deep());
        }
        let entries = json.as_object().ok_or_else(|| wrong_json("an object"))?;
        let mut types = entries.iter().filter(|(_, json)| !json.is_null());
        let (Some((name, json)), None) = (types.next(), types.next()) else {
            let text =
                "Supplied AttributeValue must contain exactly one of the supported datatypes";
            return Err(EngineError::validation(text));
        };
        match name.as_str() {
            "S" => Ok(Self::S(text(json)?.to_owned())),
            "N" => Ok(Self::N(number(json)?)),
            "B" => Ok(Self::B(binary(json)?)),
            "BOOL" => Ok(Self::Bool(flag(json)?)),
            "NULL" if flag(json)? => Ok(Self::Null),
            "NULL" => Err(invalid(
                "Null attribute value types must have the value of true",
            )),
            "SS" => set(json, |json| text(json).map(str::to_owned)).map(Self::Ss),
            "NS" => set(json, number).map(Self::Ns),
            "BS" => set(json, binary).map(Self::Bs),
            "L" => {
                let values = list(json)?.iter();
                let values = values.map(|json| Self::at_level(json, level + 1));
                values.collect::<Outcome<_>>().map(Self::L)
            }
            "M" => {
                let entries = json.as_object().ok_or_else(|| wrong_json("an object"))?;
                entries_at_level(entries, level + 1).map(Self::M)
            }
            other => Err(EngineError::validation(format!(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes: {other}"
            ))),
        }
    }

    /// The value in DynamoDB's JSON.
    pub(crate) fn to_json(&self) -> Json {
        let binary = |bytes: &Vec<u8>| STANDARD.encode(bytes);
        match self {
            Self::S(text) => json!({ "S": text }),
            Self::N(number) => json!({ "N": number.to_string() }),
            Self::B(bytes) => json!({ "B": binary(bytes) }),
            Self::Bool(flag) => json!({ "BOOL": flag }),
            Self::Null => json!({ "NULL": true }),
            Self::Ss(texts) => json!({ "SS": texts }),
            Self::Ns(numbers) => {
                json!({ "NS": numbers.iter().map(Number::to_string).collect::<Vec<_>>() })
            }
            Self::Bs(blobs) => json!({ "BS": blobs.iter().map(binary).collect::<Vec<_>>() }),
            Self::L(values) => json!({ "L": values.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::M(entries) => json!({ "M": item_to_json(entries) }),
        }
    }

    /// Refuses a value that an update has nested too deeply.
    pub(crate) fn check_levels(&self) -> Outcome<()> {
        fn is_within(value: &Value, levels: usize) -> bool {
            match value {
                Value::L(values) => levels > 1 && values.iter().all(|v| is_within(v, levels - 1)),
                Value::M(entries) => {
                    levels > 1 && entries.values().all(|v| is_within(v, levels - 1))
                }
                _ => levels > 0,
            }
        }
        match is_within(self, MAX_LEVELS) {
            true => Ok(()),
            false => Err(too_deep()),
        }
    }
}

/// Reads an item, or a key.
pub(crate) fn item_from_json(json: &Json) -> Outcome<Item> {
    let entries = json.as_object().ok_or_else(|| wrong_json("an object"))?;
    entries_at_level(entries, 1)
}

pub(crate) fn item_to_json(item: &Item) -> Json {
    let entries = item.iter();
    let entries: Map<_, _> = entries
        .map(|(name, value)| (name.clone(), value.to_json()))
        .collect();
    Json::Object(entries)
}

fn entries_at_level(entries: &Map<String, Json>, level: usize) -> Outcome<Item> {
    let entries = entries.iter().map(|(name, json)| {
        if name.is_empty() {
            return Err(invalid("An attribute name must not be empty"));
        }
        Ok((name.clone(), Value::at_level(json, level)?))
    });
    entries.collect()
}

fn set<T: Ord>(json: &Json, read: impl Fn(&Json) -> Outcome<T>) -> Outcome<BTreeSet<T>> {
    let members = list(json)?;
    let set: BTreeSet<T> = members.iter().map(read).collect::<Outcome<_>>()?;
    if set.is_empty() {
        return Err(invalid("An set may not be empty"));
    }
    if set.len() != members.len() {
        return Err(invalid("Input collection contains duplicates"));
    }
    Ok(set)
}

fn text(json: &Json) -> Outcome<&str> {
    json.as_str().ok_or_else(|| wrong_json("a string"))
}

fn number(json: &Json) -> Outcome<Number> {
    Number::parse(text(json)?).map_err(EngineError::validation)
}

fn binary(json: &Json) -> Outcome<Vec<u8>> {
    let bytes = STANDARD.decode(text(json)?);
    bytes.map_err(|_| wrong_json("base64"))
}

fn flag(json: &Json) -> Outcome<bool> {
    json.as_bool().ok_or_else(|| wrong_json("a boolean"))
}

fn list(json: &Json) -> Outcome<&Vec<Json>> {
    json.as_array().ok_or_else(|| wrong_json("a list"))
}

fn wrong_json(expected: &str) -> EngineError {
    EngineError::serialization(format!(
        "an attribute value has something else than {expected}"
    ))
}

fn invalid(what: &str) -> EngineError {
    EngineError::validation(format!("One or more parameter values were invalid: {what}"))
}

fn too_deep() -> EngineError {
    EngineError::validation(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_read_and_written() {
        let item = json!({
            "s": { "S": "a" }, "n": { "N": "-1.5" }, "b": { "B": "AQI=" }, "bool": { "BOOL": false },
            "null": { "NULL": true }, "ss": { "SS": ["a", "b"] }, "ns": { "NS": ["1", "2"] },
            "bs": { "BS": ["AQ==", "Ag=="] }, "l": { "L": [{ "S": "" }, { "L": [] }] },
            "m": { "M": { "k": { "M": {} } } },
        });
        assert_eq!(item_to_json(&item_from_json(&item).unwrap()), item);
    }

    #[test]
    fn values_that_dynamodb_refuses() {
        for (json, code) in [
            (json!({ "S": 1 }), "SerializationException"),
            (json!({ "B": "%" }), "SerializationException"),
            (json!("a"), "SerializationException"),
            (json!({ "L": {} }), "SerializationException"),
            (json!({}), "ValidationException"),
            (json!({ "S": "a", "N": "1" }), "ValidationException"),
            (json!({ "X": "a" }), "ValidationException"),
            (json!({ "N": "a" }), "ValidationException"),
            (json!({ "NULL": false }), "ValidationException"),
            (json!({ "SS": [] }), "ValidationException"),
            (json!({ "NS": ["1", "1.0"] }), "ValidationException"),
            (json!({ "M": { "": { "S": "a" } } }), "ValidationException"),
        ] {
            assert_eq!(Value::from_json(&json).unwrap_err().code(), code, "{json}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let nested =
            |levels| (0..levels).fold(json!({ "N": "1" }), |inner, _| json!({ "L": [inner] }));
        let deepest = Value::from_json(&nested(31)).unwrap();
        assert!(deepest.check_levels().is_ok());
        assert!(Value::L(vec![deepest]).check_levels().is_err());
        assert!(Value::from_json(&nested(32)).is_err());
    }

    #[test]
    fn spelling_and_order_make_no_difference() {
        let value = |json| Value::from_json(&json).unwrap();
        assert_eq!(
            value(json!({ "N": "1.50" })),
            value(json!({ "N": "15e-1" }))
        );
        assert_eq!(
            value(json!({ "SS": ["b", "a"] })),
            value(json!({ "SS": ["a", "b"] }))
        );
        assert_ne!(value(json!({ "N": "1" })), value(json!({ "S": "1" })));
    }
}
