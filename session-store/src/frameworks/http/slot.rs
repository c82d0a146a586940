//! The slot with a request's session. A framework's extractor lends the session to a handler, and its
//! layer stores it.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::Millis;
use crate::schema::SessionAttributes;
use crate::store::{DynamoDbStore, Lookup};

use super::cookie::{Carrier, Credential, CredentialUpdate, MAX_TRIED, Sent, Via};
use super::cross_site::is_withheld;
use super::ending::Ending;
use super::policy::log;
use super::request_session::{Received, RequestSession, Standing};

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
    /// Whether the browser has kept the cookie back.
    is_withheld: bool,
    /// The beginning of the request, by which it is judged whether a session has expired.
    began: Millis,
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
        via: Via,
        update: CredentialUpdate,
    },
    /// The task that stored the session was aborted.
    Aborted,
}

impl<S> Slot<S> {
    /// The slot of a request with this method and these headers, which begins now.
    pub(crate) fn new(config: Arc<SessionConfig<S>>, method: &Method, headers: &HeaderMap) -> Self {
        let began = config.store.table().now();
        let sent = config.carrier.read(headers, began.time());
        let same_site = config.carrier.same_site().filter(|_| sent.via.is_none());
        Self {
            is_withheld: same_site.is_some_and(|policy| is_withheld(policy, method, headers)),
            sent,
            config,
            began,
            ending: Ending::default(),
            state: Mutex::new(SlotState::NotLoaded),
        }
    }

    pub(crate) fn store(&self) -> &DynamoDbStore<S> {
        &self.config.store
    }

    /// How the client has sent an id, if it has.
    pub(crate) fn via(&self) -> Option<Via> {
        self.sent.via
    }

    /// Whether a layer with this configuration would give the same sessions.
    pub(crate) fn is_of(&self, config: &SessionConfig<S>) -> bool {
        let (own, other) = (self.config.carrier.scope(), config.carrier.scope());
        self.config.store.is_same(&config.store) && own.meets(&other)
    }

    /// Begins a log-out, with the sessions that the client named. Their reads may have missed them or failed,
    /// and they can have a new id since.
    pub(crate) fn end_named(&self) {
        let named = self.sent.credentials.iter().map(|sent| sent.id.clone());
        self.ending.begin(named);
    }

    pub(crate) fn put_back(&self, session: Box<RequestSession<S>>) {
        self.replace(SlotState::Loaded(session));
    }

    /// Writes a change of the credential into the headers of a response.
    pub(crate) fn write(&self, via: Via, update: &CredentialUpdate, headers: &mut HeaderMap) {
        let SessionConfig { store, carrier, .. } = &*self.config;
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
        match self.read().await {
            Ok(session) => Ok(Box::new(session)),
            Err(error) => match respond(&error) {
                Some(response) => {
                    self.replace(SlotState::NotLoaded);
                    Err(LendError::Failed(response))
                }
                None => Ok(Box::new(
                    self.without_session(Standing::Failed(Some(error))),
                )),
            },
        }
    }

    /// The session of the first id that names a live one.
    async fn read(&self) -> Result<RequestSession<S>, Error> {
        let store = &self.config.store;
        let mut standing = match self.is_withheld {
            true => Standing::Withheld,
            false => Standing::Free,
        };
        let mut received = self.received();
        let mut candidates = self.candidates().take(MAX_TRIED);
        let mut tried = Vec::new();
        let found = loop {
            let Some(sent) = candidates.next() else {
                break None;
            };
            let handle = sent.id.handle();
            tried.push(handle);
            let found = store.look_up(&sent.id, sent.version, self.began).await;
            match store.readable_for_visitor(found)? {
                Lookup::Live(session) => break Some((session, sent)),
                Lookup::Replaced => {
                    standing = Standing::Replaced(handle);
                    received.kept.push(handle);
                }
                // A request that began in time can still use it.
                Lookup::Over => received.kept.push(handle),
                // The log-in is over, and one of before must not take its place. If that is in the main
                // cookie, the cookie of this one has to stay.
                Lookup::Absent => {
                    let is_last = |other: &Credential| other.logged_in_at == sent.logged_in_at;
                    let others = self.log_ins(|other| other.in_session_cookie && !is_last(other));
                    if sent.logged_in_at.is_some() && others.is_empty() {
                        received.over.clone_from(&received.log_ins);
                    }
                }
            }
        };
        let untried = self.sent.credentials.iter();
        let untried = untried.filter(|sent| !tried.contains(&sent.id.handle()));
        received.untried = untried.map(|sent| sent.id.clone()).collect();
        let ending = self.ending.clone();
        let Some((session, sent)) = found else {
            return Ok(RequestSession::new(None, standing, received, ending));
        };
        received.version = sent.version;
        received.logged_in_at = sent.logged_in_at;
        received.is_overwritten = !sent.in_session_cookie;
        let session = Some(session);
        Ok(RequestSession::new(
            session,
            Standing::Free,
            received,
            ending,
        ))
    }

    /// The ids that can be that of the session: of the last log-in, and of the main cookie. An earlier log-in
    /// does not count again if the last one is over, also not in the main cookie.
    fn candidates(&self) -> impl Iterator<Item = &Credential> {
        let log_ins = self.sent.credentials.iter();
        let last = log_ins.filter_map(|sent| sent.logged_in_at).max();
        let credentials = self.sent.credentials.iter();
        credentials.filter(move |sent| sent.logged_in_at.is_none() || sent.logged_in_at == last)
    }

    /// The sessions for which the client has the cookie of a log-in, of these credentials.
    fn log_ins(&self, of: impl Fn(&Credential) -> bool) -> Vec<SessionHandle> {
        let credentials = self.sent.credentials.iter();
        let log_ins = credentials.filter(|sent| sent.logged_in_at.is_some() && of(sent));
        log_ins.map(|sent| sent.id.handle()).collect()
    }

    fn without_session(&self, standing: Standing) -> RequestSession<S> {
        RequestSession::new(None, standing, self.received(), self.ending.clone())
    }

    /// What was received with the request, before any session is read.
    fn received(&self) -> Received {
        Received {
            cookie: self.config.carrier.cookie_life(self.usual_via()),
            log_ins: self.log_ins(|_| true),
            over: Vec::new(),
            kept: Vec::new(),
            version: None,
            untried: Vec::new(),
            logged_in_at: None,
            is_overwritten: false,
        }
    }

    /// How the client gets its id, unless the handler says otherwise.
    fn usual_via(&self) -> Via {
        let default = self.config.carrier.default_via();
        self.sent.via.unwrap_or(default)
    }

    /// Stores the changes of the handler, whose response has this status. Without a response, as after a
    /// panic, or with that of a server error, only a log-out is carried out.
    pub(crate) async fn finish(&self, status: Option<StatusCode>) -> Finished {
        let mut session = match self.replace(SlotState::Lent) {
            SlotState::Loaded(session) => session,
            SlotState::NotLoaded if !self.ending.is_due() => {
                return Finished::Done {
                    error: None,
                    via: self.usual_via(),
                    update: CredentialUpdate::default(),
                };
            }
            SlotState::NotLoaded => Box::new(self.without_session(Standing::Failed(None))),
            SlotState::Lent => {
                tracing::error!(
                    "a session was kept after its handler ended, and its changes are lost; \
                     drop it in the handler"
                );
                // A log-out is carried out all the same.
                Box::new(self.without_session(Standing::Failed(None)))
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
        if failed.is_none() {
            session.repair();
        }
        session.drop_log_ins();
        if store.reads_own_writes() && carrier.has_version_cookie() {
            session.tell_version(carrier.carries_version());
        }
        Finished::Done {
            error: failed,
            via: session.via.unwrap_or(self.usual_via()),
            update: std::mem::take(&mut session.update),
        }
    }
}
