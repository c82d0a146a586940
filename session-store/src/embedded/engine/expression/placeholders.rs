//! The names and values that expressions of a request stand for: each must be there, and each must be used.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{EngineError, Outcome};
use super::super::request::Fields;
use super::super::value::Value;

#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    used: BTreeSet<String>,
}

impl Placeholders {
    /// Reads `ExpressionAttributeNames` and `ExpressionAttributeValues`.
    pub(crate) fn of(request: &Fields<'_>) -> Outcome<Self> {
        let mut placeholders = Self::names_of(request)?;
        let Some(values) = request.object(VALUES)? else {
            return Ok(placeholders);
        };
        for (key, value) in values {
            check(VALUES, ":", key)?;
            let value = Value::from_json(value)?;
            placeholders.values.insert(key.clone(), value);
        }
        check_filled(VALUES, values.len())?;
        Ok(placeholders)
    }

    /// Reads `ExpressionAttributeNames`, for a request that can have no values.
    pub(crate) fn names_of(request: &Fields<'_>) -> Outcome<Self> {
        let mut placeholders = Self::default();
        let Some(names) = request.object(NAMES)? else {
            return Ok(placeholders);
        };
        for (key, name) in names {
            check(NAMES, "#", key)?;
            let name = name.as_str().ok_or_else(|| {
                EngineError::serialization(format!("{NAMES} has something else than a string"))
            })?;
            placeholders.names.insert(key.clone(), name.to_owned());
        }
        check_filled(NAMES, names.len())?;
        Ok(placeholders)
    }

    /// The name that this stands for, which is used by that.
    pub(crate) fn name(&mut self, key: &str) -> Option<String> {
        let name = self.names.get(key)?;
        self.used.insert(key.to_owned());
        Some(name.clone())
    }

    /// The value that this stands for, which is used by that.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        let value = self.values.get(key)?;
        self.used.insert(key.to_owned());
        Some(value.clone())
    }

    /// Refuses placeholders that no expression has used.
    pub(crate) fn check_used(&self) -> Outcome<()> {
        for (of, keys) in [
            (NAMES, self.names.keys().collect::<Vec<_>>()),
            (VALUES, self.values.keys().collect()),
        ] {
            let mut keys = keys.into_iter();
            if let Some(unused) = keys.find(|key| !self.used.contains(*key)) {
                return Err(EngineError::validation(format!(
                    "Value provided in {of} unused in expressions: keys: {{{unused}}}"
                )));
            }
        }
        Ok(())
    }
}

const NAMES: &str = "ExpressionAttributeNames";
const VALUES: &str = "ExpressionAttributeValues";

fn check(of: &str, sign: &str, key: &str) -> Outcome<()> {
    let name = key.strip_prefix(sign).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_word) {
        return Err(EngineError::validation(format!(
            "{of} contains invalid key: Syntax error; key: \"{key}\""
        )));
    }
    Ok(())
}

fn check_filled(of: &str, count: usize) -> Outcome<()> {
    match count {
        0 => Err(EngineError::validation(format!("{of} must not be empty"))),
        _ => Ok(()),
    }
}
