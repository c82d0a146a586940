//! Creates and reads a framework's session.

use serde::de::DeserializeOwned;

use crate::error::{DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{
    Delta, Found, Image, Lifetime, Map, Nonce, State, Unknown, entries_from_json,
    entries_into_json, is_live, split_attributes, stored_creation, take_data,
};
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
        let table = self.store.table();
        let schema = table.schema();
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

    /// The session in an item; `None` if it has expired.
    pub(crate) fn decode(
        &self,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Option<Loaded>, DecodeError> {
        let table = self.store.table();
        let schema = table.schema();
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
            ends: readable.expires_at,
            created_at,
            version: readable.version,
            // Data that the type cannot read has no attributes to compare. A save reports the error.
            stale_attributes: match &image {
                Ok(image) => stale_attributes(schema, &item, image),
                Err(_) => Vec::new(),
            },
            unknown_attributes: split_attributes(schema, item).1,
            schema_mismatch: image.err(),
        }))
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
