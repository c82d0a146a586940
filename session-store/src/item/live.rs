//! The one test of what an item says of its session: absent, expired, unreadable or live.

use crate::error::{DecodeError, GoneError};
use crate::id::SessionHandle;
use crate::schema::Schema;

use super::format::Codec;
use super::lifetime::{Millis, end, may_live};
use super::marks::{Nonce, has_marks, remembers};
use super::moved::{moved_to, recently_moved_to};
use super::own::{
    is_of_another_type, stored_creation, stored_expiry, stored_number, touched_at_of, version_of,
};
use super::own_timeouts::OwnTimeouts;
use super::value::Map;

/// No session has as many writes, and counting on from here does not overflow.
pub(crate) const MAX_VERSION: u64 = u64::MAX / 2;

/// A session as an item, or the lack of one, shows it at a moment.
pub(crate) enum Found {
    /// There is no item, or one of another session type.
    Absent,
    /// There is one, and the session in it has expired.
    Expired,
    /// There is the mark of a change of id, a moment ago.
    Replaced,
    Live(LiveItem),
}

impl Found {
    /// # Errors
    ///
    /// [`DecodeError`] if the item does not tell when its session ends. It is read before anything
    /// else: nothing else matters of a session that has expired.
    pub(crate) fn of(
        schema: &Schema,
        handle: SessionHandle,
        item: Option<Map>,
        now: Millis,
    ) -> Result<Self, DecodeError> {
        let Some(item) = item else {
            return Ok(Self::Absent);
        };
        // G16: to this type, it is as if there was nothing.
        if is_of_another_type(schema, &item) {
            return Ok(Self::Absent);
        }
        if moved_to(schema, &item).is_some() {
            return Ok(match recently_moved_to(schema, &item, now) {
                Some(_) => Self::Replaced,
                None => Self::Absent,
            });
        }
        let expires_at = stored_expiry(schema, handle, &item)?;
        // The end that is stored is by the clock and the type of the host that wrote it.
        let created_at = stored_creation(schema, handle, &item).ok();
        let in_bounds = created_at.is_none_or(|created_at| may_live(schema, created_at, now));
        let touched_at = touched_at_of(schema, &item);
        let own = OwnTimeouts::of(schema, &item);
        let ends = end(schema, expires_at, created_at, touched_at, own);
        if ends <= now || !in_bounds {
            return Ok(Self::Expired);
        }
        Ok(Self::Live(LiveItem {
            handle,
            item,
            times: Times {
                ends,
                touched_at,
                own,
            },
        }))
    }

    /// The item of a live session.
    pub(crate) fn live(self) -> Option<LiveItem> {
        match self {
            Self::Live(live) => Some(live),
            Self::Absent | Self::Expired | Self::Replaced => None,
        }
    }

    /// The same for a write, to which a session that is gone is an error (G1).
    pub(crate) fn or_gone(self, handle: SessionHandle) -> Result<LiveItem, GoneError> {
        match self {
            Self::Absent => Err(GoneError::new(handle)),
            Self::Expired => Err(GoneError::expired(handle)),
            Self::Replaced => Err(GoneError::replaced(handle)),
            Self::Live(live) => Ok(live),
        }
    }
}

/// The item of a session that has not expired. Nothing else of it was read yet.
pub(crate) struct LiveItem {
    handle: SessionHandle,
    item: Map,
    times: Times,
}

/// When a live session was used and ends.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// For the type that reads it, to the millisecond.
    pub(crate) ends: Millis,
    pub(crate) touched_at: Option<Millis>,
    pub(crate) own: OwnTimeouts,
}

impl LiveItem {
    /// When it ends for the type that reads it, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> u64 {
        self.times.ends.seconds_up()
    }

    /// Whether the item remembers this write.
    pub(crate) fn remembers(&self, schema: &Schema, nonce: Nonce) -> bool {
        remembers(schema, &self.item, nonce)
    }

    /// The version in the item, if it is there.
    pub(crate) fn version(&self, schema: &Schema) -> Option<u64> {
        version_of(schema, &self.item)
    }

    /// Unpacks the data, and checks that writes of this store can act on the item.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if `data`, `writes` or `version` are not as this store writes them.
    pub(crate) fn readable(mut self, codec: &Codec) -> Result<ReadableItem, DecodeError> {
        let schema = codec.schema();
        codec.unpack(self.handle, &mut self.item)?;
        if !has_marks(schema, &self.item) {
            let cause = "it is not a list of four binary values";
            return Err(DecodeError::new(self.handle, schema.names.writes, cause));
        }
        let version = stored_number(schema.names.version, self.handle, &self.item)?;
        if version > MAX_VERSION {
            let cause = "it is larger than any that a store writes";
            return Err(DecodeError::new(self.handle, schema.names.version, cause));
        }
        Ok(ReadableItem {
            version,
            expires_at: self.expires_at(),
            times: self.times,
            item: self.item,
        })
    }
}

/// The item of a live session, with `data` as a map.
pub(crate) struct ReadableItem {
    pub(crate) item: Map,
    pub(crate) version: u64,
    /// When it ends for the type that reads it, in seconds since 1970.
    pub(crate) expires_at: u64,
    pub(crate) times: Times,
}

#[cfg(test)]
mod tests;
