//! New ids, of which the client learns whatever becomes of the request.

use crate::dynamodb::{MAX_RESUME_ATTEMPTS, pause};
use crate::error::{Error, RequestError};
use crate::item::TimeoutChange;
use crate::schema::SessionData;
use crate::session::{NewId, Session};
use crate::store::DynamoDbStore;

use super::{Current, RequestSession};

impl<S: SessionData> RequestSession<S> {
    /// Finds out what became of a change of id that the handler does not ask for any more: if it was carried out, the
    /// client learns its new id. If not, it is given up.
    pub(super) async fn find_out(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        let Current::Existing(session) = &mut self.current else {
            return Ok(());
        };
        if session.cycle.is_none() {
            return Ok(());
        }
        if store.is_cycled(session).await? {
            return self.resume(store).await;
        }
        session.cycle = None;
        Ok(())
    }

    /// Carries out a change of id whose outcome is unknown, and tells the client, before anything else.
    pub(super) async fn resume(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        let pending = self.session().and_then(|session| session.cycle.as_ref());
        let Some(pending) = pending.map(|cycle| cycle.kind) else {
            return Ok(());
        };
        // Those that were set since it began are not stored by it.
        let timeouts = std::mem::take(&mut self.timeouts);
        let is_stored = self.session().is_some_and(|s| s.timeouts() == timeouts);
        let given = self.give_new_id(store, pending).await;
        if given.is_err() || !is_stored {
            self.timeouts = timeouts;
        }
        given?;
        let is_covered = match pending {
            NewId::Cycled => self.new_id == Some(NewId::Cycled),
            NewId::Reauthenticated => self.new_id != Some(NewId::LoggedIn),
            NewId::LoggedIn | NewId::Switched => true,
        };
        if is_covered {
            self.new_id = None;
        }
        Ok(())
    }

    pub(super) async fn give_new_id(
        &mut self,
        store: &DynamoDbStore<S>,
        new_id: NewId,
    ) -> Result<(), Error> {
        if self.is_answered {
            return Err(RequestError::answered().into());
        }
        let Current::Existing(session) = &mut self.current else {
            return Ok(());
        };
        let before = session.handle();
        let continues = change_id(store, session, new_id).await?;
        session.is_undisclosed = true;
        self.timeouts = TimeoutChange::default();
        match new_id {
            NewId::Cycled | NewId::Reauthenticated => {
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

    pub(super) fn logs_in(&self) -> bool {
        self.new_id == Some(NewId::LoggedIn)
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
    S: SessionData,
{
    let mut resumed = 0;
    loop {
        let changed = match new_id {
            NewId::Cycled => store.cycle_id(session).await.map(|()| true),
            NewId::Reauthenticated => store.reauthenticated(session).await.map(|()| true),
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
