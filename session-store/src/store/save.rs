//! `save`: the difference to what was loaded, written so that the changes of others survive.

use std::borrow::Cow;
use std::sync::Arc;

use crate::dynamodb::request::{ExpiryBound, Save, SessionType};
use crate::dynamodb::{MAX_ENTER_ATTEMPTS, MAX_MEND_ATTEMPTS, MAX_SAVE_ATTEMPTS, pause};
use crate::error::{Chain, ConflictError, EncodeError, Error, TooLargeError};
use crate::id::SessionHandle;
use crate::item::{
    BaseState, Codec, Delta, Image, Lifetime, Map, Millis, Nonce, OwnTimeouts, ReadableItem,
    RosterPlan, SavePlan, State, TimeoutChange, Unknown, images_since, of_leaving_user, unindexed,
};
use crate::rosters::{Next, Saved, Saving};
use crate::schema::{Schema, SessionData};
use crate::session::Session;

use super::change_id::is_outcome_unknown;
use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Stores what changed since the session was loaded, created or last saved, and extends its
    /// idle timeout.
    ///
    /// If nothing changed, no request, unless the item has something that the type
    /// [forgets](crate::Schema::forget). Otherwise one `UpdateItem`, on condition that the session is live.
    /// It writes the top-level fields and promoted attributes that changed, and no others. If two copies
    /// changed different fields, both changes survive; if they changed the same field, the last one
    /// wins. Fields that must change together belong in one nested struct, or into
    /// [`update`](Self::update).
    ///
    /// Some changes are written only onto the version that they were made from: those of a type with a
    /// computed attribute, those of a `#[serde(flatten)]`, and those of more than 250 fields. If others
    /// wrote in between, the change is put onto their state and tried again; the session then holds
    /// both.
    ///
    /// If an attribute with a consistent index changed, it is one `TransactWriteItems` instead, of the
    /// session and the rosters of both values. One more if it is the first session of its value, and
    /// [more](DynamoDbStore::create) if there is one too many.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] and [`Error::TooLarge`] before any request; [`Error::Gone`] if the session
    /// was ended or has expired, and nothing was stored; [`Error::Limit`]; [`Error::Conflict`];
    /// [`Error::Decode`] if the item is no session of this type; [`Error::Service`]. After any of
    /// them the session still has its unsaved changes.
    pub async fn save(&self, session: &mut Session<S>) -> Result<(), Error> {
        self.observe("save", self.save_changes(session)).await
    }

    async fn save_changes(&self, session: &mut Session<S>) -> Result<(), Error> {
        self.resume(session).await?;
        for attempt in 1..=MAX_SAVE_ATTEMPTS {
            match self.try_save(session, Onto::AnyVersion, Use::Visit).await? {
                SaveAttempt::Stored | SaveAttempt::Unchanged => return Ok(()),
                SaveAttempt::Overtaken(item) => self.rebase(session, item)?,
            }
            pause(attempt).await;
        }
        Err(ConflictError::new(session.state.handle, MAX_SAVE_ATTEMPTS).into())
    }

    /// Saves onto the version that the change was made from, or onto any if the change allows that.
    pub(super) async fn try_save(
        &self,
        session: &mut Session<S>,
        onto: Onto,
        by: Use,
    ) -> Result<SaveAttempt, Error> {
        let codec = &self.table().codec;
        let schema = codec.schema();
        let state = &session.state;
        let (before, after) = match session.unsaved() {
            Some(changed) => changed,
            None if state.forgotten.is_empty() => return Ok(SaveAttempt::Unchanged),
            None => (session.stored(), session.stored()),
        };
        let handle = state.handle;
        if session.timeouts().absolute.is_some() {
            return Err(EncodeError::of_absolute_timeout(schema.names.absolute).into());
        }
        let (mut before, mut after) = images_since(schema, handle, before, after, &state.stored)?;
        let of_user = of_leaving_user(schema, &state.unknown, &before, &after);
        after.keep_stored(schema, &state.stored, Some(&mut before));
        let mut delta = Delta::between(schema, &before, &after, session.intent());
        delta.forget(&state.forgotten);
        delta.forget(&of_user);
        let timeouts = session.timeouts();
        if delta.is_empty() && timeouts.is_empty() {
            session.settle();
            return Ok(SaveAttempt::Unchanged);
        }
        let authenticated_at = match new_user(S::SCHEMA, &delta, &state.promoted) {
            // A log-in under an id that others may know is refused (session fixation).
            Some(user) if !session.is_undisclosed => {
                return Err(EncodeError::of_new_user(user).into());
            }
            Some(_) => Some(self.table().now()),
            None => None,
        };
        self.check_reads_back(handle, &after)?;
        let unindexed = unindexed(schema, &before, &state.promoted);
        let lacks_entry = before.stale_notes(&state.promoted).next().is_some();
        delta.repair(schema, &state.promoted, &before, &after);

        let drops_unknown = !of_user.is_empty();
        let unknown = match drops_unknown {
            false => Cow::Borrowed(&state.unknown),
            true => Cow::Owned(Unknown::default()),
        };
        let base = BaseState {
            version: state.version,
            packed: state.packed,
            image: &before,
            unknown: &unknown,
        };
        // New timeouts may shorten the session, so it must know the expiry that it replaces.
        let needs_base_version = onto == Onto::ThisVersion || !timeouts.is_empty() || drops_unknown;
        let data = || after.with_unknown(&unknown, &before);
        let plan = SavePlan::change(codec, delta, &after, &base, needs_base_version, data)?;
        let own = after.timeouts(schema, state.lifetime.own.saved(timeouts));
        let lifetime = Lifetime::new(schema, state.lifetime.created_at, own);
        // If nobody learns what became of it, the next save stores these names, also with their values of before.
        let intent = session.intend(plan.delta.intent());
        let mut saving = SessionSave {
            codec,
            plan,
            after,
            nonce: Nonce::mint()?,
            lifetime,
            timeouts,
            authenticated_at,
            seen: session.state.seen,
            extends: by == Use::Visit,
            session_type: SessionType::of(session.state.has_type),
            tells_version: self.tells_versions(),
            state: &mut session.state,
        };
        let keeping = self.keeping(handle);
        let mut saved = self.rosters().save(&mut saving).await;
        if let Err(error) = &saved
            && lacks_entry
            && !saving.plan.moves(schema)
            && is_of_rosters(error)
        {
            // The session is in no roster of a value that it keeps, and that is no reason not to store its data.
            tracing::warn!(%handle, error = %Chain(error), "a session could not enter the roster of its value with a save");
            saving.plan.leaves_rosters = true;
            saved = self.rosters().save(&mut saving).await;
        }
        let SessionSave {
            plan,
            after,
            seen,
            lifetime,
            ..
        } = saving;
        let saved = match saved {
            Err(error) if !is_outcome_unknown(&error) => {
                session.intend(intent);
                return Err(error);
            }
            saved => saved?,
        };
        match saved {
            Saved::Stored {
                now,
                expires_at,
                version,
                evicted,
                notes,
            } => {
                session.note_stored((now, lifetime), seen, expires_at, version, &plan.delta);
                session.state.promote(&notes);
                if drops_unknown {
                    session.state.unknown = Unknown::default();
                }
                session.state.packed = plan.will_be_packed();
                // Only a read measures it again.
                session.state.is_large = false;
                session.state.stored = Arc::new(after.data);
                session.state.has_type = true;
                // The condition has shown that it was what is stored.
                session.state.is_copy &= onto == Onto::AnyVersion;
                if authenticated_at.is_some() {
                    session.state.authenticated_at = authenticated_at;
                }
                keeping.wrote(&**session, &session.state);
                self.note_incomplete_indexes(unindexed).await;
                if let Some(evicted) = evicted {
                    session.evicted = self.rosters().ended(evicted).await;
                }
                Ok(SaveAttempt::Stored)
            }
            Saved::Stopped(Overtaken, item) => Ok(SaveAttempt::Overtaken(item)),
        }
    }
}

/// The attribute of the user, if this change names a user who is not stored.
fn new_user(schema: &Schema, delta: &Delta, stored: &Map) -> Option<&'static str> {
    let user = schema.user()?.name;
    let mut written = delta.attributes.iter();
    let new = written.find_map(|(name, value)| value.as_ref().filter(|_| *name == user))?;
    (stored.get(user) != Some(new)).then_some(user)
}

/// Whether a save that failed so was certainly not applied, and could be without its rosters.
fn is_of_rosters(error: &Error) -> bool {
    match error {
        Error::Limit(_) => true,
        Error::Conflict(error) => !error.outcome_unknown(),
        Error::Service(error) => error.is_throttled() && !error.outcome_unknown(),
        _ => false,
    }
}

/// The versions that a save may be put onto.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Onto {
    AnyVersion,
    ThisVersion,
}

/// Who changes a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Its visitor, which extends it.
    Visit,
    /// Somebody else.
    Administration,
}

/// The outcome of one attempt.
pub(super) enum SaveAttempt {
    Stored,
    /// There was nothing to store.
    Unchanged,
    /// Others wrote first; this is the item now.
    Overtaken(Map),
}

/// The save of a typed session.
pub(super) struct SessionSave<'a> {
    pub(super) codec: &'a Codec,
    pub(super) state: &'a mut State,
    pub(super) plan: SavePlan,
    pub(super) after: Image,
    pub(super) nonce: Nonce,
    pub(super) lifetime: Lifetime,
    pub(super) timeouts: TimeoutChange,
    /// The moment of a log-in, if this save is one.
    pub(super) authenticated_at: Option<Millis>,
    /// A version that the item has certainly reached.
    pub(super) seen: u64,
    /// Whether the times are written.
    pub(super) extends: bool,
    pub(super) session_type: SessionType,
    pub(super) tells_version: bool,
}

impl SessionSave<'_> {
    /// Notes the timeouts that are stored.
    fn note_timeouts(&mut self, stored: OwnTimeouts) {
        let schema = self.codec.schema();
        let created_at = self.state.lifetime.created_at;
        self.state.lifetime = Lifetime::new(schema, created_at, stored);
        let mut own = stored.saved(self.timeouts);
        let mut written = self.plan.delta.attributes.iter();
        if written.any(|(name, _)| schema.user().is_some_and(|user| user.name == *name)) {
            own = self.after.timeouts(schema, own);
        }
        self.lifetime = Lifetime::new(schema, created_at, own);
    }
}

/// The change has to be put onto the state of others first.
pub(super) struct Overtaken;

impl Saving for SessionSave<'_> {
    type Stop = Overtaken;

    fn handle(&self) -> SessionHandle {
        self.state.handle
    }

    fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    fn plan(&self) -> &SavePlan {
        &self.plan
    }

    fn promoted(&self) -> &Map {
        &self.state.promoted
    }

    fn write<'a>(&'a self, now: Millis, rosters: &'a RosterPlan) -> Save<'a> {
        let used_at = self.state.used_at(now);
        Save {
            handle: self.state.handle,
            judged: self.state.judgement(now),
            touched_at: self.extends.then_some(used_at),
            nonce: self.nonce,
            expires_at: (self.extends).then(|| self.lifetime.expires_at(used_at)),
            version: self.plan.onto,
            seen: Some(self.seen),
            first_of: None,
            bound: if self.timeouts.is_empty() {
                ExpiryBound::NotUsedLater
            } else {
                ExpiryBound::Unbound
            },
            session_type: self.session_type,
            timeouts: self.timeouts,
            authenticated_at: self.authenticated_at,
            data: &self.plan.data,
            delta: &self.plan.delta,
            expected_values: &rosters.expected_values,
            notes: &rosters.notes,
            tells_version: self.tells_version,
        }
    }

    fn replan(&mut self, found: &ReadableItem, _: Millis) -> Result<Next<Overtaken>, Error> {
        // G3: a plan for one version, or for a map, would overwrite what others wrote.
        if self.plan.is_stale(self.codec, &found.item, found.version) {
            return Ok(Next::Stop(Overtaken));
        }
        // So many others may have written since this copy was loaded that the item could not remember
        // this write (G13). But it was not applied: otherwise its mark would have told.
        self.seen = found.version;
        // Another copy may have chosen other timeouts, by which this write has to go.
        self.note_timeouts(found.times.own);
        self.state
            .note_use(found.times.touched_at, found.expires_at);
        Ok(Next::Again { replanned: false })
    }

    fn too_large(&self) -> TooLargeError {
        self.after.too_large(self.codec.schema(), None)
    }

    fn max_attempts_with_rosters(&self) -> u32 {
        match self.plan.moves(self.codec.schema()) {
            true => MAX_ENTER_ATTEMPTS,
            false => MAX_MEND_ATTEMPTS,
        }
    }
}
