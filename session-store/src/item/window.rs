//! The part of a list of sessions that is read, and its order.

use std::cmp::Ordering;

use super::lifetime::Millis;
use super::roster::Member;

/// The part of a list that is read, by the time of creation, and its order: newest first by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    pub(crate) oldest_first: bool,
    /// Only sessions that were created at this moment or later.
    pub(crate) from: Option<Millis>,
    /// Only sessions that were created before this moment.
    pub(crate) before: Option<Millis>,
}

impl Window {
    pub(crate) fn of_sessions_before(before: Option<Millis>) -> Self {
        Self {
            before,
            ..Self::default()
        }
    }

    pub(crate) fn has(&self, created_at: Millis) -> bool {
        self.from.is_none_or(|from| created_at >= from)
            && self.before.is_none_or(|before| created_at < before)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let bounds = self.from.zip(self.before);
        bounds.is_some_and(|(from, before)| from >= before)
    }

    /// The order of the list.
    pub(crate) fn order(&self, one: &Member, other: &Member) -> Ordering {
        let newest_first = one.rank().cmp(&other.rank());
        match self.oldest_first {
            true => newest_first.reverse(),
            false => newest_first,
        }
    }
}
