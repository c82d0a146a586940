//! The line of a listing: what it shows of one session.

use std::time::SystemTime;

use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::item::{
    Map, Millis, end, may_live, own_idle_of, seconds_to_time, stored_creation, stored_expiry,
    stored_number,
};
use crate::schema::Schema;

/// A session in a listing: enough for a page of "your devices", and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    handle: SessionHandle,
    created_at: Millis,
    touched_at: Millis,
    /// To the millisecond.
    ends: Millis,
}

impl SessionSummary {
    /// The public identifier of the session: revoke by it, and compare it with that of the current one.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// When the session was created, to the millisecond.
    pub fn created_at(&self) -> SystemTime {
        self.created_at.time()
    }

    /// When the session was last saved or touched, to the millisecond.
    pub fn touched_at(&self) -> SystemTime {
        self.touched_at.time()
    }

    /// When the session will end unless it is saved or touched, rounded up to a second. By its
    /// idle timeout it ends within that second, to the millisecond.
    pub fn expires_at(&self) -> SystemTime {
        seconds_to_time(self.ends.seconds_up())
    }

    /// The attributes that it takes, besides the key and the time of creation.
    pub(super) fn shown(schema: &Schema) -> [&'static str; 3] {
        let names = &schema.names;
        [names.touched_at, names.expires_at, names.idle]
    }

    pub(super) fn read(
        schema: &Schema,
        handle: SessionHandle,
        item: &Map,
    ) -> Result<Self, DecodeError> {
        let touched_at = Millis(stored_number(schema.names.touched_at, handle, item)?);
        let expires_at = stored_expiry(schema, handle, item)?;
        let created_at = stored_creation(schema, handle, item)?;
        let own_idle = own_idle_of(schema, item);
        Ok(Self {
            handle,
            created_at,
            touched_at,
            ends: end(
                schema,
                expires_at,
                Some(created_at),
                Some(touched_at),
                own_idle,
            ),
        })
    }

    /// A session whose times cannot be read. It may be live.
    /// The summary of a test.
    #[cfg(feature = "test-util")]
    pub(crate) fn of(
        handle: SessionHandle,
        created_at: Millis,
        touched_at: Millis,
        ends: Millis,
    ) -> Self {
        Self {
            handle,
            created_at,
            touched_at,
            ends,
        }
    }

    pub(super) fn unreadable(handle: SessionHandle) -> Self {
        Self {
            handle,
            created_at: Millis(0),
            touched_at: Millis(0),
            ends: Millis(0),
        }
    }

    pub(super) fn is_live(&self, schema: &Schema, now: Millis) -> bool {
        self.ends > now && may_live(schema, self.created_at, now)
    }
}
