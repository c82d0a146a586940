//! The members of a request, with their types.

use serde_json::{Map, Value as Json};

use super::error::{EngineError, Outcome};

/// An object of a request.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Json>);

/// Parameters from before there were expressions.
const LEGACY: [&str; 7] = [
    "AttributesToGet",
    "AttributeUpdates",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
];

impl<'a> Fields<'a> {
    pub(crate) fn of(json: &'a Json) -> Outcome<Self> {
        let fields = json.as_object().map(Self);
        let fields = fields.ok_or_else(|| {
            EngineError::serialization("a part of the request is not an object of JSON")
        })?;
        let mut legacy = LEGACY.iter();
        match legacy.find(|name| fields.json(name).is_some()) {
            None => Ok(fields),
            Some(name) => Err(EngineError::validation(format!(
                "the embedded database does not have `{name}`; use an expression"
            ))),
        }
    }

    /// A member. `null` is the same as none.
    pub(crate) fn json(&self, name: &str) -> Option<&'a Json> {
        self.0.get(name).filter(|json| !json.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Outcome<Option<&'a str>> {
        self.read(name, "a string", Json::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> Outcome<Option<bool>> {
        self.read(name, "a boolean", Json::as_bool)
    }

    pub(crate) fn integer(&self, name: &str) -> Outcome<Option<i64>> {
        self.read(name, "an integer", Json::as_i64)
    }

    pub(crate) fn object(&self, name: &str) -> Outcome<Option<&'a Map<String, Json>>> {
        self.read(name, "an object", Json::as_object)
    }

    pub(crate) fn fields(&self, name: &str) -> Outcome<Option<Fields<'a>>> {
        self.json(name).map(Fields::of).transpose()
    }

    pub(crate) fn list(&self, name: &str) -> Outcome<Option<&'a [Json]>> {
        self.read(name, "a list", |json| json.as_array().map(Vec::as_slice))
    }

    /// A member that must be there.
    pub(crate) fn required<T>(&self, name: &str, found: Option<T>) -> Outcome<T> {
        found.ok_or_else(|| {
            EngineError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    pub(crate) fn required_text(&self, name: &str) -> Outcome<&'a str> {
        self.required(name, self.text(name)?)
    }

    /// A member that is one of these words.
    pub(crate) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Outcome<Option<T>> {
        let Some(word) = self.text(name)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(known, _)| *known == word);
        let known = || {
            words
                .iter()
                .map(|(known, _)| *known)
                .collect::<Vec<_>>()
                .join(", ")
        };
        match found {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(EngineError::validation(format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must satisfy enum \
                 value set: [{}]",
                known()
            ))),
        }
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Json) -> Option<T>,
    ) -> Outcome<Option<T>> {
        let Some(json) = self.json(name) else {
            return Ok(None);
        };
        match read(json) {
            Some(read) => Ok(Some(read)),
            None => Err(EngineError::serialization(format!(
                "`{name}` is not {expected}"
            ))),
        }
    }
}
