//! Saves a copy of a session that a framework passes back.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::dynamodb::request::{ExpiryBound, Save, SessionType};
use crate::error::{EncodeError, Error, TooLargeError};
use crate::id::SessionHandle;
use crate::item::{
    BaseState, Codec, DataChange, Delta, Forgotten, Image, Intent, Judgement, KnownTimeouts,
    Lifetime, Map, Millis, Nonce, OwnTimeouts, ReadableItem, RosterPlan, SavePlan, TimeoutChange,
    Unknown, data_of, earliest_creation, entries_from_json, is_current, is_same, split_attributes,
    stored_creation, use_until,
};
use crate::rosters::{Next, Saved, Saving};
use crate::schema::{Schema, SessionAttributes};

use super::base::Base;
use super::data::{Data, image, image_or_entries};
use super::store::Records;

impl<S: SessionAttributes + DeserializeOwned + 'static> Records<'_, S> {
    /// Writes the difference to the base if the session is live. Without a base, it replaces the data.
    ///
    /// A user who was not in the session before is refused, since somebody else may know the id. To find that
    /// out, a save that names a user and has no base reads the session first.
    ///
    /// The session then ends at this moment, or by its absolute timeout. It ends later if another write
    /// has extended it and this save may not shorten it. If nothing changed, only the expiry is written,
    /// and the version stays the same, so that this save conflicts with no other.
    pub(crate) async fn save(
        &self,
        handle: SessionHandle,
        data: &Data,
        base: Option<&Base>,
        ends: Millis,
        shortens: bool,
    ) -> Result<(), Error> {
        let codec = &self.store.table().codec;
        let after = image::<S>(codec.schema(), handle, entries_from_json(data))?;
        let read;
        let base = match base {
            None if after.user(S::SCHEMA).is_some() => {
                read = self.base(handle).await?;
                Some(&read)
            }
            base => base,
        };
        let mut save = match base {
            Some(base) => RecordSave::<S>::since(codec, handle, base, after, ends, shortens)?,
            None => RecordSave::<S>::replacing(codec, handle, after, ends, shortens)?,
        };
        match self.store.rosters().save(&mut save).await? {
            Saved::Stored {
                evicted: Some(evicted),
                ..
            } => {
                self.store.rosters().ended(evicted).await;
            }
            Saved::Stored { evicted: None, .. } | Saved::Stopped(AlreadyStored, _) => {}
        }
        Ok(())
    }
}

/// The item holds already all that is to be stored.
struct AlreadyStored;

/// The save of a record.
struct RecordSave<'a, S> {
    codec: &'a Codec,
    handle: SessionHandle,
    base: Option<&'a Base>,
    after: Image,
    /// The difference to the base.
    delta: Delta,
    plan: SavePlan,
    /// The promoted attributes before the save, if they are known.
    promoted: Map,
    lifetime: Lifetime,
    nonce: Nonce,
    /// A version known to predate this write.
    seen: Option<u64>,
    /// The id of the copy, if this is its first write.
    first_of: Option<[u8; 3]>,
    /// When the session is to end.
    ends: Millis,
    /// Whether this save may shorten an expiry that others have set.
    shortens: bool,
    /// Whether the expiry is written at all.
    extends: bool,
    /// What is known of the stored timeouts.
    known: KnownTimeouts,
    session: PhantomData<fn() -> S>,
}

impl<'a, S: SessionAttributes + DeserializeOwned> RecordSave<'a, S> {
    /// Writes the difference to a base.
    fn since(
        codec: &'a Codec,
        handle: SessionHandle,
        base: &'a Base,
        after: Image,
        ends: Millis,
        shortens: bool,
    ) -> Result<Self, Error> {
        let before = image_or_entries::<S>(codec.schema(), handle, entries_from_json(&base.data));
        check_user(codec.schema(), &before, &after)?;
        let mut promoted = before.promoted();
        promoted.retain(|name, _| !base.stale_attributes.contains(name));
        let delta = difference(codec.schema(), base, &before, &after);
        let plan = plan_change(codec, delta.clone(), &after, base.version, false)?;
        let [was, own] = [&before, &after].map(|image| OwnTimeouts {
            absolute: base.absolute,
            ..image.timeouts(codec.schema(), OwnTimeouts::default())
        });
        let lifetime = Lifetime::new(codec.schema(), base.created_at, own);
        Ok(Self {
            codec,
            handle,
            base: Some(base),
            after,
            delta,
            plan,
            promoted,
            lifetime,
            nonce: base.mark(1)?,
            seen: Some(base.version),
            first_of: Some(base.copy),
            ends: ends.min(Millis::of_seconds(lifetime.absolute_end())),
            shortens,
            extends: true,
            known: KnownTimeouts::AllButIdle(was),
            session: PhantomData,
        })
    }

    /// Replaces all data.
    fn replacing(
        codec: &'a Codec,
        handle: SessionHandle,
        after: Image,
        ends: Millis,
        shortens: bool,
    ) -> Result<Self, Error> {
        let own = after.timeouts(codec.schema(), OwnTimeouts::default());
        Ok(Self {
            codec,
            handle,
            base: None,
            delta: Delta::default(),
            plan: SavePlan::replace(codec, &after, None)?,
            // Without a base, the old values are unknown: most likely they are the same.
            promoted: after.promoted(),
            after,
            lifetime: Lifetime::new(codec.schema(), Millis(0), own),
            nonce: Nonce::mint()?,
            seen: None,
            first_of: None,
            ends,
            shortens,
            extends: true,
            known: KnownTimeouts::AllButIdle(own),
            session: PhantomData,
        })
    }

    /// The same change, applied to the item that others have stored since.
    fn rebased(&self, found: &ReadableItem) -> Result<SavePlan, Error> {
        let (schema, item) = (self.codec.schema(), &found.item);
        let data = |item: &Map| data_of(schema, item).cloned().unwrap_or_default();
        let theirs = image_or_entries::<S>(schema, self.handle, data(item));
        let merged = self.delta.applied_to(schema, item.clone(), &theirs);
        let merged = image::<S>(schema, self.handle, data(&merged))?;
        check_user(schema, &theirs, &merged)?;
        let mut rebased = Delta::between(schema, &theirs, &merged, &self.delta.intent());
        rebased.repair(schema, item, &theirs, &merged);
        let (_, mut unknown) = split_attributes(schema, item.clone());
        rebased.forget(&Forgotten::take(schema, &mut Map::new(), &mut unknown));
        let was_packed = self.codec.is_packed(item);
        let plan = plan_change(self.codec, rebased, &merged, found.version, was_packed)?;
        Ok(SavePlan {
            onto: Some(found.version),
            ..plan
        })
    }
}

impl<S: SessionAttributes + DeserializeOwned> Saving for RecordSave<'_, S> {
    type Stop = AlreadyStored;

    fn handle(&self) -> SessionHandle {
        self.handle
    }

    fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    fn plan(&self) -> &SavePlan {
        &self.plan
    }

    fn promoted(&self) -> &Map {
        &self.promoted
    }

    fn write<'a>(&'a self, now: Millis, rosters: &'a RosterPlan) -> Save<'a> {
        let (touched_at, idle) = use_until(self.ends, now);
        let expires_at = self.ends.seconds_up();
        Save {
            handle: self.handle,
            judged: Judgement {
                at: now,
                timeouts: self.known,
            },
            touched_at: self.extends.then_some(touched_at),
            nonce: self.nonce,
            expires_at: self.extends.then_some(expires_at),
            version: self.plan.onto,
            seen: self.seen,
            first_of: self.first_of,
            bound: if self.shortens {
                // G6: the time of creation may be unknown here, so the condition checks that of the item.
                ExpiryBound::CreatedSince(earliest_creation(
                    self.codec.schema(),
                    self.lifetime.own,
                    expires_at,
                ))
            } else {
                ExpiryBound::NotLater
            },
            session_type: SessionType::Unknown,
            timeouts: TimeoutChange {
                idle: self.extends.then_some(Some(idle)),
                absolute: None,
            },
            authenticated_at: None,
            data: &self.plan.data,
            delta: &self.plan.delta,
            expected_values: &rosters.expected_values,
            notes: &rosters.notes,
            tells_version: false,
        }
    }

    fn replan(&mut self, found: &ReadableItem, _: Millis) -> Result<Next<AlreadyStored>, Error> {
        let (schema, item) = (self.codec.schema(), &found.item);
        let created_at = stored_creation(schema, self.handle, item)?;
        let own = self.after.timeouts(schema, found.times.own);
        self.lifetime = Lifetime::new(schema, created_at, own);
        let absolute_end = Millis::of_seconds(self.lifetime.absolute_end());
        self.ends = self.ends.min(absolute_end);
        self.extends &= self.shortens || found.times.ends <= self.ends;
        self.known = KnownTimeouts::Own(found.times.own);
        self.seen = Some(found.version);
        if !self.extends && matches!(self.plan.data, DataChange::Nothing) {
            return Ok(Next::Stop(AlreadyStored));
        }

        let Some(base) = self.base else {
            return Ok(Next::Again { replanned: false });
        };
        let own_writes = base.writes(schema, item);
        let others_wrote = found.version.checked_sub(base.version) != Some(own_writes);
        let replanned = if own_writes > 0 && !others_wrote {
            // Only this copy has written since its base, so it knows everything that is stored.
            if is_stored(schema, found, &self.after, self.ends) {
                return Ok(Next::Stop(AlreadyStored));
            }
            let stored = data_of(schema, item).cloned().unwrap_or_default();
            check_user(
                schema,
                &image_or_entries::<S>(schema, self.handle, stored),
                &self.after,
            )?;
            self.plan = SavePlan::replace(self.codec, &self.after, Some(found.version))?;
            true
        } else if self.plan.is_stale(self.codec, item, found.version) {
            self.plan = self.rebased(found)?;
            true
        } else {
            false
        };
        if own_writes > 0 {
            self.nonce = base.mark(own_writes + 1)?;
            self.first_of = None;
        }
        Ok(Next::Again { replanned })
    }

    fn too_large(&self) -> TooLargeError {
        self.after.too_large(S::SCHEMA, None)
    }
}

/// Refuses to log somebody in under an id that others may know (session fixation).
fn check_user(schema: &Schema, before: &Image, after: &Image) -> Result<(), EncodeError> {
    match schema.user() {
        Some(user) if after.logs_in(schema, before) => Err(EncodeError::of_new_user(user.name)),
        _ => Ok(()),
    }
}

/// Plans a change from a state of this version to this image.
fn plan_change(
    codec: &Codec,
    delta: Delta,
    after: &Image,
    version: u64,
    was_packed: bool,
) -> Result<SavePlan, TooLargeError> {
    if delta.is_empty() {
        return Ok(SavePlan::extend_only());
    }
    let base = BaseState {
        version,
        packed: was_packed,
        // All of a record is known, so there is nothing else to count.
        image: &Image::default(),
        unknown: &Unknown::default(),
    };
    SavePlan::change(codec, delta, after, &base, false, || after.data.clone())
}

/// The difference to the base, and the stale attributes that it repairs.
fn difference(schema: &Schema, base: &Base, before: &Image, after: &Image) -> Delta {
    let mut delta = Delta::between(schema, before, after, &Intent::default());
    // If the type cannot read the base, all attributes count as changed, and depend on the whole copy.
    delta.needs_base_version |= before.attributes.is_empty() && !after.attributes.is_empty();
    for (name, value) in &after.attributes {
        let written = delta.attributes.iter().any(|(changed, _)| changed == name);
        if !written && base.stale_attributes.iter().any(|other| other == name) {
            // Another writer may have repaired it since.
            delta.push_repaired(name, value.clone());
        }
    }
    let forgotten = base.stale_attributes.iter();
    let forgotten = forgotten.filter(|name| schema.forgets_attribute(name));
    delta.forgotten.extend(forgotten.cloned());
    delta
}

/// Whether the item already has everything that this save would store.
fn is_stored(schema: &Schema, found: &ReadableItem, image: &Image, ends: Millis) -> bool {
    let Some(data) = data_of(schema, &found.item) else {
        return false;
    };
    let mut entries = data.iter();
    let mut attributes = image.attributes.iter();
    found.times.ends == ends
        && data.len() == image.data.len()
        && entries.all(|(name, value)| image.data.get(name).is_some_and(|v| is_same(value, v)))
        && attributes
            .all(|(name, value)| is_current(schema, name, found.item.get(*name), value.as_ref()))
}
