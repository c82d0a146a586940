//! From the entries of a session, or from JSON, to a type.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserializer;
use serde::de::{Deserialize, DeserializeOwned};

use super::deserialize::Adapter;
use super::failure::{Failed, Failure};
use super::path::{Pass, Subject};
use super::value::Value;

/// Reads a type from another format.
pub(crate) fn read<'de, T, D>(deserializer: D, subject: Subject<'_>) -> Result<T, Failure>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let pass = Pass::new(subject, false);
    let path = pass.top();
    let read = T::deserialize(Adapter::new(deserializer, &path, None));
    read.map_err(|failed| pass.failure(failed))
}

/// Reads a session from its entries.
pub(crate) fn read_entries<T: DeserializeOwned>(
    entries: &HashMap<String, AttributeValue>,
    subject: Subject<'_>,
) -> Result<T, Failure> {
    if entries.values().any(is_unknown) {
        return Err(unknown(subject));
    }
    read(Value::Map(entries), subject)
}

/// Reads one value.
pub(crate) fn read_value<T: DeserializeOwned>(
    value: &AttributeValue,
    subject: Subject<'_>,
) -> Result<T, Failure> {
    if is_unknown(value) {
        return Err(unknown(subject));
    }
    read(Value::from(value), subject)
}

fn unknown(subject: Subject<'_>) -> Failure {
    let reason = "a value of a type that this version does not know";
    Pass::new(subject, false).failure(Failed::because(reason))
}

/// serde_dynamo panics on these.
fn is_unknown(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(values) => values.iter().any(is_unknown),
        AttributeValue::M(entries) => entries.values().any(is_unknown),
        value => value.is_unknown(),
    }
}
