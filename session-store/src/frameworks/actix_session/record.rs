//! What this framework asks of a record beyond what others do.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::dynamodb::request::session as request;
use crate::dynamodb::write::{Deleted, Written, conflict};
use crate::error::{DecodeError, Error, GoneError};
use crate::frameworks::record::{Base, Data, Loaded, New};
use crate::id::{SessionHandle, SessionId, random};
use crate::item::image::{part_attributes, stored_expiry, stored_number, unpacked};
use crate::item::lifetime::{self, Millis, absolute_end, earliest_creation, is_live};
use crate::item::roster::rosters;
use crate::item::value::Map;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

impl<S: SessionAttributes + DeserializeOwned + 'static> DynamoDbStore<S> {
    /// Reads a session that the type can read, by the store's policy for one that it cannot.
    pub(super) async fn load_fitting(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Loaded>, Error> {
        let Some(item) = self.read(handle, consistent).await? else {
            return Ok(None);
        };
        let fitting = |mut loaded: Loaded| match loaded.misfit.take() {
            Some(misfit) => Err(DecodeError::new(handle, misfit.path, misfit.cause)),
            None => Ok(loaded),
        };
        let read = self.record_in(handle, item);
        self.readable(handle, read.and_then(|read| read.map(fitting).transpose()))
    }

    /// Creates a session that counts from this moment, with an idle timeout of its own and with
    /// attributes that the type does not know.
    pub(super) async fn create_counting_from(
        &self,
        created_at: Millis,
        data: &Data,
        idle: Duration,
        unknown: Map,
    ) -> Result<SessionId, Error> {
        let now = self.now();
        let new = New {
            data,
            created_at,
            ends: lifetime::expires_at(S::SCHEMA, created_at, now, Some(idle)),
            idle: Some(idle),
            unknown,
        };
        let mut id = SessionId::mint()?;
        let handle = id.handle();
        let next = || {
            id = SessionId::mint()?;
            Ok(id.handle())
        };
        self.create_record(new, handle, next).await?;
        Ok(id)
    }

    /// Ends a session, and gives what it held to one alone of those who end it at once: to none, if
    /// an answer was lost and nobody knows which request ended it.
    pub(super) async fn end_record(&self, handle: SessionHandle) -> Result<Option<Map>, Error> {
        let delete = || request::delete_present(self.target(), handle);
        let Deleted::Was(item) = self.delete_item(delete).await? else {
            return Ok(None);
        };
        self.leave_all(&rosters(S::SCHEMA, &item), handle).await;
        Ok(Some(item))
    }

    /// Creates the session that takes the place of one that was just deleted: with what both the
    /// caller and others have changed in it, and the time since which it counts.
    ///
    /// None if what was deleted was no live session any more.
    pub(super) async fn create_in_place_of(
        &self,
        (handle, item): (SessionHandle, Map),
        base: &Base,
        data: Data,
        idle: Duration,
    ) -> Result<Option<SessionId>, Error> {
        let (_, unknown) = part_attributes(S::SCHEMA, item.clone());
        let Some(old) = self.record_in(handle, item)? else {
            return Ok(None);
        };
        let mut merged = old.data;
        merged.retain(|name, _| data.contains_key(name) || !base.data.contains_key(name));
        let changed = data.into_iter();
        merged.extend(changed.filter(|(name, value)| base.data.get(name) != Some(value)));
        let id = self
            .create_counting_from(old.created_at, &merged, idle, unknown)
            .await?;
        Ok(Some(id))
    }

    /// Stores what has changed since the load. Where that is not known, the map is to be all there
    /// is, and the session is read first.
    pub(super) async fn save_since(
        &self,
        handle: SessionHandle,
        base: Option<Base>,
        data: Data,
        idle: Duration,
    ) -> Result<(), Error> {
        let base = match base {
            Some(base) => base,
            None => {
                let expired = false;
                let loaded = self.load_fitting(handle, true).await?;
                Base::of(&loaded.ok_or(GoneError { handle, expired })?)?
            }
        };
        if base.data == data {
            return self.extend(handle, idle).await;
        }
        // A request saves once: what has this number already was made from the same load.
        let copy = random()?;
        let base = Base { copy, ..base };
        let ends = lifetime::expires_at(S::SCHEMA, base.created_at, self.now(), Some(idle));
        self.save_record(handle, &data, Some(&base), ends, false)
            .await
    }

    /// Lets the session live for this long from now on, unless it does already, and writes nothing
    /// but that.
    ///
    /// When the session was created is not known here, so that it is a condition that the absolute
    /// timeout allows as much; where it does not, the refusal tells how much it does.
    pub(super) async fn extend(&self, handle: SessionHandle, idle: Duration) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let gone = |expired| GoneError { handle, expired };
        let now = self.now();
        let mut ends = lifetime::expires_at(schema, now, now, Some(idle));
        for _ in 0..2 {
            let since = Some(earliest_creation(schema, ends));
            let touch = || request::touch(self.target(), handle, now, ends, since);
            let Written::Refused { old, .. } = self.update_item(touch).await? else {
                return Ok(());
            };
            let mut item = old.ok_or(gone(false))?;
            let stored = stored_expiry(schema, handle, &item)?;
            if !is_live(stored, now) {
                return Err(gone(true).into());
            }
            unpacked(schema, handle, &mut item)?;
            let created_at = Millis(stored_number(schema.names.created_at, handle, &item)?);
            ends = ends.min(absolute_end(schema, created_at));
            if stored >= ends {
                return Ok(());
            }
        }
        Err(conflict(handle, 2).into())
    }
}
