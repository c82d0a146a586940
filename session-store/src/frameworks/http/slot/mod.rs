//! The slot with a request's session, which all hands of the request share: handlers, middlewares, and what
//! runs on after the response has begun. An extractor takes the session out, a closure borrows it for a
//! moment, and the layer stores it.

mod finish;
mod lend;
mod loan;
mod operations;
mod read;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use tokio::sync::Notify;
use tracing::Span;

use crate::item::Millis;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::config::SessionConfig;
use super::cookie::{CredentialUpdate, Sent, Via};
use super::cross_site::is_withheld;
use super::ending::Ending;
use super::policy::log;
use super::request_session::RequestSession;

pub(crate) use self::finish::Outcome;
pub(crate) use self::lend::LendError;
pub(crate) use self::loan::Loan;

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
    /// Carries out a log-out.
    end: fn(Ending, DynamoDbStore<S>) -> BoxFuture<'static, ()>,
    shared: Mutex<Shared<S>>,
    /// Wakes those who wait for a change of the holder.
    changed: Notify,
}

/// What the hands of a request change.
struct Shared<S> {
    holder: Holder<S>,
    /// Whether anybody has asked for the session.
    is_used: bool,
    /// Whether the head of the response is complete, so that no cookie can be added.
    is_answered: bool,
    /// What the client has to be told of a session that an extractor keeps.
    told: Option<(Via, CredentialUpdate)>,
    /// Whether a hand that is not in the session's own closure has ended the session, which was out of the slot.
    ends: bool,
    /// Whether the handler was cut off.
    is_cut_off: bool,
    has_panicked: bool,
    /// The span of the request, for the tasks that store. What goes on after the response has its own.
    span: Span,
    /// Whether there are changes that no response can store any more.
    is_late: bool,
}

impl<S> Shared<S> {
    /// Ends what the response can tell the client, and returns what an extractor that is kept has left.
    fn answer(&mut self) -> Option<(Via, CredentialUpdate)> {
        self.is_answered = true;
        self.span = Span::none();
        self.told.take()
    }
}

/// Who has the session.
enum Holder<S> {
    /// Nobody has asked for it.
    NotLoaded,
    /// It is being read. Others wait for that.
    Loading,
    Slot(Box<RequestSession<S>>),
    /// An extractor has it, for as long as it likes.
    Extractor {
        /// Whether it has a change that needs a cookie and is not stored.
        wants_cookie: bool,
    },
    /// It is being stored, or a closure has it for a moment. Others wait for that.
    Busy,
}

impl<S: SessionAttributes + 'static> Slot<S> {
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
            end: |ending, store| Box::pin(async move { end(&ending, &store).await }),
            shared: Mutex::new(Shared {
                holder: Holder::NotLoaded,
                is_used: false,
                is_answered: false,
                told: None,
                ends: false,
                is_cut_off: false,
                has_panicked: false,
                span: Span::current(),
                is_late: false,
            }),
            changed: Notify::new(),
        }
    }
}

impl<S> Slot<S> {
    pub(crate) fn config(&self) -> &SessionConfig<S> {
        &self.config
    }

    /// How the client has sent an id, if it has.
    pub(crate) fn via(&self) -> Option<Via> {
        self.sent.via
    }

    /// Notes that the response depends on the session.
    pub(crate) fn note_use(&self) {
        self.lock().is_used = true;
    }

    /// Notes whether the extractor has a change that needs a cookie. It can be kept when the handler ends.
    pub(crate) fn note_wish(&self, wish: bool) {
        if let Holder::Extractor { wants_cookie } = &mut self.lock().holder {
            *wants_cookie = wish;
        }
    }

    /// Whether the head of the response is complete.
    pub(crate) fn is_answered(&self) -> bool {
        self.lock().is_answered
    }

    pub(crate) fn is_used(&self) -> bool {
        self.lock().is_used
    }

    /// Notes that an inner layer of the same sessions was left, and whether by a response.
    pub(crate) fn note_return(&self, has_responded: bool) {
        let mut shared = self.lock();
        shared.is_cut_off = !has_responded;
        if let (false, Holder::Slot(session)) = (has_responded, &mut shared.holder) {
            session.discard();
        }
    }

    /// Ends the request of a client that has hung up: there is no response any more. What is being stored goes on.
    pub(crate) fn abandon(&self) {
        let mut shared = self.lock();
        if !shared.is_answered {
            shared.answer();
            if let Holder::Slot(session) = &mut shared.holder {
                session.discard();
            }
        }
        drop(shared);
        self.end_in_background();
    }

    /// Begins a log-out, with the sessions that the client named. Their reads may have missed them or failed,
    /// and they can have a new id since.
    pub(crate) fn end_named(&self) {
        let named = self.sent.credentials.iter().map(|sent| sent.id.clone());
        self.ending.begin(named);
    }

    /// Ends the session of the request, and those that the client named.
    pub(crate) fn end_session(&self) {
        self.end_named();
        let mut shared = self.lock();
        match &mut shared.holder {
            Holder::Slot(session) => session.end(),
            Holder::NotLoaded => {}
            // It ends when it comes back.
            Holder::Loading | Holder::Extractor { .. } | Holder::Busy => shared.ends = true,
        }
        drop(shared);
        self.end_if_answered();
    }

    /// Carries out a log-out at once if no response is left that could wait for it.
    pub(crate) fn end_if_answered(&self) {
        if self.lock().is_answered {
            self.end_in_background();
        }
    }

    /// Carries out a log-out, if there is one, for a client that no longer waits.
    fn end_in_background(&self) {
        if !self.ending.is_due() {
            return;
        }
        let end = (self.end)(self.ending.clone(), self.config.store.clone());
        if self.config.tasks.try_spawn(end, &self.span()).is_none() {
            tracing::warn!("a log-out is not carried out, because the runtime has ended");
        }
    }

    /// The span for what this request stores.
    fn span(&self) -> Span {
        let shared = self.lock();
        match shared.is_answered {
            true => Span::current(),
            false => shared.span.clone(),
        }
    }

    /// Writes a change of the credential into the headers of a response.
    pub(crate) fn write(&self, via: Via, update: &CredentialUpdate, headers: &mut HeaderMap) {
        let SessionConfig { store, carrier, .. } = &*self.config;
        carrier.write(via, update, store.table().now().time(), headers);
    }

    /// How the client gets its id, unless the handler says otherwise.
    fn usual_via(&self) -> Via {
        let default = self.config.carrier.default_via();
        self.sent.via.unwrap_or(default)
    }

    fn lock(&self) -> MutexGuard<'_, Shared<S>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the session back from whoever had it.
    fn put_back(&self, mut session: Box<RequestSession<S>>) {
        let mut shared = self.lock();
        if std::mem::take(&mut shared.ends) {
            session.end();
        }
        if std::thread::panicking() {
            // Half of a change.
            shared.has_panicked = true;
            session.discard();
        }
        shared.is_late |= shared.is_answered && session.has_changes();
        shared.holder = Holder::Slot(session);
        drop(shared);
        self.changed.notify_waiters();
        self.end_if_answered();
    }

    /// Changes who has the session, and wakes those who wait for it.
    fn set(&self, holder: Holder<S>) {
        self.lock().holder = holder;
        self.changed.notify_waiters();
    }

    /// Waits until `decide` gives something. It is asked again after each change of the holder.
    async fn wait<T>(&self, mut decide: impl FnMut(&mut Shared<S>) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before the question, or a change in between is missed.
            changed.as_mut().enable();
            if let Some(decided) = decide(&mut self.lock()) {
                return decided;
            }
            changed.await;
        }
    }
}

async fn end<S: SessionAttributes>(ending: &Ending, store: &DynamoDbStore<S>) {
    if let Err(error) = ending.carry_out(store, false).await {
        log(&error);
    }
}

impl<S> Drop for Slot<S> {
    fn drop(&mut self) {
        if self.lock().is_late {
            tracing::error!(
                "a session was changed after its response had begun, and the changes are lost; call `save` or \
                 `update`, or change it in the handler"
            );
        }
    }
}
