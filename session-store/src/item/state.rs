//! The part of an item that is not the user's struct.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;

use super::forgotten::Forgotten;
use super::lifetime::{Judgement, Lifetime, Millis};
use super::own_timeouts::KnownTimeouts;
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
    /// A version that the item has certainly reached, no matter who wrote it.
    pub(crate) seen: u64,
    /// The version of the item after the last write of this copy, or after its load. `None` where the
    /// response to that write did not tell.
    pub(crate) written: Option<u64>,
    /// Whether `data` is stored as bytes.
    pub(crate) packed: bool,
    /// Whether the item is known to be larger than one write unit. One that is not counts as small, and is extended
    /// earlier.
    pub(crate) is_large: bool,
    /// Whether the item tells its session type.
    pub(crate) has_type: bool,
    /// Whether it came out of a cache, and so may be behind what is stored.
    pub(crate) is_copy: bool,
    /// When the client's cookie ends, in seconds since 1970; 0 if it ends with the browser. `None` if no layer
    /// has noted it.
    pub(crate) cookie_end: Option<u64>,
    /// When the user last logged in or authenticated again; `None` if that is not known.
    pub(crate) authenticated_at: Option<Millis>,
    /// The beginning of the request that uses the session: whether it has expired is judged by this moment.
    pub(crate) as_of: Option<Millis>,
    /// The promoted attributes as they are in the item.
    pub(crate) promoted: Map,
    /// Others have written since this copy was read, so that it does not know what the item lacks.
    pub(crate) is_overtaken: bool,
    pub(crate) unknown: Unknown,
    /// What the item had, when it was read, of what the type forgets. It is in no other part of the state.
    pub(crate) forgotten: Forgotten,
    /// The entries of `data` that `S` was read from or written as, as far as they are known. A cache shares them with the
    /// sessions that it gives out.
    pub(crate) stored: Arc<Map>,
}

/// Entries and attributes of the item that `S` does not know: every write leaves them as they are (G4), but for those
/// that the type forgets, which are not here.
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
            is_large: false,
            has_type: true,
            is_copy: false,
            cookie_end: None,
            authenticated_at: None,
            as_of: None,
            promoted,
            is_overtaken: false,
            unknown: Unknown::default(),
            forgotten: Forgotten::default(),
            stored: Arc::default(),
        }
    }

    /// The moment by which it is judged whether the session has expired.
    pub(crate) fn judged_at(&self, now: Millis) -> Millis {
        self.as_of.map_or(now, |as_of| as_of.min(now))
    }

    /// By what a write judges whether the session has expired.
    pub(crate) fn judgement(&self, now: Millis) -> Judgement {
        Judgement {
            at: self.judged_at(now),
            timeouts: KnownTimeouts::Own(self.lifetime.own),
        }
    }

    /// When the session ends, to the millisecond.
    pub(crate) fn ends(&self) -> Millis {
        self.lifetime
            .end_as_stored(self.expires_at, self.touched_at)
    }

    /// The last use of a session that is used now. Another host, whose clock is ahead, may have used it later.
    pub(crate) fn used_at(&self, now: Millis) -> Millis {
        now.max(self.touched_at)
    }

    /// Takes over the last use that is stored, and when the session ends by that.
    pub(crate) fn note_use(&mut self, touched_at: Option<Millis>, expires_at: u64) {
        self.touched_at = touched_at.unwrap_or(self.touched_at);
        self.expires_at = expires_at;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::OwnTimeouts;
    use crate::schema::Schema;

    const SCHEMA: Schema = Schema::new("sessions").checked();

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn new_state(promoted: Map) -> State {
        let handle = SessionHandle::of_secret(b"secret");
        // It was created before now: a new id keeps the time of creation.
        let lifetime = Lifetime::new(&SCHEMA, Millis(1_000), OwnTimeouts::default());
        State::new(handle, lifetime, Millis(5_000), promoted)
    }

    #[test]
    fn a_new_session_is_in_version_1_and_idle_from_now_on() {
        let state = new_state(Map::new());
        assert_eq!((state.version, state.seen, state.written), (1, 1, Some(1)));
        assert_eq!(state.touched_at, Millis(5_000));
        assert_eq!(state.expires_at, 5 + 30 * 60);
    }

    #[test]
    fn written_attributes_are_set_or_removed_and_the_others_stay() {
        let promoted = [("user_id", "u1"), ("theme", "dark"), ("plan", "free")];
        let promoted = promoted.map(|(name, text)| (name.to_owned(), s(text)));
        let mut state = new_state(Map::from(promoted));
        state.promote(&[
            ("user_id", Some(s("u2"))),
            ("theme", None),
            ("tenant", Some(s("t1"))),
        ]);
        let expected = [("user_id", "u2"), ("plan", "free"), ("tenant", "t1")];
        let expected = expected.map(|(name, text)| (name.to_owned(), s(text)));
        assert_eq!(state.promoted, Map::from(expected));
    }
}
