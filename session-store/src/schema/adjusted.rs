//! A schema with what is known at run time only: the prefix of its keys, such as that of a tenant or stage, and
//! timeouts and limits below those of the type.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::SetupError;

use super::attribute::{Attribute, IndexSchema};
use super::definition::Schema;

/// The schemas that were made so far. They live as long as the process, so each is made once.
static ADJUSTED: Mutex<Vec<(&'static Schema, Adjustments, &'static Schema)>> =
    Mutex::new(Vec::new());

/// What differs from the schema of the type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Adjustments {
    pub(crate) key_prefix: String,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) absolute_timeout: Option<Duration>,
    /// How many sessions of one value the consistent indexes on these attributes allow.
    pub(crate) limits: Vec<(&'static str, u32)>,
    /// Whether a framework chooses when sessions end.
    pub(crate) ends_as_stored: bool,
}

impl Schema {
    /// The same schema with these adjustments.
    ///
    /// # Errors
    ///
    /// [`SetupError`] for one that is not within what the type declares.
    pub(crate) fn adjusted(
        &'static self,
        adjustments: &Adjustments,
    ) -> Result<&'static Self, SetupError> {
        adjustments.check(self)?;
        if *adjustments == Adjustments::default() {
            return Ok(self);
        }
        let mut adjusted = ADJUSTED.lock().unwrap_or_else(PoisonError::into_inner);
        let known = adjusted
            .iter()
            .find(|(schema, by, _)| std::ptr::eq(*schema, self) && by == adjustments);
        if let Some((_, _, made)) = known {
            return Ok(made);
        }
        let made: &'static Self = Box::leak(Box::new(self.with(adjustments)));
        adjusted.push((self, adjustments.clone(), made));
        Ok(made)
    }

    fn with(&'static self, adjustments: &Adjustments) -> Self {
        let key_prefix = format!("{}{}", adjustments.key_prefix, self.key_prefix);
        let absolute_timeout = adjustments
            .absolute_timeout
            .unwrap_or(self.absolute_timeout);
        let idle_timeout = adjustments.idle_timeout.unwrap_or(self.idle_timeout);
        let mut attributes = self.attributes.to_vec();
        for (name, sessions) in &adjustments.limits {
            let attribute = attributes.iter_mut().find(|a| a.name == *name);
            if let Some(limit) = attribute.and_then(Attribute::roster_mut) {
                limit.sessions = *sessions;
            }
        }
        Self {
            key_prefix: Box::leak(key_prefix.into_boxed_str()),
            absolute_timeout,
            // Neither is longer than the other allows.
            idle_timeout: idle_timeout.min(absolute_timeout),
            attributes: Box::leak(attributes.into_boxed_slice()),
            ends_as_stored: self.ends_as_stored || adjustments.ends_as_stored,
            ..*self
        }
    }
}

impl Attribute {
    fn roster_mut(&mut self) -> Option<&mut super::attribute::Limit> {
        let IndexSchema { roster, .. } = self.index.as_mut()?;
        roster.as_mut()
    }
}

impl Adjustments {
    /// The type is the upper bound: what it declares holds wherever its sessions are used.
    fn check(&self, schema: &Schema) -> Result<(), SetupError> {
        let prefix = &self.key_prefix;
        // It cannot have a `#`: the keys of rosters begin with one.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        if prefix.len() > 64 || !prefix.bytes().all(is_allowed) {
            return Err(SetupError::new(format!(
                "the key prefix `{prefix}` cannot be used; give at most 64 of the characters a-z, A-Z, 0-9, \
                 `_`, `-`, `.`, `:` and `/`"
            )));
        }
        let timeouts = [
            ("idle", self.idle_timeout, schema.idle_timeout),
            ("absolute", self.absolute_timeout, schema.absolute_timeout),
        ];
        for (which, chosen, of_type) in timeouts {
            let Some(chosen) = chosen else { continue };
            if chosen < Duration::from_secs(1) || chosen > of_type {
                return Err(SetupError::new(format!(
                    "the {which} timeout of {chosen:?} cannot be used; give at least one second, and at most \
                     the {of_type:?} that the type declares, or declare a longer one"
                )));
            }
        }
        if let (Some(idle), Some(absolute)) = (self.idle_timeout, self.absolute_timeout)
            && idle > absolute
        {
            return Err(SetupError::new(format!(
                "the idle timeout of {idle:?} is longer than the absolute timeout of {absolute:?}; make it shorter"
            )));
        }
        for (name, chosen) in &self.limits {
            let attribute = schema.attributes.iter().find(|a| a.name == *name);
            let Some(limit) = attribute.and_then(Attribute::roster) else {
                return Err(SetupError::new(format!(
                    "the index on `{name}` has no limit, since it is not a consistent one"
                )));
            };
            if !(1..=limit.sessions).contains(chosen) {
                return Err(SetupError::new(format!(
                    "a limit of {chosen} sessions by `{name}` cannot be used; give 1 to {}, as the type \
                     declares, or declare a higher one",
                    limit.sessions
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::OnLimit;

    static SCHEMA: Schema = Schema::new("sessions")
        .key_prefix("session/")
        .attributes(&[
            Attribute::index::<String>("user")
                .consistent()
                .limit(3, OnLimit::Reject),
            Attribute::index::<String>("team"),
        ])
        .checked();

    fn prefix(prefix: &str) -> &'static Schema {
        let key_prefix = prefix.to_owned();
        let adjustments = Adjustments {
            key_prefix,
            ..Adjustments::default()
        };
        SCHEMA.adjusted(&adjustments).unwrap()
    }

    #[test]
    fn the_prefix_comes_before_that_of_the_type() {
        assert_eq!(prefix("stage/").key_prefix, "stage/session/");
        assert_eq!(prefix("").key_prefix, "session/");
    }

    #[test]
    fn each_is_made_once() {
        let (a, b) = (prefix("a/"), prefix("b/"));
        assert!(std::ptr::eq(a, prefix("a/")));
        assert!(!std::ptr::eq(a, b));
    }

    fn limit(name: &'static str, sessions: u32) -> Adjustments {
        Adjustments {
            limits: vec![(name, sessions)],
            ..Adjustments::default()
        }
    }

    fn idle(seconds: u64) -> Adjustments {
        Adjustments {
            idle_timeout: Some(Duration::from_secs(seconds)),
            ..Adjustments::default()
        }
    }

    fn absolute(seconds: u64) -> Adjustments {
        Adjustments {
            absolute_timeout: Some(Duration::from_secs(seconds)),
            ..Adjustments::default()
        }
    }

    #[test]
    fn timeouts_and_limits_are_those_that_were_chosen() {
        let by_default = SCHEMA.adjusted(&Adjustments::default()).unwrap();
        assert!(std::ptr::eq(by_default, &SCHEMA));
        assert_eq!(SCHEMA.adjusted(&idle(60)).unwrap().idle().as_secs(), 60);
        let limited = SCHEMA.adjusted(&limit("user", 2)).unwrap();
        assert_eq!(limited.promoted()[0].session_limit(), Some(2));
        let short = SCHEMA.adjusted(&absolute(60)).unwrap();
        assert_eq!(
            (short.absolute().as_secs(), short.idle().as_secs()),
            (60, 60)
        );
    }

    #[test]
    fn an_idle_timeout_is_not_longer_than_the_absolute_one() {
        let both = |idle, absolute| Adjustments {
            idle_timeout: Some(Duration::from_secs(idle)),
            absolute_timeout: Some(Duration::from_secs(absolute)),
            ..Adjustments::default()
        };
        assert!(SCHEMA.adjusted(&both(61, 60)).is_err());
        assert!(SCHEMA.adjusted(&both(60, 60)).is_ok());
    }

    #[test]
    fn the_type_is_the_upper_bound() {
        let too_much = [
            idle(30 * 60 + 1),
            idle(0),
            absolute(12 * 3600 + 1),
            absolute(0),
        ];
        let limits = [
            limit("user", 4),
            limit("user", 0),
            limit("team", 1),
            limit("x", 1),
        ];
        for adjustments in too_much.iter().chain(&limits) {
            assert!(SCHEMA.adjusted(adjustments).is_err(), "{adjustments:?}");
        }
    }
}
