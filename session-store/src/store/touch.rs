//! `touch`: extends a session, and mends it if another version of its type has stored it.

use crate::dynamodb::Written;
use crate::dynamodb::request::{self, SessionType, TouchBound, Touching};
use crate::error::{Chain, ConflictError, Error};
use crate::item::{Forgotten, Found, Lacking, Lifetime, Nonce, SavePlan, State, TimeoutChange};
use crate::rosters::Saved;
use crate::schema::SessionData;
use crate::session::Session;

use super::handle::DynamoDbStore;
use super::save::{Overtaken, SessionSave};

/// How often a touch is sent, each time by what the refusal has shown.
const MAX_TOUCH_ATTEMPTS: u32 = 4;

impl<S: SessionData> DynamoDbStore<S> {
    /// Extends the idle timeout, as the store's [`Touch`](crate::Touch) policy says, and writes what the session
    /// lacks of the running type: it may have been stored by another version of it.
    ///
    /// If neither is due, no request. Otherwise one `UpdateItem`, on condition that the session is live, which
    /// writes the times of expiry and of this touch, and nothing else. It never passes the absolute timeout.
    /// Unsaved changes stay unsaved.
    ///
    /// If promoted attributes are missing or differ from the data, if the session is in no roster of a
    /// consistent index, or if the item has something that the type [forgets](crate::Schema::forget), the touch is due
    /// at once and writes them too. With a roster it is one
    /// `TransactWriteItems`, and [more](DynamoDbStore::create) if it is the first session of its value. The limit of
    /// the index is left to the next log-in. If that fails, the touch is carried out without it, with a warning.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the session was ended or has expired; [`Error::Decode`] if the item is no
    /// session; [`Error::Service`].
    pub async fn touch(&self, session: &mut Session<S>) -> Result<(), Error> {
        if self.is_touch_due(session) {
            self.extend(session, None).await?;
        }
        Ok(())
    }

    /// Whether the policy asks for a touch now, or the session lacks something, or it is not known which id it has.
    pub(crate) fn is_touch_due(&self, session: &Session<S>) -> bool {
        session.cycle.is_some() || self.is_extension_due(session) || self.lacking(session).is_some()
    }

    fn is_extension_due(&self, session: &Session<S>) -> bool {
        let state = &session.state;
        let (policy, now) = (self.options().touch, self.table().now());
        let last_use = (state.touched_at, state.expires_at);
        let is_large = state.is_large;
        state.lifetime.is_touch_due(policy, is_large, last_use, now)
    }

    fn lacking(&self, session: &Session<S>) -> Option<Lacking> {
        let lacking = Lacking::of(self.table().schema(), &session.state, session.stored());
        // What cannot be stored is an error at the next save, which names it.
        lacking.ok().flatten()
    }

    /// The same whether or not it is due, for a client whose cookie now ends at another moment.
    pub(crate) async fn extend(
        &self,
        session: &mut Session<S>,
        cookie_end: Option<u64>,
    ) -> Result<(), Error> {
        let extend = self.extend_and_mend(session, cookie_end);
        self.observe("touch", extend).await
    }

    async fn extend_and_mend(
        &self,
        session: &mut Session<S>,
        cookie_end: Option<u64>,
    ) -> Result<(), Error> {
        self.resume(session).await?;
        let Some(lacking) = self.lacking(session) else {
            return self.extend_alone(session, cookie_end).await;
        };
        let extends = cookie_end.is_some() || self.is_extension_due(session);
        let handle = session.state.handle;
        let unindexed = lacking.unindexed;
        let session_type = SessionType::of(session.state.has_type);
        let mend = self.mend(&mut session.state, lacking, session_type, extends);
        let mended = mend.await;
        if let Ok(Mended::Stored) = &mended {
            self.note_incomplete_indexes(unindexed).await;
        }
        match mended {
            Ok(Mended::Stored) if cookie_end.is_none() => return Ok(()),
            Ok(Mended::Stored) => {}
            // The next request sees what others have left.
            Ok(Mended::Overtaken) => session.state.is_overtaken = true,
            Err(error @ Error::Gone(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(%handle, error = %Chain(&error), "a session lacks attributes or entries of its type, and they could not be written");
            }
        }
        if extends {
            self.extend_alone(session, cookie_end).await?;
        }
        Ok(())
    }

    /// Writes what a session lacks, and extends it if that is asked for.
    pub(super) async fn mend(
        &self,
        state: &mut State,
        lacking: Lacking,
        session_type: SessionType,
        extends: bool,
    ) -> Result<Mended, Error> {
        let codec = &self.table().codec;
        // What is forgotten is taken out of a state when that is read, and it is noted as gone with the first write.
        // So a state that still has some has all other entries as well.
        let all_data = || {
            let mut data = state.unknown.data.clone();
            data.extend((*state.stored).clone());
            data
        };
        let packed = state.packed.then_some(all_data);
        let plan = SavePlan::mend(codec, lacking.delta, state.version, packed);
        let tells_version = plan.writes_data() && self.tells_versions();
        let own = lacking.image.timeouts(codec.schema(), state.lifetime.own);
        let lifetime = Lifetime::new(codec.schema(), state.lifetime.created_at, own);
        let mut saving = SessionSave {
            codec,
            plan,
            after: lacking.image,
            nonce: Nonce::mint()?,
            lifetime,
            timeouts: TimeoutChange::default(),
            authenticated_at: None,
            seen: state.seen,
            extends,
            session_type,
            tells_version,
            state,
        };
        let saved = self.rosters().save(&mut saving).await?;
        let SessionSave {
            plan, state, seen, ..
        } = saving;
        Ok(match saved {
            Saved::Stored {
                now,
                expires_at,
                version,
                notes,
                ..
            } => {
                if let Some(expires_at) = expires_at {
                    state.note_use(Some(state.used_at(now)), expires_at);
                }
                state.has_type |= session_type == SessionType::Missing;
                if plan.writes_data() {
                    state.version += 1;
                    state.seen = seen + 1;
                    state.written = version;
                    state.packed = plan.will_be_packed();
                }
                state.lifetime = lifetime;
                state.forgotten = Forgotten::default();
                state.promote(&plan.delta.attributes);
                state.promote(&notes);
                Mended::Stored
            }
            Saved::Stopped(Overtaken, _) => Mended::Overtaken,
        })
    }

    async fn extend_alone(
        &self,
        session: &mut Session<S>,
        cookie_end: Option<u64>,
    ) -> Result<(), Error> {
        let (table, handle) = (self.table(), session.state.handle);
        let now = table.now();
        for _ in 0..MAX_TOUCH_ATTEMPTS {
            let state = &mut session.state;
            let touched_at = state.used_at(now);
            let touching = Touching {
                handle,
                touched_at,
                idle: None,
                judged: state.judgement(now),
                expires_at: state.lifetime.expires_at(touched_at),
                bound: TouchBound::NotUsedLater,
                session_type: SessionType::of(state.has_type),
                cookie_end,
            };
            let keeping = self.keeping(handle);
            let touch = || request::touch(table, &touching);
            let old = match table.update(touch).await? {
                Written::Done(_) | Written::TooLarge => {
                    state.has_type = true;
                    state.note_use(Some(touched_at), touching.expires_at);
                    state.cookie_end = cookie_end.or(state.cookie_end);
                    keeping.touched(state);
                    return Ok(());
                }
                Written::ConditionFailed { old, .. } => old,
            };
            let found = Found::of(table.schema(), handle, old, touching.judged.at)?;
            let live = found.or_gone(handle)?.readable(&table.codec)?;
            let used_later = live.times.touched_at > Some(touched_at);
            // The end depends on the timeouts of its own, and another copy may have chosen others.
            let is_known = live.times.own == state.lifetime.own;
            state.lifetime =
                Lifetime::new(table.schema(), state.lifetime.created_at, live.times.own);
            if used_later || !is_known {
                state.note_use(live.times.touched_at, live.expires_at);
            }
            if used_later && cookie_end.is_none() {
                // Another request has granted the session as much time as this touch would, or more.
                return Ok(());
            }
            if is_known && !used_later {
                break;
            }
        }
        // No part of the condition explains the refusal any more, or it changes all the time.
        Err(ConflictError::new(handle, MAX_TOUCH_ATTEMPTS).into())
    }
}

/// Whether a session has what its type asks for.
pub(super) enum Mended {
    Stored,
    /// Others wrote first.
    Overtaken,
}
