//! Whether a condition holds for an item. An item that is not there has no attributes.

use std::borrow::Cow;

use super::super::number::Number;
use super::super::value::{Item, Value};
use super::condition::{Comparator, Condition, Operand};

pub(crate) fn holds(condition: &Condition, item: &Item) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|condition| holds(condition, item)),
        Condition::Any(any) => any.iter().any(|condition| holds(condition, item)),
        Condition::Not(not) => !holds(not, item),
        Condition::Compare(left, comparator, right) => {
            compare(find(left, item), *comparator, find(right, item))
        }
        Condition::Between(value, low, high) => {
            let value = find(value, item);
            compare(value.clone(), Comparator::GreaterOrEqual, find(low, item))
                && compare(value, Comparator::LessOrEqual, find(high, item))
        }
        Condition::In(value, members) => {
            let value = find(value, item);
            let mut members = members.iter();
            members.any(|member| compare(value.clone(), Comparator::Equal, find(member, item)))
        }
        Condition::Exists(path) => path.look_up(item).is_some(),
        Condition::AttributeType(path, name) => path
            .look_up(item)
            .is_some_and(|value| value.type_name() == name),
        Condition::BeginsWith(value, start) => {
            match (find(value, item).as_deref(), find(start, item).as_deref()) {
                (Some(Value::S(text)), Some(Value::S(start))) => text.starts_with(start.as_str()),
                (Some(Value::B(bytes)), Some(Value::B(start))) => bytes.starts_with(start),
                _ => false,
            }
        }
        Condition::Contains(value, part) => {
            match (find(value, item).as_deref(), find(part, item).as_deref()) {
                (Some(value), Some(part)) => contains(value, part),
                _ => false,
            }
        }
    }
}

/// The value of an operand, if there is one.
fn find<'a>(operand: &'a Operand, item: &'a Item) -> Option<Cow<'a, Value>> {
    match operand {
        Operand::Path(path) => path.look_up(item).map(Cow::Borrowed),
        Operand::Value(value) => Some(Cow::Borrowed(value)),
        Operand::Size(path) => {
            let size = size(path.look_up(item)?)?;
            Some(Cow::Owned(Value::N(Number::of(size))))
        }
    }
}

/// UTF-16 units of a text, bytes, members or entries. Other values have no size.
fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::S(text) => text.encode_utf16().count(),
        Value::B(bytes) => bytes.len(),
        Value::Ss(texts) => texts.len(),
        Value::Ns(numbers) => numbers.len(),
        Value::Bs(blobs) => blobs.len(),
        Value::L(values) => values.len(),
        Value::M(entries) => entries.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    };
    u64::try_from(size).ok()
}

fn compare(
    left: Option<Cow<'_, Value>>,
    comparator: Comparator,
    right: Option<Cow<'_, Value>>,
) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        // An absent attribute differs from any value.
        return comparator == Comparator::NotEqual;
    };
    let order = left.compare(&right);
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => order.is_some_and(|order| order.is_lt()),
        Comparator::LessOrEqual => order.is_some_and(|order| order.is_le()),
        Comparator::Greater => order.is_some_and(|order| order.is_gt()),
        Comparator::GreaterOrEqual => order.is_some_and(|order| order.is_ge()),
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::B(bytes), Value::B(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
        }
        (Value::Ss(texts), Value::S(text)) => texts.contains(text),
        (Value::Ns(numbers), Value::N(number)) => numbers.contains(number),
        (Value::Bs(blobs), Value::B(bytes)) => blobs.contains(bytes),
        (Value::L(values), part) => values.contains(part),
        _ => false,
    }
}
