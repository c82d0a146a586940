//! Storing what a handler has changed: an end, a new session, a new id, or a save.

use std::convert::Infallible;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::{MAX_RESUME_ATTEMPTS, pause};
use crate::error::{EncodeError, Error, GoneError};
use crate::id::SessionHandle;
use crate::item::{CookieLife, Delta, Intent, TimeoutChange, images, seconds_to_time};
use crate::schema::{Attributes, SessionAttributes};
use crate::session::Session;
use crate::store::{Beginning, DynamoDbStore};

use super::{Current, NewId, RequestSession, Standing};
use crate::frameworks::http::cookie::IdUpdate;

impl<S> RequestSession<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Whether there may be changes to store.
    pub(in crate::frameworks::http) fn is_due(&self, store: &DynamoDbStore<S>) -> bool {
        if self.save_failed {
            return false;
        }
        let logs_in = self.new_id == NewId::LoggedIn;
        if let Standing::Failed(_) = self.standing {
            return logs_in;
        }
        match &self.current {
            Current::New { before, .. } => logs_in || before.is_some(),
            Current::Existing(session) => {
                self.new_id != NewId::None
                    || session.unsaved().is_some()
                    || !self.timeouts.is_empty()
                    || (self.touch && store.is_touch_due(session))
                    || self.due_cookie_end(store).is_some()
            }
        }
    }

    /// Deletes the sessions that the handler ended.
    pub(in crate::frameworks::http) async fn carry_out_end(
        &mut self,
        store: &DynamoDbStore<S>,
    ) -> Result<(), Error> {
        let ended = self.ending.carry_out(store).await;
        // The client loses its id in any case, and an error says that the session may still be there.
        match ended {
            Ok(false) => {}
            Ok(true) => self.update.id = Some(IdUpdate::Remove { ended: true }),
            Err(_) => self.update.id = Some(IdUpdate::Remove { ended: false }),
        }
        ended.map(drop)
    }

    /// Deletes the sessions that the handler ended, and stores its changes.
    pub(crate) async fn store(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        self.carry_out_end(store).await?;
        if let Standing::Failed(error) = &mut self.standing {
            tracing::warn!("the session could not be read, so its changes are not stored");
            let unread = error.take().filter(|_| self.new_id == NewId::LoggedIn);
            return unread.map_or(Ok(()), Err);
        }
        if let Current::New { .. } = &self.current {
            return self.begin(store).await;
        }
        let (life, cookie_end) = (self.cookie_life(), self.due_cookie_end(store));
        let Current::Existing(session) = &mut self.current else {
            return Ok(());
        };
        session.cookie = life;
        if !self.timeouts.is_empty() {
            session.set_timeouts(self.timeouts);
        }
        let is_new_user = session.unsaved().is_some() && has_new_user(session);
        let new_id = match self.new_id {
            _ if is_new_user => NewId::LoggedIn,
            new_id => new_id,
        };
        if new_id == NewId::None {
            store.save(session).await?;
            let extended = match cookie_end {
                Some(_) => store.extend(session, cookie_end).await,
                None if self.touch => store.touch(session).await,
                None => Ok(()),
            };
            match extended {
                Ok(()) if cookie_end.is_some() && session.state.cookie_end == cookie_end => {
                    self.tell_id(false);
                }
                Ok(()) => {}
                // The next request tries again. The changes of this one are stored.
                Err(error) => tracing::warn!("the idle timeout was not extended: {error}"),
            }
        } else {
            let logs_in = new_id == NewId::LoggedIn;
            change_id(store, session, logs_in).await?;
            self.new_id = NewId::None;
            self.note_new_id(store, logs_in).await;
        }
        self.timeouts = TimeoutChange::default();
        Ok(())
    }

    /// Begins a session, if the handler has changed anything.
    async fn begin(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        let Current::New { data, before } = &self.current else {
            return Ok(());
        };
        let logs_in = self.new_id == NewId::LoggedIn || user_of(data).is_some();
        if !logs_in {
            if !is_changed(before.as_deref(), data)? {
                return Ok(());
            }
            match self.standing {
                Standing::Moved(handle) => return Err(GoneError::moved(handle).into()),
                Standing::Withheld => {
                    tracing::info!(
                        "no session is begun for a cross-site request, whose visitor may have one"
                    );
                    return Ok(());
                }
                Standing::Free | Standing::Failed(_) => {}
            }
        }
        let beginning = Beginning {
            idle: self.timeouts.idle.flatten(),
            cookie: self.cookie_life(),
            began: Some(self.received.began),
        };
        let session = store.begin(data.clone(), beginning).await?;
        self.current = Current::Existing(Box::new(session));
        self.new_id = NewId::None;
        self.timeouts = TimeoutChange::default();
        self.standing = Standing::Free;
        self.note_new_id(store, logs_in).await;
        Ok(())
    }

    /// When the client's cookie has to end from now on, if it is to be given another one under the same id.
    fn due_cookie_end(&self, store: &DynamoDbStore<S>) -> Option<u64> {
        let session = self.session()?;
        let (life, lifetime) = (self.cookie_life()?, session.state.lifetime);
        let (noted, now) = (session.state.cookie_end?, store.table().now());
        let is_due = match (life, noted) {
            (CookieLife::Browser, _) => noted != 0,
            (CookieLife::Persistent, 0) => true,
            (CookieLife::Persistent, _) => self.touch && lifetime.outlives_cookie(noted, now),
        };
        is_due.then(|| lifetime.cookie_end(life, now))
    }

    /// Gives the client a new id. With a log-in, the other sessions that the client has named end: one of them
    /// could count before this one.
    async fn note_new_id(&mut self, store: &DynamoDbStore<S>, log_in: bool) {
        self.tell_id(log_in);
        if !log_in {
            return;
        }
        for other in self.received.untried.drain(..) {
            let (handle, rosters) = (other.handle(), store.rosters());
            if let Err(error) = rosters.end_here(handle).await {
                tracing::warn!(%handle, "another session of the client was not ended: {error}");
            }
        }
    }

    /// Gives the client the id of the session in the main cookie again, if an older response has overwritten
    /// it there.
    pub(in crate::frameworks::http) fn repair(&mut self) {
        if self.received.is_overwritten && self.update.id.is_none() {
            self.tell_id(false);
        }
    }

    /// Gives the client the id of the session.
    fn tell_id(&mut self, log_in: bool) {
        let life = self.cookie_life();
        if let Current::Existing(session) = &self.current {
            let ends = session.state.lifetime.absolute_end();
            self.update.id = Some(IdUpdate::Set {
                id: session.id().clone(),
                ends: seconds_to_time(ends),
                persistent: life.map(|life| life == CookieLife::Persistent),
                log_in,
            });
        }
    }

    /// Gives the client the version that its next load must see, unless the client has it already. A host that
    /// does not give versions takes an old one away.
    pub(in crate::frameworks::http) fn tell_version(&mut self, gives: bool) {
        let Current::Existing(session) = &self.current else {
            return;
        };
        let written = Session::written_version(session);
        let is_missing = gives && self.received.version.is_none();
        if written != self.read || is_missing {
            self.update.version = Some((session.handle(), written));
        }
    }

    /// Reads the session again.
    pub(crate) async fn refresh(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        match &mut self.current {
            Current::Existing(session) => store.refresh(session).await,
            Current::New { .. } => Ok(()),
        }
    }

    /// Stores the earlier changes, and then this one, which it retries until it wins.
    pub(crate) async fn update<T: Send>(
        &mut self,
        store: &DynamoDbStore<S>,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<T, Error> {
        if let Current::Existing(_) = self.current {
            // Without a touch: the update extends the idle timeout itself.
            let touch = std::mem::replace(&mut self.touch, false);
            let stored = self.store(store).await;
            self.touch = touch;
            stored?;
        }
        match &mut self.current {
            Current::Existing(session) => {
                let change = |data: &mut S| Ok::<_, Infallible>(change(data));
                let changed = store.try_update_loaded(session, change).await;
                changed.map(|Ok(value)| value)
            }
            // A new session has no other writers.
            Current::New { .. } => {
                let value = change(self.current.get_mut());
                self.store(store).await?;
                Ok(value)
            }
        }
    }
}

/// Gives the session a new id. While the outcome is unknown, it asks again, a few times.
async fn change_id<S>(
    store: &DynamoDbStore<S>,
    session: &mut Session<S>,
    logs_in: bool,
) -> Result<(), Error>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut resumed = 0;
    loop {
        let changed = match logs_in {
            true => store.log_in(session).await,
            false => store.cycle_id(session).await,
        };
        let is_unknown = match &changed {
            Err(Error::Service(error)) => error.outcome_unknown(),
            Err(Error::Conflict(error)) => error.outcome_unknown(),
            _ => false,
        };
        if !is_unknown || resumed == MAX_RESUME_ATTEMPTS {
            return changed;
        }
        resumed += 1;
        pause(resumed).await;
    }
}

/// Whether the session gets a user, or another one, with its unsaved changes.
fn has_new_user<S: SessionAttributes>(session: &Session<S>) -> bool {
    let stored = |(name, _): &(&str, AttributeValue)| session.state.promoted.get(*name);
    user_of::<S>(session).is_some_and(|user| stored(&user) != Some(&user.1))
}

/// Who is logged in by this data: the attribute, and its value.
fn user_of<S: SessionAttributes>(data: &S) -> Option<(&'static str, AttributeValue)> {
    let user = S::SCHEMA.user()?;
    let mut attributes = Attributes::default();
    data.attributes(&mut attributes);
    let mut values = attributes.values.into_iter();
    let (name, value) = values.find(|(name, _)| *name == user.name)?;
    Some((name, value?))
}

/// Whether the data differs: a handler that took a mutable reference may still have changed nothing.
fn is_changed<S: SessionAttributes + Serialize>(
    before: Option<&S>,
    data: &S,
) -> Result<bool, EncodeError> {
    let Some(before) = before else {
        return Ok(false);
    };
    // Any handle will do: it does not affect the comparison.
    let handle = SessionHandle::of_secret(&[]);
    let (before, after) = images(S::SCHEMA, handle, before, data)?;
    Ok(!Delta::between(S::SCHEMA, &before, &after, &Intent::default()).is_empty())
}
