//! Why a value cannot be written or read, without the value.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

use crate::error::EncodeError;

/// A value that failed, by its path.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) path: String,
    pub(crate) reason: Reason,
}

impl Failure {
    pub(super) fn new(path: String, reason: Reason) -> Self {
        Self { path, reason }
    }

    /// A type that made an error of its own out of another's, and told neither.
    pub(super) fn of_unknown_cause(path: String) -> Self {
        Self::new(path, Reason::from(FOREIGN))
    }
}

impl From<Failure> for EncodeError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.path, failure.reason)
    }
}

/// Why a value failed. It holds kinds and names of the type, and no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(Cow<'static, str>);

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Reason {}

const FOREIGN: &str = "its stored form is not one that its type has";

/// The error of the adapters. It replaces that of serde_dynamo, which keeps the texts that it is given.
#[derive(Debug)]
pub(super) struct Failed(Option<Box<FailedFor>>);

#[derive(Debug)]
pub(super) struct FailedFor {
    pub(super) reason: Reason,
    /// The field that the failure is about, below the value that failed.
    pub(super) field: Option<&'static str>,
}

impl Failed {
    /// The text of an error that stands for a failure that is noted in the pass.
    pub(super) const NOTED: &str = "the failure is noted";

    pub(super) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::of(reason, None)
    }

    #[cold]
    fn of(reason: impl Into<Cow<'static, str>>, field: Option<&'static str>) -> Self {
        let reason = Reason(reason.into());
        Self(Some(Box::new(FailedFor { reason, field })))
    }

    /// A failure that is noted in the pass.
    pub(super) fn noted() -> Self {
        Self(None)
    }

    /// `None` if the failure is noted.
    pub(super) fn into_cause(self) -> Option<FailedFor> {
        self.0.map(|cause| *cause)
    }

    /// From an error of the inner format, which is a failure that is noted, or one that the format found by
    /// itself. Only its kind is kept: serde_dynamo and serde_json show values.
    #[cold]
    pub(super) fn inner<E: fmt::Display>(error: E) -> Self {
        let text = error.to_string();
        if text == Self::NOTED {
            return Self::noted();
        }
        Self::because(kind_of(&text))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(cause) => cause.reason.fmt(f),
            None => f.write_str("a value in it cannot be written or read"),
        }
    }
}

impl StdError for Failed {}

impl ser::Error for Failed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::because("its `Serialize` refused it")
    }
}

impl de::Error for Failed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::because("its `Deserialize` refused it")
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::because(format!("it is {}, expected {expected}", kind(&found)))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let kind = kind(&found);
        Self::because(format!(
            "it is {kind} of another value, expected {expected}"
        ))
    }

    #[cold]
    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::because(format!("it has another length, expected {expected}"))
    }

    #[cold]
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::because(format!("it is an unknown variant{}", one_of(expected)))
    }

    #[cold]
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::because(format!("it has an unknown field{}", one_of(expected)))
    }

    #[cold]
    fn missing_field(field: &'static str) -> Self {
        Self::of("it is missing", Some(field))
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Self {
        Self::of("it is there twice", Some(field))
    }
}

fn one_of(names: &[&str]) -> String {
    if names.is_empty() {
        return ", and there are none".to_owned();
    }
    format!(", expected one of `{}`", names.join("`, `"))
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a floating point number",
        Unexpected::Char(_) => "a character",
        Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit => "null",
        Unexpected::Option => "an optional value",
        Unexpected::NewtypeStruct => "a newtype struct",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        Unexpected::Enum => "an enum",
        Unexpected::UnitVariant => "a unit variant",
        Unexpected::NewtypeVariant => "a newtype variant",
        Unexpected::TupleVariant => "a tuple variant",
        Unexpected::StructVariant => "a struct variant",
        Unexpected::Other(_) => "another value",
    }
}

/// The beginnings of the errors that serde_dynamo, serde_json and serde itself make, and what they mean.
const KINDS: [(&str, &str); 27] = [
    ("Expected string", "it is not a string"),
    ("Expected map", "it is not a map"),
    ("Expected seq", "it is not a list"),
    ("Expected num", "it is not a number"),
    ("Expected bool", "it is not a boolean"),
    ("Expected char", "it is not a single character"),
    ("Expected unit", "it is not null"),
    (
        "Expected enum",
        "it is neither the name of a variant nor a map",
    ),
    ("Expected binary data", "it is not bytes"),
    (
        "Expected an item with a single key",
        "it is not a map with one variant",
    ),
    (
        "Failed to parse",
        "it is a number that its type cannot hold",
    ),
    (
        "Key must be a string",
        "the key of a map is not a string, a number, a boolean or a unit variant",
    ),
    (
        "SerializeMap::serialize",
        "its `Serialize` mixes up keys and values",
    ),
    (
        "Not a set-like sequence",
        "it is to be a set, and is not a list",
    ),
    (
        "String set element",
        "it is to be a set of strings, and has another value",
    ),
    (
        "Number set element",
        "it is to be a set of numbers, and has another value",
    ),
    (
        "Binary set element",
        "it is to be a set of bytes, and has another value",
    ),
    ("i128 is not supported", "an `i128` has no form in DynamoDB"),
    ("u128 is not supported", "a `u128` has no form in DynamoDB"),
    ("invalid type: null", "it is null, and its type is another"),
    (
        "invalid type: boolean",
        "it is a boolean, and its type is another",
    ),
    (
        "invalid type: integer",
        "it is an integer, and its type is another",
    ),
    (
        "invalid type: floating point",
        "it is a floating point number, and its type is another",
    ),
    (
        "invalid type: string",
        "it is a string, and its type is another",
    ),
    (
        "invalid type: sequence",
        "it is a list, and its type is another",
    ),
    ("invalid type: map", "it is a map, and its type is another"),
    ("invalid length", "it has another length than its type"),
];

fn kind_of(text: &str) -> &'static str {
    let known = KINDS.iter().find(|(begin, _)| text.starts_with(begin));
    known.map_or(FOREIGN, |(_, kind)| kind)
}
