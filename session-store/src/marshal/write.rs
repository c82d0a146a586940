//! From a type to a value of DynamoDB.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::failure::Failure;
use super::part::Adapt as _;
use super::path::{Pass, Subject};
use super::serialize::Adapting;

/// Whether values are checked that serde_dynamo takes and DynamoDB refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Checks {
    #[default]
    All,
    /// For a value that is only compared with another.
    None,
}

/// The value as it is stored.
pub(crate) fn write<T: Serialize + ?Sized>(
    value: &T,
    subject: Subject<'_>,
    checks: Checks,
) -> Result<AttributeValue, Failure> {
    write_in(value, &Pass::new(subject, checks == Checks::All))
}

/// The fields of a session but these, to compare them with those of another.
pub(crate) fn write_without<T: Serialize>(
    session: &T,
    subject: Subject<'_>,
    left_out: &[&str],
) -> Result<AttributeValue, Failure> {
    write_in(session, &Pass::new(subject, false).without(left_out))
}

fn write_in<T: Serialize + ?Sized>(value: &T, pass: &Pass<'_>) -> Result<AttributeValue, Failure> {
    let path = pass.top();
    match Adapting::write(value, serde_dynamo::Serializer, &path) {
        Ok(value) => Ok(value.into()),
        Err(failed) => Err(pass.failure(failed)),
    }
}
