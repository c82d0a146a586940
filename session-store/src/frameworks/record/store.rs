//! Creates, reads and ends a framework's session.

#[cfg(feature = "actix-session")]
use std::time::Duration;

use serde::de::DeserializeOwned;

#[cfg(feature = "actix-session")]
use crate::dynamodb::{Deleted, MAX_EXTEND_ATTEMPTS, Written, request};
#[cfg(feature = "actix-session")]
use crate::error::ConflictError;
use crate::error::{DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{
    Delta, Found, Image, Lifetime, Map, Nonce, State, Unknown, entries_from_json,
    entries_into_json, is_live, stored_creation, take_data,
};
#[cfg(feature = "actix-session")]
use crate::item::{earliest_creation, rosters_of, split_attributes};
use crate::schema::{Schema, SessionAttributes};
use crate::store::DynamoDbStore;

use super::data::{Loaded, NewRecord, image};

/// The sessions of a store as a framework sees them.
pub(crate) struct Records<'a, S> {
    pub(crate) store: &'a DynamoDbStore<S>,
}

impl<'a, S: SessionAttributes + DeserializeOwned + 'static> Records<'a, S> {
    pub(crate) fn new(store: &'a DynamoDbStore<S>) -> Self {
        Self { store }
    }

    /// Creates a session under the id of this handle, or of the next if the id is taken.
    ///
    /// A session that has already expired is not stored: no reader would find it, but it would still take
    /// an entry in its rosters.
    pub(crate) async fn create(
        &self,
        new: NewRecord<'_>,
        handle: SessionHandle,
        mut next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<(), Error> {
        let (schema, table) = (S::SCHEMA, self.store.table());
        let now = table.now();
        let lifetime = Lifetime::new(schema, new.created_at, new.idle);
        let ends = new.ends.min(lifetime.absolute_end());
        let item_of = |handle| {
            let image = image::<S>(handle, entries_from_json(new.data))?;
            let state = State {
                expires_at: ends,
                unknown: Unknown {
                    attributes: new.unknown.clone(),
                    ..Unknown::default()
                },
                ..State::new(handle, lifetime, now, image.promoted())
            };
            Ok::<_, Error>(image.into_item(&table.codec, &state, Nonce::mint()?)?)
        };
        let item = item_of(handle)?;
        if !is_live(ends, now) {
            tracing::info!(%handle, "a session that has already expired is not stored");
            return Ok(());
        }
        let next = || {
            let handle = next()?;
            Ok((handle, item_of(handle)?))
        };
        let rosters = self.store.rosters();
        log_evicted(rosters.insert(handle, item, &lifetime, next).await?);
        Ok(())
    }

    /// Reads a session.
    #[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
    pub(crate) async fn load(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Loaded>, Error> {
        match self.store.table().read(handle, consistent).await? {
            Some(item) => Ok(self.decode(handle, item)?),
            None => Ok(None),
        }
    }

    /// The session in an item; `None` if it has expired.
    pub(crate) fn decode(
        &self,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Option<Loaded>, DecodeError> {
        let (schema, table) = (S::SCHEMA, self.store.table());
        let found = Found::of(schema, handle, Some(item), table.now())?;
        let Some(live) = found.live() else {
            return Ok(None);
        };
        let readable = live.readable(&table.codec)?;
        let mut item = readable.item;
        let created_at = stored_creation(schema, handle, &item)?;
        let data = take_data(schema, handle, &mut item)?;
        let image = image::<S>(handle, data.clone());
        Ok(Some(Loaded {
            data: entries_into_json(data)
                .map_err(|cause| DecodeError::new(handle, schema.names.data, cause))?,
            #[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
            ends: readable.expires_at,
            created_at,
            version: readable.version,
            // Data that the type cannot read has no attributes to compare. A save reports the error.
            stale_attributes: match &image {
                Ok(image) => stale_attributes(schema, &item, image),
                Err(_) => Vec::new(),
            },
            #[cfg(feature = "actix-session")]
            unknown_attributes: split_attributes(schema, item).1,
            #[cfg(feature = "actix-session")]
            schema_mismatch: image.err(),
        }))
    }
}

#[cfg(feature = "actix-session")]
impl<S: SessionAttributes + DeserializeOwned + 'static> Records<'_, S> {
    /// Ends a session, and returns its item to only one of several parallel calls. If a response was lost,
    /// it is unknown which request ended the session, and no call gets the item.
    pub(crate) async fn end(&self, handle: SessionHandle) -> Result<Option<Map>, Error> {
        let table = self.store.table();
        let delete = || request::delete_present(table, handle);
        let Deleted::Removed(item) = table.delete(delete).await? else {
            return Ok(None);
        };
        let rosters = rosters_of(S::SCHEMA, &item);
        self.store.rosters().leave_all(&rosters, handle).await;
        Ok(Some(item))
    }

    /// Extends the session to this time from now, unless it already lives longer, and writes nothing else.
    ///
    /// The time of creation is unknown here, so a condition checks that the absolute timeout allows this.
    /// If it does not, the item in the refusal shows how much it allows.
    pub(crate) async fn extend(&self, handle: SessionHandle, idle: Duration) -> Result<(), Error> {
        let (schema, table) = (S::SCHEMA, self.store.table());
        let now = table.now();
        let mut ends = Lifetime::new(schema, now, Some(idle)).expires_at(now);
        for _ in 0..MAX_EXTEND_ATTEMPTS {
            let since = Some(earliest_creation(schema, ends));
            let touch = || request::touch(table, handle, now, ends, since);
            let Written::ConditionFailed { old, .. } = table.update(touch).await? else {
                return Ok(());
            };
            let found = Found::of(schema, handle, old, now)?;
            let readable = found.or_gone(handle)?.readable(&table.codec)?;
            let created_at = stored_creation(schema, handle, &readable.item)?;
            ends = ends.min(Lifetime::new(schema, created_at, None).absolute_end());
            if readable.expires_at >= ends {
                return Ok(());
            }
        }
        Err(ConflictError::new(handle, MAX_EXTEND_ATTEMPTS).into())
    }
}

/// The promoted attributes of an item that differ from those of the image.
fn stale_attributes(schema: &Schema, item: &Map, image: &Image) -> Vec<&'static str> {
    let mut repair = Delta::default();
    repair.repair(schema, item, image, image);
    repair.attributes.iter().map(|(name, _)| *name).collect()
}

/// Logs the sessions that were evicted, since no framework asks for them.
pub(super) fn log_evicted(evicted: Vec<SessionHandle>) {
    for handle in evicted {
        tracing::info!(%handle, "a session was evicted by a newer one of the same user");
    }
}
