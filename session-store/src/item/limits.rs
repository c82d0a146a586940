//! How many live sessions of one value there can be beside a session, which can be fewer than its type allows.

use crate::schema::{IndexValue, Limit};

/// The limits that a session has of its own, by the attributes of their indexes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits(Vec<(&'static str, u32)>);

impl Limits {
    pub(crate) fn new(limits: Vec<(&'static str, u32)>) -> Self {
        Self(limits)
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(attribute, _)| *attribute)
    }

    /// The limit that counts when the session enters the roster of this value: never more than its type allows. One
    /// of 0 counts as 1, since the session itself is there.
    pub(crate) fn of(&self, of: &IndexValue) -> Limit {
        let limit = of.limit();
        let own = self.0.iter();
        let own = own.filter(|(attribute, _)| *attribute == of.attribute.name);
        let own = own.map(|(_, sessions)| (*sessions).max(1));
        Limit {
            sessions: own.fold(limit.sessions, u32::min),
            ..limit
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::schema::{Attribute, OnLimit};

    static USER: Attribute = Attribute::index::<String>("user")
        .consistent()
        .limit(5, OnLimit::EvictLeastRecent);

    fn sessions(limits: &[(&'static str, u32)]) -> u32 {
        let of = IndexValue {
            attribute: &USER,
            value: AttributeValue::S("u-17".into()),
        };
        let limit = Limits::new(limits.to_vec()).of(&of);
        assert_eq!(limit.policy, OnLimit::EvictLeastRecent);
        limit.sessions
    }

    #[test]
    fn the_type_is_the_upper_bound_and_one_the_lower() {
        assert_eq!(sessions(&[]), 5);
        assert_eq!(sessions(&[("user", 3)]), 3);
        assert_eq!(sessions(&[("user", 5)]), 5);
        assert_eq!(sessions(&[("user", 6)]), 5);
        assert_eq!(sessions(&[("user", u32::MAX)]), 5);
        assert_eq!(sessions(&[("user", 0)]), 1);
    }

    #[test]
    fn each_index_has_its_own_and_the_lowest_counts() {
        assert_eq!(sessions(&[("team", 1)]), 5);
        assert_eq!(sessions(&[("team", 1), ("user", 4)]), 4);
        assert_eq!(sessions(&[("user", 4), ("user", 2), ("user", 3)]), 2);
    }
}
