//! The changes of a copy that are not stored yet.

use std::collections::BTreeMap;

use crate::binaries::Fields;
use crate::plan::NewId;

/// The fields that the next write of a copy must store, and those that it may store.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// The number of the copy.
    pub copy: u64,
    pub must: Fields,
    pub may: BTreeMap<&'static str, Vec<Option<u64>>>,
    /// The session's own idle timeout may be stored, and it must be this one.
    pub idle: bool,
    pub new_idle: Option<Option<u64>>,
    /// A change of id may store one of these as the session's own absolute timeout.
    pub absolute: Vec<Option<u64>>,
    /// It may be stored only onto the version of the copy.
    pub pinned: bool,
    /// Before this, there was nothing to store.
    pub fresh: bool,
    /// An earlier change of id is resumed, and one of its responses may have been lost.
    pub resumed: bool,
    /// The fields that it must store, if a `save`, `touch` or `refresh` finishes it first.
    pub first: Option<Fields>,
    /// The time of the last touch, as far as the copy knows.
    pub touched_at: u64,
    /// The fields of the copy.
    pub fields: Fields,
    /// When this change of id began, by the client's clock, and why.
    pub begun: u64,
    pub new_id: Option<NewId>,
    /// Until when it was first asked for: it may have had to finish an earlier one first.
    pub asked: Option<u64>,
}

impl Pending {
    /// Whether there is something to store.
    pub fn is_due(&self) -> bool {
        !self.must.is_empty() || self.new_idle.is_some()
    }
}
