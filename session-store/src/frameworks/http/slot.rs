//! The place of a request's session between a framework's layer, which stores it, and its extractor,
//! which lends it to a handler.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::cookie::{Carrier, Credential, CredentialUpdate};
use super::request_session::RequestSession;

/// The settings of a layer, but for its answers.
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

/// The session of one request. The lock is held for a moment each time, and never across an await.
pub(crate) struct Slot<S> {
    config: Arc<SessionConfig<S>>,
    /// The credential that the client sent.
    sent: Option<Credential>,
    place: Mutex<Place<S>>,
}

enum Place<S> {
    /// No handler has asked for it.
    Untouched,
    /// A handler has it, or it is being read for one.
    Lent,
    Here(Box<RequestSession<S>>),
}

/// Why a handler cannot have the session now. `R` is the framework's answer.
pub(crate) enum Refusal<R> {
    Lent,
    Failed(R),
}

/// What has to be done to the answer when a request is finished.
pub(crate) enum Finished {
    /// Storing may have failed, and the client may have to learn of another credential.
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
            sent: config.carrier.read(headers),
            config,
            place: Mutex::new(Place::Untouched),
        }
    }

    pub(crate) fn store(&self) -> &DynamoDbStore<S> {
        &self.config.store
    }

    pub(crate) fn put_back(&self, session: Box<RequestSession<S>>) {
        self.replace(Place::Here(session));
    }

    /// Writes a change of the credential into the headers of an answer.
    pub(crate) fn write(&self, update: &CredentialUpdate, headers: &mut HeaderMap) {
        let SessionConfig { store, carrier, .. } = &*self.config;
        carrier.write(update, store.table().now().time(), headers);
    }

    fn replace(&self, place: Place<S>) -> Place<S> {
        let mut current = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, place)
    }
}

impl<S> Slot<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Lends the session to a handler: the first time it is read, after that it is the same one.
    ///
    /// If the read fails, `answer` decides: an answer, or none to go on without a session.
    pub(crate) async fn lend<R>(
        &self,
        answer: impl FnOnce(&Error) -> Option<R>,
    ) -> Result<Box<RequestSession<S>>, Refusal<R>> {
        match self.replace(Place::Lent) {
            Place::Here(session) => return Ok(session),
            Place::Lent => return Err(Refusal::Lent),
            Place::Untouched => {}
        }
        let store = &self.config.store;
        let loaded = match &self.sent {
            Some(Credential {
                id,
                version: Some(version),
            }) => store.load_at_least(id, *version).await,
            Some(Credential { id, version: None }) => store.load(id).await,
            None => Ok(None),
        };
        match loaded {
            Ok(session) => Ok(Box::new(RequestSession::new(session))),
            Err(error) => match answer(&error) {
                Some(answer) => {
                    self.replace(Place::Untouched);
                    Err(Refusal::Failed(answer))
                }
                None => Ok(Box::new(RequestSession::read_only())),
            },
        }
    }

    /// Stores the changes of the handler, which has answered with this status.
    pub(crate) async fn finish(&self, status: StatusCode) -> Finished {
        let mut session = match self.replace(Place::Lent) {
            Place::Here(session) => session,
            Place::Untouched => {
                return Finished::Done {
                    error: None,
                    update: None,
                };
            }
            Place::Lent => {
                tracing::error!("a session was kept beyond its handler, and its changes are lost");
                return Finished::Done {
                    error: None,
                    update: None,
                };
            }
        };
        let SessionConfig {
            store,
            carrier,
            save_on_server_error,
        } = &*self.config;
        let mut failed = None;
        let counts = *save_on_server_error || !status.is_server_error();
        if counts && session.is_due(store) {
            // In a task of its own, which goes on if the client hangs up.
            let store = store.clone();
            let stored = tokio::spawn(async move {
                let stored = session.store(&store).await;
                (session, stored)
            });
            match stored.await {
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
            let sent = self.sent.as_ref().and_then(|sent| sent.version);
            session.tell_version(store, sent);
        }
        Finished::Done {
            error: failed,
            update: session.credential_update.take(),
        }
    }
}
