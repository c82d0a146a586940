//! The session of one request, from its load to its save.

use std::convert::Infallible;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::{MAX_RESUME_ATTEMPTS, pause};
use crate::error::{EncodeError, Error};
use crate::id::SessionHandle;
use crate::item::{Delta, Intent, TimeoutChange, images, seconds_to_time};
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::DynamoDbStore;

use super::cookie::{CredentialUpdate, IdUpdate};
use super::ending::Ending;

/// The session of one request, and the changes that a handler asked for.
pub(crate) struct RequestSession<S> {
    pub(crate) current: Current<S>,
    ending: Ending,
    /// Whether the session is to get a new id.
    pub(crate) cycle: bool,
    /// Whether the store may touch it.
    pub(crate) touch: bool,
    /// The read failed, and nothing is written after a failed read (G10).
    pub(crate) read_only: bool,
    /// A save by the handler failed, and the handler has the error.
    pub(crate) save_failed: bool,
    /// Timeouts that the handler has set.
    pub(crate) timeouts: TimeoutChange,
    /// The version that was read.
    read: Option<u64>,
    /// The change of the client's credential.
    pub(super) credential_update: Option<CredentialUpdate>,
}

/// The session as the handler sees it.
pub(crate) enum Current<S> {
    /// There is no session yet. `before` is the data before the first mutable access.
    New {
        data: S,
        before: Option<Box<S>>,
    },
    Existing(Box<Session<S>>),
}

impl<S: Default> RequestSession<S> {
    pub(super) fn new(session: Option<Session<S>>, ending: Ending) -> Self {
        Self {
            read: session.as_ref().and_then(Session::written_version),
            current: match session {
                Some(session) => Current::Existing(Box::new(session)),
                None => Current::absent(),
            },
            ending,
            cycle: false,
            touch: true,
            read_only: false,
            save_failed: false,
            timeouts: TimeoutChange::default(),
            credential_update: None,
        }
    }

    /// The same after a failed read: nothing is written, but a log-out is carried out.
    pub(super) fn read_only(ending: Ending) -> Self {
        Self {
            read_only: true,
            ..Self::new(None, ending)
        }
    }

    /// Ends the session as the handler knows it.
    pub(crate) fn end(&mut self) {
        if let Current::Existing(session) = std::mem::replace(&mut self.current, Current::absent())
        {
            // A change of id whose outcome is unknown may have been applied.
            let cycled = session.cycle.map(|cycle| cycle.id);
            self.ending.begin([session.id].into_iter().chain(cycled));
        }
        self.save_failed = false;
        self.cycle = false;
        self.timeouts = TimeoutChange::default();
    }
}

impl<S: Default> Current<S> {
    fn absent() -> Self {
        Self::New {
            data: S::default(),
            before: None,
        }
    }
}

impl<S: Clone> Current<S> {
    pub(crate) fn get_mut(&mut self) -> &mut S {
        match self {
            Self::New { data, before } => {
                before.get_or_insert_with(|| Box::new(data.clone()));
                data
            }
            Self::Existing(session) => session,
        }
    }
}

impl<S> RequestSession<S> {
    pub(crate) fn session(&self) -> Option<&Session<S>> {
        match &self.current {
            Current::Existing(session) => Some(session),
            Current::New { .. } => None,
        }
    }
}

impl<S> RequestSession<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Whether there may be changes to store.
    pub(super) fn is_due(&self, store: &DynamoDbStore<S>) -> bool {
        if self.read_only || self.save_failed {
            return false;
        }
        self.cycle
            || match &self.current {
                Current::New { before, .. } => before.is_some(),
                Current::Existing(session) => {
                    session.unsaved().is_some()
                        || !self.timeouts.is_empty()
                        || (self.touch && store.is_touch_due(session))
                }
            }
    }

    /// Deletes the sessions that the handler ended.
    pub(super) async fn carry_out_end(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        // After a failure the client keeps its credential, to try again with.
        if self.ending.carry_out(store).await? {
            self.credential_update = Some(CredentialUpdate {
                id: Some(IdUpdate::Remove),
                version: None,
            });
        }
        Ok(())
    }

    /// Deletes the sessions that the handler ended, and stores its changes.
    pub(crate) async fn store(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        self.carry_out_end(store).await?;
        if self.read_only {
            tracing::warn!("the session could not be read, so its changes are not stored");
            return Ok(());
        }
        if let Current::New { data, before } = &self.current {
            if !is_changed(before.as_deref(), data)? {
                return Ok(());
            }
            let session = store.create(data.clone()).await?;
            self.credential_update = Some(credential_of(store, &session));
            self.cycle = false;
            self.current = Current::Existing(Box::new(session));
        }
        let Current::Existing(session) = &mut self.current else {
            return Ok(());
        };
        if !self.timeouts.is_empty() {
            session.set_timeouts(self.timeouts);
        }
        if self.cycle {
            cycle(store, session).await?;
            self.cycle = false;
            self.credential_update = Some(credential_of(store, session));
        } else {
            store.save(session).await?;
            if self.touch
                && let Err(error) = store.touch(session).await
            {
                // The next request tries again. The changes of this one are stored.
                tracing::warn!("the idle timeout was not extended: {error}");
            }
        }
        self.timeouts = TimeoutChange::default();
        Ok(())
    }

    /// Gives the client the version that its next load must see, unless the client has it already.
    pub(super) fn tell_version(&mut self, store: &DynamoDbStore<S>, sent: Option<u64>) {
        let Current::Existing(session) = &self.current else {
            return;
        };
        let has_written = Session::written_version(session) != self.read;
        if self.credential_update.is_none() && (has_written || sent.is_none()) {
            self.credential_update = Some(credential_of(store, session));
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

/// The update that gives the client the credential of this session.
fn credential_of<S>(store: &DynamoDbStore<S>, session: &Session<S>) -> CredentialUpdate {
    let end = session.state.lifetime.absolute_end();
    let version = Session::written_version(session).filter(|_| store.reads_own_writes());
    CredentialUpdate {
        id: Some(IdUpdate::Set {
            id: session.id().clone(),
            ends: seconds_to_time(end),
            persistent: None,
            log_in: false,
        }),
        version: version.map(|version| (session.handle(), version)),
    }
}

/// Gives the session a new id. While the outcome is unknown, it asks again, a few times.
async fn cycle<S>(store: &DynamoDbStore<S>, session: &mut Session<S>) -> Result<(), Error>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    for resumed in 1..=MAX_RESUME_ATTEMPTS {
        match store.cycle_id(session).await {
            Err(Error::Service(error)) if error.outcome_unknown() => {}
            Err(Error::Conflict(error)) if error.outcome_unknown() => {}
            cycled => return cycled,
        }
        pause(resumed).await;
    }
    store.cycle_id(session).await
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
