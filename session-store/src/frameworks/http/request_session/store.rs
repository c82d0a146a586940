//! Storing what a handler has changed: an end, a new session, a new id, or a save.

use std::convert::Infallible;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::{Deleted, MAX_RESUME_ATTEMPTS, pause};
use crate::error::{EncodeError, Error, GoneError, SetupError};
use crate::id::SessionHandle;
use crate::item::{
    CookieLife, Delta, Intent, TimeoutChange, UserChange, change_of_user, images, seconds_to_time,
};
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::{Beginning, DynamoDbStore, NewId};

use super::{Current, Received, RequestSession, Standing};
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
        match &self.current {
            Current::New { before, .. } => before.is_some() || self.logs_in(),
            Current::Existing(session) => {
                self.new_id.is_some()
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
        if !matches!(ended, Ok(false)) {
            self.update.id = Some(IdUpdate::Remove);
            self.received.over.clone_from(&self.received.log_ins);
        }
        ended.map(drop)
    }

    /// Deletes the sessions that the handler ended, and stores its changes.
    pub(crate) async fn store(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        self.carry_out_end(store).await?;
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
        let change = session
            .unsaved()
            .and_then(|(before, after)| change_of_user(before, after));
        let new_id = match (self.new_id, change) {
            (Some(NewId::LoggedIn), _) => Some(NewId::LoggedIn),
            // Nobody knows an id that this request has given.
            (None, _) if session.is_fresh => None,
            (_, Some(UserChange::FromNobody)) => Some(NewId::LoggedIn),
            (_, Some(UserChange::FromAnother)) => Some(NewId::Switched),
            (new_id, None) => new_id,
        };
        let Some(new_id) = new_id else {
            store.save(session).await?;
            let extended = match cookie_end {
                Some(_) => store.extend(session, cookie_end).await,
                None if self.touch => store.touch(session).await,
                None => Ok(()),
            };
            match extended {
                Ok(()) if cookie_end.is_some() && session.state.cookie_end == cookie_end => {
                    self.tell_id(None);
                }
                Ok(()) => {}
                // The next request tries again. The changes of this one are stored.
                Err(error) => tracing::warn!("the idle timeout was not extended: {error}"),
            }
            self.timeouts = TimeoutChange::default();
            return Ok(());
        };
        let before = session.handle();
        let continues = change_id(store, session, new_id).await?;
        session.is_fresh = true;
        self.new_id = None;
        self.timeouts = TimeoutChange::default();
        match new_id {
            NewId::Cycled => {
                // The log-in goes on under the new id.
                self.received.over.push(before);
                self.tell_id(self.received.logged_in_at);
            }
            NewId::LoggedIn | NewId::Switched => {
                if !continues {
                    // Another request may have given it a new id, which a log-out has to find.
                    self.received.kept.push(before);
                }
                self.note_log_in(store).await;
            }
        }
        Ok(())
    }

    fn logs_in(&self) -> bool {
        self.new_id == Some(NewId::LoggedIn)
    }

    /// Begins a session, if the handler has changed anything.
    async fn begin(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        let Current::New { data, before } = &self.current else {
            return Ok(());
        };
        let change = before
            .as_deref()
            .and_then(|before| change_of_user(before, data));
        let logs_in = self.logs_in() || change.is_some();
        if let Standing::Failed(error) = &self.standing
            && logs_in
        {
            return Err(error.as_ref().map_or_else(unread, again));
        }
        if !logs_in {
            if !is_changed(before.as_deref(), data)? {
                return Ok(());
            }
            match self.standing {
                Standing::Replaced(handle) => return Err(GoneError::replaced(handle).into()),
                Standing::Withheld => {
                    tracing::info!(
                        "no session is begun for a cross-site request, whose visitor may have one"
                    );
                    return Ok(());
                }
                Standing::Failed(_) => {
                    tracing::warn!("the session could not be read, so its changes are not stored");
                    return Ok(());
                }
                Standing::Free => {}
            }
        }
        let beginning = Beginning {
            idle: self.timeouts.idle.flatten(),
            cookie: self.cookie_life(),
        };
        let mut session = store.begin(data.clone(), beginning).await?;
        session.is_fresh = true;
        self.current = Current::Existing(Box::new(session));
        self.new_id = None;
        self.timeouts = TimeoutChange::default();
        self.standing = Standing::Free;
        match logs_in {
            true => self.note_log_in(store).await,
            false => self.tell_id(None),
        }
        Ok(())
    }

    /// When the client's cookie has to end from now on, if it is to be given another one under the same id.
    fn due_cookie_end(&self, store: &DynamoDbStore<S>) -> Option<u64> {
        let session = self.session()?;
        let (life, lifetime) = (self.cookie_life()?, session.state.lifetime);
        let (noted, now) = (session.state.cookie_end, store.table().now());
        let is_due = match (life, noted) {
            // A layer that is told nothing leaves the cookie as it is.
            (_, None) => self.chosen_cookie.is_some(),
            (CookieLife::Browser, Some(end)) => end != 0,
            (CookieLife::Persistent, Some(0)) => true,
            (CookieLife::Persistent, Some(end)) => self.touch && lifetime.outlives_cookie(end, now),
        };
        is_due.then(|| lifetime.cookie_end(life, now))
    }

    /// Gives the client the id of a log-in. The other sessions that it has named end, since one of them could
    /// count before this one.
    async fn note_log_in(&mut self, store: &DynamoDbStore<S>) {
        // A later change of id in this request goes on with it.
        self.received.logged_in_at = Some(store.table().now().time());
        self.tell_id(self.received.logged_in_at);
        let Received {
            log_ins,
            over,
            kept,
            untried,
            ..
        } = &mut self.received;
        for other in untried.drain(..) {
            let (handle, rosters) = (other.handle(), store.rosters());
            match rosters.end_here(handle).await {
                // It has a new id, which a log-out has to find.
                Ok(Deleted::ConditionFailed(_)) => kept.push(handle),
                Ok(_) => {}
                Err(error) => {
                    kept.push(handle);
                    tracing::warn!(%handle, "another session of the client was not ended: {error}");
                }
            }
        }
        let ended = log_ins.iter().filter(|handle| !kept.contains(handle));
        *over = ended.copied().collect();
    }

    /// Gives the client the id of the session in the main cookie again, if an older response has overwritten
    /// it there. Not if the session may be gone.
    pub(in crate::frameworks::http) fn repair(&mut self) {
        let is_told = self.save_failed || self.update.id.is_some();
        if self.received.is_overwritten && !is_told {
            self.tell_id(None);
        }
    }

    /// Takes the cookies of log-ins that are over away from the client.
    pub(in crate::frameworks::http) fn drop_log_ins(&mut self) {
        let Received { log_ins, over, .. } = &mut self.received;
        over.retain(|handle| log_ins.contains(handle));
        self.update.over = std::mem::take(over);
    }

    /// Gives the client the id of the session, also in the cookie of a log-in if it is that of one.
    fn tell_id(&mut self, logged_in_at: Option<SystemTime>) {
        let life = self.cookie_life();
        if let Current::Existing(session) = &self.current {
            let ends = session.state.lifetime.absolute_end();
            self.update.id = Some(IdUpdate::Set {
                id: session.id().clone(),
                ends: seconds_to_time(ends),
                persistent: life.map(|life| life == CookieLife::Persistent),
                logged_in_at,
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

/// Gives the session a new id, and tells whether it goes on from the old one. While the outcome is unknown, it
/// asks again, a few times.
async fn change_id<S>(
    store: &DynamoDbStore<S>,
    session: &mut Session<S>,
    new_id: NewId,
) -> Result<bool, Error>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut resumed = 0;
    loop {
        let changed = match new_id {
            NewId::Cycled => store.cycle_id(session).await.map(|()| true),
            NewId::LoggedIn => store.continue_or_begin(session).await,
            NewId::Switched => store.switch_user(session).await.map(|()| true),
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

/// The error of the read, for a log-in that cannot be stored because of it.
fn again(error: &Error) -> Error {
    match error {
        Error::Service(error) => Error::Service(error.clone()),
        Error::Decode(error) => error.again().into(),
        error => SetupError::new(error.to_string()).into(),
    }
}

fn unread() -> Error {
    SetupError::new("the session was not read").into()
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
