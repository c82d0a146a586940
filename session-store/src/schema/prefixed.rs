//! A schema whose keys have a prefix that is known at run time only, such as that of a tenant or stage.

use std::sync::{Mutex, PoisonError};

use super::definition::Schema;

/// The schemas that were made so far. They live as long as the process, so each is made once.
static PREFIXED: Mutex<Vec<(&'static Schema, &'static Schema)>> = Mutex::new(Vec::new());

impl Schema {
    /// Whether this text can be put before keys. It cannot have a `#`: the keys of rosters begin with one.
    pub(crate) fn is_deployment_prefix(prefix: &str) -> bool {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        prefix.len() <= 64 && prefix.bytes().all(is_allowed)
    }

    /// The same schema, with this text before the prefix of its keys.
    pub(crate) fn with_key_prefix(&'static self, prefix: &str) -> &'static Self {
        if prefix.is_empty() {
            return self;
        }
        let key_prefix = format!("{prefix}{}", self.key_prefix);
        let mut prefixed = PREFIXED.lock().unwrap_or_else(PoisonError::into_inner);
        let known = prefixed
            .iter()
            .find(|(schema, made)| std::ptr::eq(*schema, self) && made.key_prefix == key_prefix);
        if let Some((_, made)) = known {
            return made;
        }
        let made: &'static Self = Box::leak(Box::new(Self {
            key_prefix: Box::leak(key_prefix.into_boxed_str()),
            ..*self
        }));
        prefixed.push((self, made));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCHEMA: Schema = Schema::new("sessions").key_prefix("session/").checked();

    #[test]
    fn the_prefix_comes_before_that_of_the_type() {
        let made = SCHEMA.with_key_prefix("stage/");
        assert_eq!(made.key_prefix, "stage/session/");
        assert_eq!(SCHEMA.with_key_prefix("").key_prefix, "session/");
    }

    #[test]
    fn each_is_made_once() {
        let (a, b) = (SCHEMA.with_key_prefix("a/"), SCHEMA.with_key_prefix("b/"));
        assert!(std::ptr::eq(a, SCHEMA.with_key_prefix("a/")));
        assert!(!std::ptr::eq(a, b));
    }
}
