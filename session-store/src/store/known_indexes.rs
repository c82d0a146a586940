//! What a store remembers of which indexes are complete.

use std::sync::{Mutex, PoisonError};

use crate::item::{CompleteIndexes, DAY, Millis};
use crate::schema::Attribute;

/// For how long the table is not asked again whether an index is complete that was, in seconds. Another host can
/// find in the meantime that a program without the index is back.
const KNOWN_FOR: u64 = DAY / 24;

/// What a store knows of its indexes.
#[derive(Default)]
pub(super) struct KnownIndexes(Mutex<Known>);

#[derive(Default)]
struct Known {
    complete: CompleteIndexes,
    read_at: Option<Millis>,
    /// What was complete when this store made the table ready, if no other process has the table.
    owned: CompleteIndexes,
    has_warned: bool,
    /// When the table was last told of a session that was not in its index.
    doubted_at: Option<Millis>,
}

impl KnownIndexes {
    pub(super) fn note(&self, complete: CompleteIndexes, read_at: Millis) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.complete = complete;
        known.read_at = Some(read_at);
    }

    /// Notes that no other process has the table: what is complete now stays so until a session shows that it is not.
    pub(super) fn note_owned(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.owned = known.complete.clone();
    }

    /// What is complete although the table has no note of it.
    pub(super) fn owned(&self) -> CompleteIndexes {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.owned.clone()
    }

    /// Whether the index is known to be complete now.
    pub(super) fn has(&self, attribute: &Attribute, now: Millis) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = known
            .read_at
            .map(|read| now.seconds().abs_diff(read.seconds()));
        age.is_some_and(|age| age < KNOWN_FOR) && known.complete.has(attribute)
    }

    /// Forgets what is complete. Whether the table has to be told: something was complete since this store told it
    /// last, or that was long ago.
    pub(super) fn is_news(&self, now: Millis) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.owned = CompleteIndexes::default();
        let was_complete = !std::mem::take(&mut known.complete).is_empty();
        let age = known
            .doubted_at
            .map(|at| now.seconds().abs_diff(at.seconds()));
        let is_news = was_complete || age.is_none_or(|age| age >= KNOWN_FOR);
        if is_news {
            known.doubted_at = Some(now);
        }
        is_news
    }

    pub(super) fn is_first_warning(&self) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut known.has_warned, true)
    }
}
