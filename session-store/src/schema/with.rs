//! Functions for `#[dynamo(with = ..)]`: collections as DynamoDB's native sets.

use aws_sdk_dynamodb::types::AttributeValue;

/// A collection of strings as a string set; none if it is empty, since DynamoDB has no empty set.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_store::{SessionAttributes, as_string_set};
/// use std::collections::BTreeSet;
///
/// #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
/// struct AppSession {
///     #[dynamo(attr = "roles", with = as_string_set)]
///     roles: BTreeSet<String>,
/// }
/// ```
pub fn as_string_set<'a, C>(values: &'a C) -> Option<AttributeValue>
where
    C: ?Sized,
    &'a C: IntoIterator<Item: AsRef<str>>,
{
    let values = values.into_iter().map(|value| value.as_ref().to_owned());
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then_some(AttributeValue::Ss(values))
}

/// A collection of numbers as a number set; none if it is empty, since DynamoDB has no empty set.
pub fn as_number_set<'a, C>(values: &'a C) -> Option<AttributeValue>
where
    C: ?Sized,
    &'a C: IntoIterator<Item: ToString>,
{
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    (!values.is_empty()).then_some(AttributeValue::Ns(values))
}
