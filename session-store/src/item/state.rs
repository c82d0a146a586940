//! The part of an item that is not the user's struct.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;

use super::lifetime::{Lifetime, Millis};
use super::value::Map;

/// All of an item but what is in `S`, and not the session id: a session that is known by its handle
/// alone has a state as well.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) handle: SessionHandle,
    pub(crate) lifetime: Lifetime,
    pub(crate) touched_at: Millis,
    pub(crate) expires_at: u64,
    /// The version that this copy was loaded at, plus one for each of its acknowledged writes.
    pub(crate) version: u64,
    /// A version that the item has certainly reached, whoever wrote it.
    pub(crate) seen: u64,
    /// The version of the item after the last write of this copy, or after its load. `None` where the
    /// response to that write did not tell.
    pub(crate) written: Option<u64>,
    /// Whether `data` is stored as bytes.
    pub(crate) packed: bool,
    /// The promoted attributes as they are in the item.
    pub(crate) promoted: Map,
    pub(crate) unknown: Unknown,
}

/// Entries and attributes of the item that `S` does not know: every write leaves them as they are (G4).
#[derive(Clone, Default)]
pub(crate) struct Unknown {
    pub(crate) data: Map,
    pub(crate) attributes: Map,
}

impl State {
    /// The state of a new item, which is put now.
    pub(crate) fn new(
        handle: SessionHandle,
        lifetime: Lifetime,
        now: Millis,
        promoted: Map,
    ) -> Self {
        Self {
            handle,
            lifetime,
            touched_at: now,
            expires_at: lifetime.expires_at(now),
            version: 1,
            seen: 1,
            written: Some(1),
            packed: false,
            promoted,
            unknown: Unknown::default(),
        }
    }

    /// Applies the promoted attributes that a write has stored; `None` removed one.
    pub(crate) fn promote(&mut self, written: &[(&'static str, Option<AttributeValue>)]) {
        for (name, value) in written {
            match value {
                Some(value) => self.promoted.insert((*name).to_owned(), value.clone()),
                None => self.promoted.remove(*name),
            };
        }
    }
}
