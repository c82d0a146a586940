//! The slot with a request's session. A framework's extractor lends the session to a handler, and its
//! layer stores it.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::cookie::{Carrier, Credential, CredentialUpdate, Sent};
use super::ending::Ending;
use super::policy::log;
use super::request_session::RequestSession;

/// The settings of a layer, without those for error responses.
pub(crate) struct SessionConfig<S> {
    pub(crate) store: DynamoDbStore<S>,
    pub(crate) carrier: Carrier,
    pub(crate) save_on_server_error: bool,
}

impl<S> Clone for SessionConfig<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            carrier: self.carrier.clone(),
            save_on_server_error: self.save_on_server_error,
        }
    }
}

/// The session of one request. The lock is never held across an await.
pub(crate) struct Slot<S> {
    config: Arc<SessionConfig<S>>,
    /// What the client sent.
    sent: Sent,
    /// The log-out that a handler has asked for.
    ending: Ending,
    state: Mutex<SlotState<S>>,
}

enum SlotState<S> {
    /// No handler has asked for the session.
    NotLoaded,
    /// A handler has the session, or it is being read for one.
    Lent,
    Loaded(Box<RequestSession<S>>),
}

/// Why a handler cannot have the session now. `R` is the framework's response.
pub(crate) enum LendError<R> {
    InUse,
    Failed(R),
}

/// The result of storing a request's session.
pub(crate) enum Finished {
    /// By the policy, a response for `error` can replace that of the handler. It then gets the `update`.
    Done {
        error: Option<Error>,
        update: Option<CredentialUpdate>,
    },
    /// The task that stored the session was aborted.
    Aborted,
}

impl<S> Slot<S> {
    /// The slot of a request with these headers.
    pub(crate) fn new(config: Arc<SessionConfig<S>>, headers: &HeaderMap) -> Self {
        Self {
            sent: config
                .carrier
                .read(headers, config.store.table().now().time()),
            config,
            ending: Ending::default(),
            state: Mutex::new(SlotState::NotLoaded),
        }
    }

    pub(crate) fn store(&self) -> &DynamoDbStore<S> {
        &self.config.store
    }

    /// Whether a layer with this configuration would give the same sessions.
    pub(crate) fn is_of(&self, config: &SessionConfig<S>) -> bool {
        let (own, other) = (self.config.carrier.scope(), config.carrier.scope());
        self.config.store.is_same(&config.store) && own.meets(&other)
    }

    /// Begins a log-out, with the session that the client named. Its read may have missed it or failed, and
    /// it can have a new id since.
    pub(crate) fn end_named(&self) {
        let named = self.sent.credentials.iter().map(|sent| sent.id.clone());
        self.ending.begin(named);
    }

    pub(crate) fn put_back(&self, session: Box<RequestSession<S>>) {
        self.replace(SlotState::Loaded(session));
    }

    /// Writes a change of the credential into the headers of a response.
    pub(crate) fn write(&self, update: &CredentialUpdate, headers: &mut HeaderMap) {
        let SessionConfig { store, carrier, .. } = &*self.config;
        let via = self.sent.via.unwrap_or(carrier.default_via());
        carrier.write(via, update, store.table().now().time(), headers);
    }

    fn replace(&self, state: SlotState<S>) -> SlotState<S> {
        let mut current = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, state)
    }
}

impl<S: SessionAttributes + 'static> Slot<S> {
    /// Carries out a log-out, if there is one, for a client that no longer waits.
    pub(crate) fn end_in_background(&self) {
        if !self.ending.is_due() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!("a log-out is not carried out, because the runtime has ended");
            return;
        };
        let (ending, store) = (self.ending.clone(), self.config.store.clone());
        runtime.spawn(async move {
            if let Err(error) = ending.carry_out(&store).await {
                log(&error);
            }
        });
    }
}

impl<S> Slot<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Lends the session to a handler. The first call reads it; later calls lend the same one.
    ///
    /// If the read fails, `respond` decides: `None` continues without a session.
    pub(crate) async fn lend<R>(
        &self,
        respond: impl FnOnce(&Error) -> Option<R>,
    ) -> Result<Box<RequestSession<S>>, LendError<R>> {
        match self.replace(SlotState::Lent) {
            SlotState::Loaded(session) => return Ok(session),
            SlotState::Lent => return Err(LendError::InUse),
            SlotState::NotLoaded => {}
        }
        let store = &self.config.store;
        let loaded = match self.sent.credentials.first() {
            Some(Credential {
                id,
                version: Some(version),
            }) => store.load_at_least(id, *version).await,
            Some(Credential { id, version: None }) => store.load(id).await,
            None => Ok(None),
        };
        let ending = self.ending.clone();
        match store.readable_for_visitor(loaded) {
            Ok(session) => Ok(Box::new(RequestSession::new(session, ending))),
            Err(error) => match respond(&error) {
                Some(response) => {
                    self.replace(SlotState::NotLoaded);
                    Err(LendError::Failed(response))
                }
                None => Ok(Box::new(RequestSession::read_only(ending))),
            },
        }
    }

    /// Stores the changes of the handler, whose response has this status. Without a response, as after a
    /// panic, or with that of a server error, only a log-out is carried out.
    pub(crate) async fn finish(&self, status: Option<StatusCode>) -> Finished {
        let mut session = match self.replace(SlotState::Lent) {
            SlotState::Loaded(session) => session,
            SlotState::NotLoaded => {
                return Finished::Done {
                    error: None,
                    update: None,
                };
            }
            SlotState::Lent => {
                tracing::error!(
                    "a session was kept after its handler ended, and its changes are lost; \
                     drop it in the handler"
                );
                // A log-out is carried out all the same.
                Box::new(RequestSession::read_only(self.ending.clone()))
            }
        };
        let SessionConfig {
            store,
            carrier,
            save_on_server_error,
        } = &*self.config;
        let mut failed = None;
        let counts =
            status.is_some_and(|status| *save_on_server_error || !status.is_server_error());
        let has_changes = counts && session.is_due(store);
        if has_changes || self.ending.is_due() {
            // In a separate task, which continues if the client hangs up.
            let store = store.clone();
            let stored = tokio::spawn(async move {
                let stored = if has_changes {
                    session.store(&store).await
                } else {
                    session.carry_out_end(&store).await
                };
                (session, stored)
            });
            let stored = stored.await;
            // If it failed, the client learns of it, and nothing is tried behind its back.
            self.ending.take();
            match stored {
                Ok((after, stored)) => {
                    session = after;
                    failed = stored.err();
                }
                Err(error) => {
                    tracing::error!(%error, "storing the session was aborted");
                    return Finished::Aborted;
                }
            }
        }
        if store.reads_own_writes() && carrier.carries_version() {
            let sent = self.sent.credentials.first().and_then(|sent| sent.version);
            session.tell_version(store, sent);
        }
        Finished::Done {
            error: failed,
            update: session.credential_update.take(),
        }
    }
}
