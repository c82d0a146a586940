//! Creates and reads a framework's session.

use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError, Error, GoneError};
use crate::id::SessionHandle;
use crate::item::{
    Delta, Forgotten, Found, Image, Lifetime, Map, Millis, Nonce, OwnTimeouts, State, Unknown,
    authenticated_at_of, entries_from_json, entries_into_json, marked_until, moved_to,
    split_attributes, stored_creation, take_data, use_until,
};
use crate::schema::{Schema, SessionAttributes};
use crate::store::DynamoDbStore;
use crate::telemetry::{Ended, Event, note};

use super::base::Base;
use super::data::{Creation, Data, Loaded, NewRecord, image, image_or_entries};

/// The sessions of a store as a framework sees them.
pub(crate) struct Records<'a, S> {
    pub(crate) store: &'a DynamoDbStore<S>,
}

impl<'a, S: SessionAttributes + DeserializeOwned + 'static> Records<'a, S> {
    pub(crate) fn new(store: &'a DynamoDbStore<S>) -> Self {
        Self { store }
    }

    /// Creates a session under the id of this handle, or of the next if the id is taken, and gives the one
    /// that it has.
    ///
    /// A session that has already expired is not stored: no reader would find it, but it would still take
    /// an entry in its rosters.
    pub(crate) async fn create(
        &self,
        new: NewRecord<'_>,
        handle: SessionHandle,
        mut next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<Option<SessionHandle>, Error> {
        let table = self.store.table();
        let schema = table.schema();
        let now = table.now();
        let Creation {
            created_at,
            absolute,
            ..
        } = new.counts_from;
        // Any handle will do: it does not affect the user.
        let first = image::<S>(schema, handle, entries_from_json(new.data))?;
        let own = OwnTimeouts {
            absolute,
            ..first.timeouts(schema, OwnTimeouts::default())
        };
        let lifetime = Lifetime::new(schema, created_at, own);
        let ends = new.ends.min(Millis::of_seconds(lifetime.absolute_end()));
        let (touched_at, idle) = use_until(ends, now);
        let own = OwnTimeouts {
            idle: Some(idle),
            ..own
        };
        let lifetime = Lifetime::new(schema, created_at, own);
        let item_of = |handle| {
            let image = image::<S>(schema, handle, entries_from_json(new.data))?;
            let state = State {
                touched_at,
                expires_at: ends.seconds_up(),
                authenticated_at: new.counts_from.authenticated_at,
                unknown: Unknown {
                    attributes: new.unknown.clone(),
                    ..Unknown::default()
                },
                ..State::new(handle, lifetime, now, image.promoted())
            };
            let (limits, max_size) = (image.limits.clone(), table.codec.max_size());
            let item = image.into_item(&table.codec, max_size, &state, Nonce::mint()?)?;
            Ok::<_, Error>((item, limits))
        };
        let (item, limits) = item_of(handle)?;
        if ends <= now {
            tracing::info!(%handle, "a session that has already expired is not stored");
            return Ok(None);
        }
        let mut created = handle;
        let next = || {
            created = next()?;
            let (item, _) = item_of(created)?;
            Ok((created, item))
        };
        let rosters = self.store.rosters();
        let inserted = rosters.insert(handle, item, &lifetime, &limits, next);
        inserted.await?;
        Ok(Some(created))
    }

    /// From when a session counts that begins now with this data. If it names a user, somebody logs in.
    pub(crate) fn beginning(&self, data: &Data) -> Result<Creation, EncodeError> {
        let table = self.store.table();
        let now = table.now();
        let has_user = S::SCHEMA.user().is_some() && {
            // Any handle will do: it does not affect the user.
            let handle = SessionHandle::of_secret(&[]);
            let image = image::<S>(table.schema(), handle, entries_from_json(data))?;
            image.user(S::SCHEMA).is_some()
        };
        Ok(Creation {
            created_at: now,
            absolute: None,
            authenticated_at: has_user.then_some(now),
        })
    }

    /// Whether the user of a session leaves it between these states.
    #[cfg(feature = "actix-session")]
    pub(crate) fn changes_user(
        &self,
        handle: SessionHandle,
        before: &Data,
        after: &Data,
    ) -> Result<bool, EncodeError> {
        let schema = self.store.table().schema();
        let before = image_or_entries::<S>(schema, handle, entries_from_json(before));
        let after = image::<S>(schema, handle, entries_from_json(after))?;
        let user = before.user(S::SCHEMA);
        Ok(user.is_some() && user != after.user(S::SCHEMA))
    }

    /// From when a session counts that gets a new id, and the change between these states with it: from now if
    /// somebody logs in (G6), and as before if not.
    pub(crate) fn creation(
        &self,
        base: &Base,
        before: &Data,
        after: &Data,
    ) -> Result<Creation, EncodeError> {
        let now = self.store.table().now();
        let schema = self.store.table().schema();
        let before = image_or_entries::<S>(schema, base.handle, entries_from_json(before));
        let after = image::<S>(schema, base.handle, entries_from_json(after))?;
        if after.logs_in(S::SCHEMA, &before) {
            return Ok(Creation {
                created_at: now,
                absolute: base.absolute,
                authenticated_at: Some(now),
            });
        }
        Ok(Creation {
            // They are never in the future, whatever the application has made of the base.
            created_at: base.created_at.min(now),
            absolute: base.absolute,
            authenticated_at: base.authenticated_at.map(|at| at.min(now)),
        })
    }

    /// Reads the base for a write that has none.
    ///
    /// # Errors
    ///
    /// [`GoneError`] if there is no session.
    pub(crate) async fn base(&self, handle: SessionHandle) -> Result<Base, Error> {
        let Some(item) = self.store.table().read(handle, true).await? else {
            return Err(GoneError::new(handle).into());
        };
        if self.marked_until(&item).is_some() {
            return Err(GoneError::replaced(handle).into());
        }
        match self.decode(handle, item)? {
            None => Err(GoneError::expired(handle).into()),
            Some(Loaded {
                schema_mismatch: Some(error),
                ..
            }) => Err(DecodeError::new(handle, error.path, error.cause).into()),
            Some(loaded) => Base::of(&loaded),
        }
    }

    /// If the item is the mark of a change of id, a moment ago, until when it counts as one.
    pub(crate) fn marked_until(&self, item: &Map) -> Option<u64> {
        let table = self.store.table();
        marked_until(table.schema(), item, table.now())
    }

    /// The session in an item for a request; `None` if it has expired. The store's policy decides what happens
    /// if the type cannot read it. A stale read, after which another one follows, notes no expiry.
    pub(crate) fn decode_for_visitor(
        &self,
        handle: SessionHandle,
        item: Map,
        is_last_read: bool,
    ) -> Result<Option<Loaded>, Error> {
        let matching = |mut loaded: Loaded| match loaded.schema_mismatch.take() {
            Some(error) => Err(DecodeError::new(handle, error.path, error.cause)),
            None => Ok(loaded),
        };
        let event = match moved_to(self.store.table().schema(), &item) {
            Some(_) => Event::ReplacedId,
            None => Event::Ended(Ended::Expiry),
        };
        let read = self.decode(handle, item);
        if is_last_read && matches!(read, Ok(None)) {
            note(event, Some(handle));
        }
        let read = read.and_then(|read| read.map(matching).transpose());
        self.store.readable_for_visitor(read.map_err(Error::from))
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
        let authenticated_at = authenticated_at_of(schema, &item);
        let data = take_data(schema, handle, &mut item)?;
        let image = image::<S>(schema, handle, data.clone());
        let (promoted, mut unknown_attributes) = split_attributes(schema, item);
        // The entries are in the framework's map, and the next write leaves them out.
        let forgotten = Forgotten::take(schema, &mut Map::new(), &mut unknown_attributes);
        Ok(Some(Loaded {
            handle,
            data: entries_into_json(data)
                .map_err(|cause| DecodeError::new(handle, schema.names.data, cause))?,
            ends: readable.times.ends,
            created_at,
            absolute: readable.times.own.absolute,
            authenticated_at,
            version: readable.version,
            // Data that the type cannot read has no attributes to compare. A save reports the error.
            stale_attributes: match &image {
                Ok(image) => stale_attributes(schema, &promoted, image),
                Err(_) => Vec::new(),
            },
            forgotten,
            unknown_attributes,
            schema_mismatch: image.err(),
        }))
    }
}

/// The promoted attributes of an item that differ from those of the image.
fn stale_attributes(schema: &Schema, item: &Map, image: &Image) -> Vec<&'static str> {
    let mut repair = Delta::default();
    repair.repair(schema, item, image, image);
    let attributes = repair.attributes.iter().map(|(name, _)| *name);
    attributes.chain(image.stale_notes(item)).collect()
}
