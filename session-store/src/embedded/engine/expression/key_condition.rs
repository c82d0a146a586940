//! The condition of a query: a partition key, and possibly a range of sort keys.

use super::super::error::{EngineError, Outcome};
use super::super::value::Value;
use super::condition::{Comparator, Condition, Operand, parse_condition};
use super::path::Path;
use super::placeholders::Placeholders;

#[derive(Debug)]
pub(crate) struct KeyCondition {
    pub(crate) partition: Value,
    pub(crate) range: Option<KeyRange>,
}

/// The sort keys that are wanted.
#[derive(Debug)]
pub(crate) enum KeyRange {
    Compare(Comparator, Value),
    Between(Value, Value),
    BeginsWith(Value),
}

impl KeyRange {
    pub(crate) fn contains(&self, key: &Value) -> bool {
        let order = |bound: &Value| key.compare(bound);
        match self {
            Self::Compare(Comparator::Equal, bound) => order(bound).is_some_and(|o| o.is_eq()),
            Self::Compare(Comparator::NotEqual, bound) => order(bound).is_some_and(|o| o.is_ne()),
            Self::Compare(Comparator::Less, bound) => order(bound).is_some_and(|o| o.is_lt()),
            Self::Compare(Comparator::LessOrEqual, bound) => {
                order(bound).is_some_and(|o| o.is_le())
            }
            Self::Compare(Comparator::Greater, bound) => order(bound).is_some_and(|o| o.is_gt()),
            Self::Compare(Comparator::GreaterOrEqual, bound) => {
                order(bound).is_some_and(|o| o.is_ge())
            }
            Self::Between(low, high) => {
                order(low).is_some_and(|o| o.is_ge()) && order(high).is_some_and(|o| o.is_le())
            }
            Self::BeginsWith(start) => match (key, start) {
                (Value::S(text), Value::S(start)) => text.starts_with(start.as_str()),
                (Value::B(bytes), Value::B(start)) => bytes.starts_with(start),
                _ => false,
            },
        }
    }
}

/// Reads the condition on a partition key and a sort key of these names.
pub(crate) fn parse_key_condition(
    text: &str,
    placeholders: &mut Placeholders,
    partition: &str,
    sort: Option<&str>,
) -> Outcome<KeyCondition> {
    let condition = parse_condition("KeyConditionExpression", text, placeholders)?;
    let mut found = None;
    let mut range = None;
    for condition in flat(condition) {
        let (name, wanted) = on_key(condition)?;
        let is_second = if name == partition {
            let KeyRange::Compare(Comparator::Equal, value) = wanted else {
                return Err(EngineError::validation("Query key condition not supported"));
            };
            found.replace(value).is_some()
        } else if Some(name.as_str()) == sort {
            range.replace(wanted).is_some()
        } else {
            return Err(missed(partition, sort, found.is_some()));
        };
        if is_second {
            return Err(invalid("must only contain one condition per key"));
        }
    }
    let partition = found.ok_or_else(|| missed(partition, sort, false))?;
    Ok(KeyCondition { partition, range })
}

fn flat(condition: Condition) -> Vec<Condition> {
    match condition {
        // The parser bounds the depth.
        Condition::All(all) => all.into_iter().flat_map(flat).collect(),
        other => vec![other],
    }
}

/// The attribute that this is a condition on, and the condition.
fn on_key(condition: Condition) -> Outcome<(String, KeyRange)> {
    use Operand::Value as V;
    let (path, range) = match condition {
        Condition::Compare(Operand::Path(path), comparator, V(value))
            if comparator != Comparator::NotEqual =>
        {
            (path, KeyRange::Compare(comparator, value))
        }
        Condition::Between(Operand::Path(path), V(low), V(high)) => {
            (path, KeyRange::Between(low, high))
        }
        Condition::BeginsWith(Operand::Path(path), V(start)) => (path, KeyRange::BeginsWith(start)),
        _ => {
            return Err(invalid(
                "has an operator that is not supported, or no value to compare with",
            ));
        }
    };
    match path {
        Path { attribute, steps } if steps.is_empty() => Ok((attribute, range)),
        _ => Err(invalid(
            "KeyConditionExpressions cannot have conditions on nested attributes",
        )),
    }
}

fn missed(partition: &str, sort: Option<&str>, has_partition: bool) -> EngineError {
    let missed = match has_partition {
        true => sort.unwrap_or("none"),
        false => partition,
    };
    EngineError::validation(format!(
        "Query condition missed key schema element: {missed}"
    ))
}

fn invalid(what: &str) -> EngineError {
    EngineError::validation(format!("Invalid KeyConditionExpression: {what}"))
}
