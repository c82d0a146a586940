//! Writing to a session that is known: `save`, `update` and `touch`.

use std::convert::Infallible;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::request::session::{self as request, Bound, Change, Save, Whole};
use crate::dynamodb::write::{Answer, Written, backoff, conflict};
use crate::error::{Error, GoneError};
use crate::id::{SessionHandle, SessionId};
use crate::item::delta::Delta;
use crate::item::format::{is_packed, pack};
use crate::item::image::{Image, Nonce, decode, stored_expiry, unpacked};
use crate::item::lifetime::{self, is_live};
use crate::item::roster::Moves;
use crate::item::value::Map;
use crate::rosters::enter::Evicted;
use crate::schema::SessionAttributes;
use crate::session::{Session, State};
use crate::store::handle::DynamoDbStore;

/// How often a write to a session is tried. Of many that change one at once, few win each round.
const MAX_UPDATES: u32 = 40;

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Stores what changed since the session was loaded, created or last saved, and extends its
    /// idle timeout.
    ///
    /// No request if nothing changed; else one `UpdateItem`, on condition that the session is
    /// live, which writes the top-level fields and promoted attributes that changed and no others:
    /// of two copies that changed different fields, both survive, and of two that changed the same
    /// field, the last. Fields that must change together belong in one nested struct, or into
    /// [`update`](Self::update).
    ///
    /// A type with a computed attribute, one with a `#[serde(flatten)]` that changed, and a change
    /// of more than 250 fields are written onto the version that they were made from. If others
    /// wrote in between, the change is put onto their state and tried again; the session then holds
    /// both.
    ///
    /// A change of an attribute with a consistent index is one `TransactWriteItems` instead, of the
    /// session and the rosters of both values; one more if it is the first session of its value, and
    /// [more](DynamoDbStore::create) if there is one too many.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] and [`Error::TooLarge`] before any request; [`Error::Gone`] if the session
    /// was ended or has expired, and nothing was stored; [`Error::Limit`]; [`Error::Conflict`];
    /// [`Error::Decode`] if the item is no session of this type; [`Error::Service`]. After any of
    /// them the session still has its unsaved changes.
    pub async fn save(&self, session: &mut Session<S>) -> Result<(), Error> {
        for attempt in 1..=MAX_UPDATES {
            match self.try_save(session, Onto::AnyVersion).await? {
                Saved::Stored => return Ok(()),
                Saved::Overtaken(item) => self.rebase(session, item)?,
            }
            backoff(attempt).await;
        }
        Err(conflict(session.state.handle, MAX_UPDATES).into())
    }

    /// Reads a session, changes it and writes it if nobody else did in between, again and again
    /// until it wins, and gives what the closure returned in the winning round.
    ///
    /// One `GetItem` and one `UpdateItem`, and one more `UpdateItem` for each time that others were
    /// first: the failed one brings their state along. A closure that changes nothing writes
    /// nothing. To call a change off, see [`try_update`](Self::try_update).
    ///
    /// ```ignore
    /// let visits = store.update(&id, |session| { session.visits += 1; session.visits }).await?;
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if there is no such session, or none any more; [`Error::Conflict`] if others
    /// were first every time, with [how often](crate::ConflictError::attempts) it was tried, or if
    /// it [is not known](crate::ConflictError::outcome_unknown) whether the change was applied;
    /// [`Error::Encode`], [`Error::TooLarge`], [`Error::Decode`], [`Error::Service`].
    pub async fn update<T: Send>(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<T, Error> {
        let changed = self.try_update(id, |session| Ok::<_, Infallible>(change(session)));
        changed.await.map(|Ok(value)| value)
    }

    /// The same as [`update`](Self::update) with a closure that can call it off: if it returns an
    /// error, nothing is written, and the error is given inside the `Ok`.
    ///
    /// ```ignore
    /// let paid = store.try_update(&id, |session| {
    ///     session.credit = session.credit.checked_sub(price).ok_or(TooPoor)?;
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `update`.
    pub async fn try_update<T: Send, E: Send>(
        &self,
        id: &SessionId,
        change: impl FnMut(&mut S) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, Error> {
        let mut session = self.load_current(id).await?.ok_or(GoneError {
            handle: id.handle(),
            expired: false,
        })?;
        self.try_update_loaded(&mut session, change).await
    }

    /// The same with a session in hand that has no unsaved changes; it is brought up to date.
    pub(crate) async fn try_update_loaded<T: Send, E: Send>(
        &self,
        session: &mut Session<S>,
        mut change: impl FnMut(&mut S) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, Error> {
        for attempt in 1..=MAX_UPDATES {
            let value = match change(session) {
                Ok(value) => value,
                Err(called_off) => return Ok(Err(called_off)),
            };
            match self.try_save(session, Onto::ThisVersion).await? {
                Saved::Stored => return Ok(Ok(value)),
                Saved::Overtaken(item) => {
                    let State { id, handle, .. } = &session.state;
                    let (id, handle, expired) = (id.clone(), *handle, true);
                    let theirs = self.decode(id, handle, item)?;
                    *session = theirs.ok_or(GoneError { handle, expired })?;
                }
            }
            backoff(attempt).await;
        }
        Err(conflict(session.state.handle, MAX_UPDATES).into())
    }

    /// Extends the idle timeout, as the store's [`Touch`](crate::Touch) policy says.
    ///
    /// No request if the policy does not ask for one; else one `UpdateItem`, on condition that the
    /// session is live, which writes the time of expiry and of this touch and nothing else. It
    /// never passes the absolute timeout, nor shortens what another has granted. Unsaved changes
    /// stay unsaved.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the session was ended or has expired; [`Error::Decode`] if the item is no
    /// session; [`Error::Service`].
    pub async fn touch(&self, session: &mut Session<S>) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let now = self.now();
        let State {
            handle,
            created_at,
            idle,
            ..
        } = session.state;
        if !self.is_touch_due(session) {
            return Ok(());
        }
        let expires_at = lifetime::expires_at(schema, created_at, now, idle);
        let touch = || request::touch(self.target(), handle, now, expires_at, None);
        let old = match self.update_item(touch).await? {
            Written::Done(_) | Written::TooLarge => {
                session.state.touched_at = now;
                session.state.expires_at = expires_at;
                return Ok(());
            }
            Written::Refused { old, .. } => old,
        };
        let mut item = old.ok_or(GoneError {
            handle,
            expired: false,
        })?;
        let ends = stored_expiry(schema, handle, &item)?;
        if !is_live(ends, now) {
            return Err(GoneError {
                handle,
                expired: true,
            }
            .into());
        }
        unpacked(schema, handle, &mut item)?;
        if ends < expires_at {
            return Err(conflict(handle, 1).into());
        }
        // Somebody granted the session as much time as this touch would, or more.
        session.state.expires_at = ends;
        Ok(())
    }

    /// Whether the policy asks for a touch now.
    pub(crate) fn is_touch_due(&self, session: &Session<S>) -> bool {
        let State {
            touched_at, idle, ..
        } = session.state;
        let idle_timeout = idle.unwrap_or(S::SCHEMA.idle_timeout);
        self.touch_policy()
            .is_due(touched_at, self.now(), idle_timeout)
    }

    async fn try_save(&self, session: &mut Session<S>, onto: Onto) -> Result<Saved, Error> {
        let schema = S::SCHEMA;
        let Some((before, after)) = session.unsaved() else {
            return Ok(Saved::Stored);
        };
        let handle = session.state.handle;
        let (before, after) = (Image::of(handle, before)?, Image::of(handle, after)?);
        let mut delta = Delta::between(schema, &before, &after, session.intent());
        let new_idle = session.new_idle();
        if delta.is_empty() && new_idle.is_none() {
            session.settle();
            return Ok(Saved::Stored);
        }
        delta.mend(schema, &session.state.promoted, &before, &after);

        let State {
            created_at,
            idle,
            version: base,
            packed: was_packed,
            ..
        } = session.state;
        let unknown = &session.state.unknown;
        let data = || after.merged_into(unknown, &before);
        let packed = pack(schema, data);
        after.check_size(schema, unknown, packed.as_ref())?;
        let will_be_packed = packed.is_some();
        let is_whole = will_be_packed || was_packed || delta.clauses() > request::MAX_CLAUSES;
        let whole = is_whole.then(|| Whole::new(packed, data));
        let pinned = onto == Onto::ThisVersion
            || delta.pinned
            || whole.is_some()
            || new_idle.is_some()
            || schema.has_computed();
        let nonce = Nonce::mint()?;
        let mut extend = true;
        let mut seen = session.state.seen;
        let moves = |was: &Map| Moves::new(schema, (handle, was), &delta.attributes, created_at);
        let mut moves_now = moves(&session.state.promoted);
        let mut evicted = Evicted::default();
        for attempt in 0..MAX_UPDATES {
            let now = self.now();
            let idle = new_idle.unwrap_or(idle);
            let expires_at = lifetime::expires_at(schema, created_at, now, idle);
            let save = Save {
                handle,
                now,
                nonce,
                expires_at: extend.then_some(expires_at),
                version: pinned.then_some(base),
                seen: Some(seen),
                first_of: None,
                bound: match new_idle {
                    Some(_) => Bound::None,
                    None => Bound::NotLater,
                },
                idle: new_idle,
                change: match &whole {
                    Some(whole) => Change::Whole(whole),
                    None => Change::Fields {
                        set: &delta.set,
                        remove: &delta.remove,
                    },
                },
                attributes: &delta.attributes,
                unmoved: &moves_now.unmoved,
            };
            let answer = match moves_now.changes.is_empty() {
                true => self.write(&save).await?,
                false => {
                    let changes = &mut moves_now.changes;
                    self.write_and_move(&save, changes, &mut evicted).await?
                }
            };
            match answer {
                Answer::Stored { ends, version } => {
                    session.stored(now, seen, (ends, version), &delta.attributes);
                    session.state.packed = will_be_packed;
                    if !moves_now.unmoved.is_empty() {
                        session.evicted = self.ended(evicted).await;
                    }
                    return Ok(Saved::Stored);
                }
                Answer::TooLarge => return Err(after.too_large(None).into()),
                Answer::NotYet { item, version, .. }
                    if pinned && version != base || is_packed(schema, &item) && !is_whole =>
                {
                    return Ok(Saved::Overtaken(item));
                }
                Answer::NotYet {
                    item,
                    version,
                    ends,
                } => {
                    if moves_now.are_outdated(&item) {
                        moves_now = moves(&item);
                    }
                    // It may be that so many others wrote since this copy was loaded that the item
                    // could not remember this write. It is not there, though, or the answer would
                    // be another one.
                    seen = version;
                    if extend && ends > expires_at {
                        // Somebody granted the session more time than this write would: it stays.
                        extend = false;
                        session.state.expires_at = ends;
                    }
                    // A copy that is behind is up to date now; one that is overtaken again gives way.
                    if attempt > 0 {
                        backoff(attempt).await;
                    }
                }
            }
        }
        Err(conflict(handle, MAX_UPDATES).into())
    }

    /// Puts the unsaved changes in hand onto the state that others have stored since.
    pub(crate) fn rebase(&self, session: &mut Session<S>, item: Map) -> Result<(), Error> {
        let State { id, handle, .. } = &session.state;
        let handle = *handle;
        let decode = |item| self.rebased(id.clone(), handle, item);
        let theirs = decode(item.clone())?;
        let Some((before, after)) = session.unsaved() else {
            *session = theirs;
            return Ok(());
        };
        let (before, after) = (Image::of(handle, before)?, Image::of(handle, after)?);
        let delta = Delta::between(S::SCHEMA, &before, &after, session.intent());
        let new_idle = session.new_idle();
        let merged = delta.applied_to(S::SCHEMA, item, &Image::of(handle, &*theirs)?);
        let merged = decode(merged)?;
        *session = Session::onto(Session::into_data(theirs), merged, new_idle, delta.intent());
        Ok(())
    }

    /// The session in an item that a failed condition returned: an error in place of none.
    fn rebased(
        &self,
        id: SessionId,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Session<S>, Error> {
        let session = decode(id, handle, item, self.now())?;
        session.ok_or_else(|| {
            GoneError {
                handle,
                expired: true,
            }
            .into()
        })
    }
}

/// Which version a write may be put onto.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    AnyVersion,
    ThisVersion,
}

enum Saved {
    Stored,
    /// Others wrote first; this is the item now.
    Overtaken(Map),
}
