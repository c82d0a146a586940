//! Operations on a record that only this framework needs.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::dynamodb::request::{self, SessionType, TouchBound, Touching};
use crate::dynamodb::{Deleted, MAX_EXTEND_ATTEMPTS, Written};
use crate::error::{ConflictError, Error, GoneError};
use crate::id::{SessionHandle, SessionId, random};
use crate::item::{
    Found, Judgement, KnownTimeouts, Lifetime, Map, Millis, OwnTimeouts, earliest_creation,
    rosters_of, stored_creation, use_until,
};
use crate::schema::SessionAttributes;
use crate::telemetry::{Ended as By, Event, note};

use crate::frameworks::record::{Base, Creation, Data, NewRecord, Origin, Records};

/// A session that was ended.
pub(super) struct Ended {
    /// The handle by which that was asked for.
    pub(super) handle: SessionHandle,
    item: Map,
    /// Whether it had a new id since.
    is_moved: bool,
}

impl<S: SessionAttributes + DeserializeOwned + 'static> Records<'_, S> {
    /// Reads a session, or the mark of a change of its id. The store's policy decides what happens if the type
    /// cannot read it.
    pub(super) async fn load_copy(
        &self,
        handle: SessionHandle,
    ) -> Result<Option<(Data, Origin)>, Error> {
        let consistent = self.store.reads_consistently();
        let loaded = self.load_copy_once(handle, consistent).await?;
        if loaded.is_some() || consistent {
            return Ok(loaded);
        }
        // The framework begins another session for one that is not there, and a stale read misses a fresh one.
        self.load_copy_once(handle, true).await
    }

    async fn load_copy_once(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<(Data, Origin)>, Error> {
        let Some(item) = self.store.table().read(handle, consistent).await? else {
            // Another read follows one that may be stale.
            if consistent {
                note(Event::UnknownId, Some(handle));
            }
            return Ok(None);
        };
        if self.marked_until(&item).is_some() {
            // For `None`, the framework would begin a session, and set its cookie over that of another
            // request (G18).
            return Ok(Some((Data::new(), Origin::Moved(handle))));
        }
        let Some(loaded) = self.decode_for_visitor(handle, item, consistent)? else {
            return Ok(None);
        };
        let base = Base::of(&loaded)?;
        Ok(Some((loaded.data, Origin::Stored(base))))
    }

    /// Creates a session that counts from this moment, with its own idle timeout, and with attributes that the type
    /// does not know.
    pub(super) async fn create_counting_from(
        &self,
        counts_from: Creation,
        data: &Data,
        idle: Duration,
        unknown: Map,
    ) -> Result<SessionId, Error> {
        let new = NewRecord {
            data,
            counts_from,
            ends: self.store.table().now().after(idle),
            unknown,
        };
        let mut id = SessionId::mint()?;
        let handle = id.handle();
        let next = || {
            id = SessionId::mint()?;
            Ok(id.handle())
        };
        self.create(new, handle, next).await?;
        Ok(id)
    }

    /// Creates the session that replaces one that was just deleted: with the changes of the caller and of
    /// others, and with the time of creation of the old session unless somebody logs in.
    ///
    /// If it cannot be read any more, its changes by others are lost: it is deleted already, and an error here
    /// would end the log-in as well.
    ///
    /// # Errors
    ///
    /// [`GoneError`] if the deleted session was no longer live.
    pub(super) async fn create_in_place_of(
        &self,
        ended: Ended,
        base: &Base,
        data: Data,
        idle: Duration,
    ) -> Result<SessionId, Error> {
        let handle = base.handle;
        let old = match self.decode(handle, ended.item) {
            Ok(None) => return Err(GoneError::expired(handle).into()),
            // The holder of the old id gets nothing of the session that has the new one.
            Ok(Some(_)) if ended.is_moved => None,
            Ok(Some(old)) if old.schema_mismatch.is_none() => Some(old),
            Ok(Some(_)) | Err(_) => {
                tracing::warn!(%handle, "a session that cannot be read gets a new id without the changes of others");
                None
            }
        };
        let Some(old) = old else {
            let counts_from = self.creation(base, &base.data, &data)?;
            let create = self.create_counting_from(counts_from, &data, idle, Map::new());
            return create.await;
        };
        let mut merged = old.data.clone();
        merged.retain(|name, _| data.contains_key(name) || !base.data.contains_key(name));
        let changed = data.into_iter();
        merged.extend(changed.filter(|(name, value)| base.data.get(name) != Some(value)));
        let stored = Base::of(&old)?;
        let counts_from = self.creation(&stored, &old.data, &merged)?;
        // What may be about one user does not go on to another.
        let unknown = match self.changes_user(base.handle, &old.data, &merged)? {
            true => Map::new(),
            false => old.unknown_attributes,
        };
        let create = self.create_counting_from(counts_from, &merged, idle, unknown);
        create.await
    }

    /// Stores the difference to the base. Without a base, the session is read first, and the map replaces
    /// all of its data.
    pub(super) async fn save_since(
        &self,
        handle: SessionHandle,
        base: Option<Base>,
        data: Data,
        idle: Duration,
    ) -> Result<(), Error> {
        let base = match base {
            Some(base) => base,
            None => self.base(handle).await?,
        };
        if base.data == data {
            return self.extend(handle, idle).await;
        }
        // A request saves once. With a new id, two requests that share a load count as two copies.
        let copy = random()?;
        let base = Base { copy, ..base };
        let ends = self.store.table().now().after(idle);
        self.save(handle, &data, Some(&base), ends, false).await
    }

    /// Ends a session, also if it has a new id since, and returns its item to only one of several parallel
    /// calls. If a response was lost, it is unknown which request ended the session, and no call gets the
    /// item.
    pub(super) async fn end(&self, handle: SessionHandle) -> Result<Option<Ended>, Error> {
        let table = self.store.table();
        let rosters = self.store.rosters();
        let delete = || request::end_present(table, handle);
        let (deleted, is_moved) = match table.delete(delete).await? {
            Deleted::ConditionFailed(item) => match rosters.leads_to(&item) {
                Some(to) => (rosters.end(to, By::LogOut).await?, true),
                None => return Ok(None),
            },
            deleted => (deleted, false),
        };
        let Deleted::Removed(item) = deleted else {
            return Ok(None);
        };
        if !is_moved {
            let left = rosters_of(table.schema(), &item);
            rosters.leave_for_good(&left, handle).await;
            note(Event::Ended(By::LogOut), Some(handle));
        }
        Ok(Some(Ended {
            handle,
            item,
            is_moved,
        }))
    }

    /// Extends the session to this time from now, unless it already lives longer, and writes nothing else.
    ///
    /// The time of creation is unknown here, so a condition checks that the absolute timeout allows this.
    /// If it does not, the item in the refusal shows how much it allows.
    pub(super) async fn extend(&self, handle: SessionHandle, idle: Duration) -> Result<(), Error> {
        let table = self.store.table();
        let schema = table.schema();
        let now = table.now();
        let mut ends = now.after(idle);
        let mut own = OwnTimeouts {
            idle: Some(idle),
            ..OwnTimeouts::default()
        };
        let mut known = KnownTimeouts::Likely(own);
        for _ in 0..MAX_EXTEND_ATTEMPTS {
            let (touched_at, idle) = use_until(ends, now);
            let touching = Touching {
                handle,
                touched_at,
                idle: (own.idle != Some(idle)).then_some(idle),
                judged: Judgement {
                    at: now,
                    timeouts: known,
                },
                expires_at: ends.seconds_up(),
                bound: TouchBound::NotLater {
                    created_since: earliest_creation(schema, own, ends.seconds_up()),
                },
                session_type: SessionType::Unknown,
                cookie_end: None,
            };
            let touch = || request::touch(table, &touching);
            let Written::ConditionFailed { old, .. } = table.update(touch).await? else {
                return Ok(());
            };
            let found = Found::of(schema, handle, old, now)?;
            let readable = found.or_gone(handle)?.readable(&table.codec)?;
            let created_at = stored_creation(schema, handle, &readable.item)?;
            own = readable.times.own;
            known = KnownTimeouts::Own(own);
            let lifetime = Lifetime::new(schema, created_at, own);
            ends = ends.min(Millis::of_seconds(lifetime.absolute_end()));
            if readable.times.ends >= ends {
                return Ok(());
            }
        }
        Err(ConflictError::new(handle, MAX_EXTEND_ATTEMPTS).into())
    }
}
