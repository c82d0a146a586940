//! Storing what a handler has changed: an end, a new session, a new id, or a save.

use serde::Serialize;

use crate::error::{Chain, EncodeError, Error, GoneError, RequestError, SetupError};
use crate::id::SessionHandle;
use crate::item::{CookieLife, Delta, Intent, TimeoutChange, UserChange, change_of_user, images};
use crate::schema::{SessionAttributes, SessionData};
use crate::session::NewId;
use crate::store::{Beginning, DynamoDbStore};
use crate::telemetry::{Event, note};

use super::{Current, RequestSession, Standing};
use crate::frameworks::http::cookie::IdUpdate;

impl<S: SessionData> RequestSession<S> {
    /// Whether there may be changes to store.
    pub(in crate::frameworks::http) fn is_due(&self, store: &DynamoDbStore<S>) -> bool {
        if self.save_failed || self.is_pending() {
            return self.is_pending();
        }
        match &self.current {
            Current::Absent => false,
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
        is_last: bool,
    ) -> Result<(), Error> {
        let ended = self.ending.carry_out(store, is_last).await;
        // The client loses its id in any case, and an error says that the session may still be there.
        if !matches!(ended, Ok(false)) {
            self.update.id = Some(IdUpdate::Remove);
            self.received.over.clone_from(&self.received.log_ins);
        }
        ended.map(drop)
    }

    /// Stores the changes when the handler is done. What this request cannot store is left out.
    pub(in crate::frameworks::http) async fn store_at_end(
        &mut self,
        store: &DynamoDbStore<S>,
    ) -> Result<(), Error> {
        // If it fails, the client learns of it, and nothing is tried behind its back.
        self.carry_out_end(store, true).await?;
        if self.save_failed || self.new_id.is_none() {
            self.find_out(store).await?;
        }
        if self.save_failed {
            return Ok(());
        }
        match self.store(store).await {
            Err(Error::Request(error)) => {
                tracing::info!("{error}");
                Ok(())
            }
            stored => stored,
        }
    }

    /// Whether the changes need a cookie. An access that was only mutable changes nothing.
    pub(crate) fn would_need_cookie(&self) -> bool {
        let is_new = match &self.current {
            // An error of the comparison comes again when it is stored.
            Current::New { data, before } => is_changed(before.as_deref(), data).unwrap_or(true),
            _ => true,
        };
        self.needs_cookie() && (is_new || self.logs_in())
    }

    /// Fails if the session could not be read.
    pub(super) fn check_read(&self) -> Result<(), Error> {
        match &self.standing {
            Standing::Failed(error) => Err(error.as_ref().map_or_else(unread, again)),
            _ => Ok(()),
        }
    }

    /// Stores the changes of the handler.
    pub(super) async fn store(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        if self.session().is_none() {
            return self.begin(store).await;
        }
        self.resume(store).await?;
        let life = self.cookie_life();
        let cookie_end = self.due_cookie_end(store);
        if self.is_answered && self.chosen_cookie.is_some() && cookie_end.is_some() {
            return Err(RequestError::answered().into());
        }
        // The cookie of before ends when it does.
        let cookie_end = cookie_end.filter(|_| !self.is_answered);
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
            (None, _) if session.is_undisclosed => None,
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
                Err(error) => {
                    tracing::warn!("the idle timeout was not extended: {}", Chain(&error));
                }
            }
            self.timeouts = TimeoutChange::default();
            return Ok(());
        };
        self.give_new_id(store, new_id).await?;
        self.new_id = None;
        Ok(())
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
        if logs_in {
            self.check_read()?;
        } else {
            if !is_changed(before.as_deref(), data)? {
                return Ok(());
            }
            match self.standing {
                Standing::Replaced(handle) => return Err(GoneError::replaced(handle).into()),
                Standing::Withheld => return Err(RequestError::withheld().into()),
                Standing::Failed(_) => {
                    tracing::warn!("the session could not be read, so its changes are not stored");
                    return Ok(());
                }
                Standing::Free => {}
            }
        }
        if self.is_answered {
            return Err(RequestError::answered().into());
        }
        let beginning = Beginning {
            timeouts: self.timeouts,
            cookie: self.cookie_life(),
            logs_in,
        };
        let mut session = store.begin(data.clone(), beginning).await?;
        session.is_undisclosed = true;
        if logs_in {
            note(Event::LoggedIn, Some(session.handle()));
        }
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
}

/// The error of the read once more, for somebody else who learns of it.
pub(crate) fn again(error: &Error) -> Error {
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
