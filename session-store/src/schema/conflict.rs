//! Fields that write one entry of `data`.

use std::fmt;

/// Two fields that write one entry of `data`, so that one of the values would be lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// A key of a flattened field is the name or an alias of a field.
    WithField {
        key: &'static str,
        flattened: &'static str,
    },
    /// A key is in both flattened fields. It is the user's data, and not shown.
    BetweenFlattened(&'static str, &'static str),
    /// A key is twice in one flattened field, whose type flattens a map itself.
    WithinFlattened(&'static str),
}

impl Conflict {
    /// The field that is to be changed.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::WithField { key, .. } => key,
            Self::BetweenFlattened(_, name) | Self::WithinFlattened(name) => name,
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithField { key, flattened } => write!(
                f,
                "the flattened field `{flattened}` has the key `{key}`, which is the name of another field; \
                 rename that field, or remove the key"
            ),
            Self::BetweenFlattened(first, second) => write!(
                f,
                "the flattened fields `{first}` and `{second}` have a key in common; rename it in one of \
                 them, and let a flattened map be the last field"
            ),
            Self::WithinFlattened(name) => write!(
                f,
                "the flattened field `{name}` has the same key twice; rename the field in it that has the \
                 name of a key, or remove the key"
            ),
        }
    }
}
