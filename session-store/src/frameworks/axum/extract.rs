//! The extractor: the session struct as a handler's argument.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::schema::{SessionAttributes, SessionData};
use crate::session::{NewId, Session};
use crate::store::DynamoDbStore;

use super::config::RequestSlot;
use crate::frameworks::http::cookie::Via;
use crate::frameworks::http::{Current, Loan, RequestSession, Snapshot};
use crate::item::CookieLife;

/// The session of the request, as the session struct `S`: what a handler takes.
///
/// It dereferences to `S`, which has its default if there is no session. The first mutable access keeps a
/// clone, to find the changes later. The changes are stored when the handler is done; if there was no
/// session, one is created then.
///
/// `Option<CurrentSession<S>>` is `None` if there is no session, and a
/// [`RequiredSession`](super::RequiredSession) is refused with 401 then. They need no `S: Default`.
///
/// A request has one session: a second extractor is refused while the first is alive. Middlewares, streams and
/// sockets take a [`SharedSession`](super::SharedSession). If this one is moved into a task or into the body of
/// the response, the layer does not store its changes, and a [`save`](Self::save) that needs a cookie fails.
///
/// All functions are associated functions, so that they hide no method of `S`.
///
/// `S` derives `SessionAttributes`, `Clone`, `Default`, `Serialize` and `Deserialize`. If the compiler only
/// says that a function is not a handler, put `#[axum::debug_handler]` on it: that shows which of them is
/// missing.
pub struct CurrentSession<S> {
    slot: Arc<RequestSlot<S>>,
    /// `None` only while the session is being stored, or after that was cancelled.
    loan: Option<Loan<S>>,
}

impl<S> CurrentSession<S> {
    /// The session as the store knows it, with handle, times and version; `None` if there is no session. See
    /// [log-outs of other sessions](super#log-out-everywhere-else).
    pub fn stored(session: &Self) -> Option<&Session<S>> {
        session.inner().session()
    }

    /// The store, to list or revoke sessions.
    pub fn store(session: &Self) -> &DynamoDbStore<S> {
        &session.slot.slot.config().store
    }

    /// Logs somebody in: when the session is stored, it gets a new id, since an attacker may know the old one,
    /// and its absolute timeout begins anew. All other changes are stored with it.
    ///
    /// It always takes effect: without a session, or if it ends while the handler runs, a new one begins with
    /// what this extractor holds. If it cannot be stored, the response says so. Other sessions that the client
    /// has named (in a second cookie of the same name) end.
    ///
    /// A type that marks its user (`#[dynamo(attr = "user_id", user)]`) need not call it: whenever that
    /// attribute changes to a user, it is a log-in.
    pub fn log_in(session: &mut Self) {
        session.inner_mut().new_id = Some(NewId::LoggedIn);
        session.note_wish();
    }

    /// Gives the session a new id when it is stored, together with all other changes. Without a session it has
    /// no effect: a new session has a new id. When somebody logs in, call [`log_in`](Self::log_in) instead.
    pub fn cycle_id(session: &mut Self) {
        session.inner_mut().new_id.get_or_insert(NewId::Cycled);
        session.note_wish();
    }

    /// Gives this session its own idle timeout, such as a shorter one without "remember me"; `None` restores that of
    /// the type. It can be longer than that, unless the type [names a standard](crate::Session::set_idle_timeout).
    pub fn set_idle_timeout(session: &mut Self, idle: impl Into<Option<Duration>>) {
        session.inner_mut().timeouts.set_idle(idle.into());
    }

    /// Gives this session its own absolute timeout, such as eight hours without "remember me"; `None` restores that of
    /// the type, which is the upper bound. A [persistent](Self::set_persistent) cookie ends with it.
    ///
    /// An absolute timeout begins with an id, so this also asks for a [new id](Self::cycle_id). Only a
    /// [log-in](Self::log_in) lets the session end later than before.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use session_store::SessionAttributes;
    /// use session_store::frameworks::axum::CurrentSession;
    ///
    /// #[derive(Clone, Default, serde::Serialize, serde::Deserialize, SessionAttributes)]
    /// #[dynamo(idle_timeout = "30d", absolute_timeout = "30d")] // of a log-in that is remembered
    /// struct AppSession {
    ///     #[dynamo(attr = "user_id", index(consistent), user)]
    ///     user_id: Option<String>,
    /// }
    ///
    /// async fn log_in(mut session: CurrentSession<AppSession>, remember_me: bool) {
    ///     const HOUR: Duration = Duration::from_secs(3600);
    ///     session.user_id = Some("u-17".into());
    ///     CurrentSession::set_idle_timeout(&mut session, (!remember_me).then_some(HOUR));
    ///     CurrentSession::set_absolute_timeout(&mut session, (!remember_me).then_some(8 * HOUR));
    ///     CurrentSession::set_persistent(&mut session, remember_me);
    /// }
    /// ```
    pub fn set_absolute_timeout(session: &mut Self, absolute: impl Into<Option<Duration>>) {
        session.inner_mut().timeouts.set_absolute(absolute.into());
        Self::cycle_id(session);
    }

    /// Whether the browser keeps the cookie of this session after it is closed, whatever the layer's cookie
    /// says: "remember me" beside [`set_absolute_timeout`](Self::set_absolute_timeout). It holds for later ids of the
    /// session too.
    pub fn set_persistent(session: &mut Self, persistent: bool) {
        session.inner_mut().chosen_cookie = Some(match persistent {
            true => CookieLife::Persistent,
            false => CookieLife::Browser,
        });
    }

    /// Lets this request begin a session although its browser calls it cross-site.
    ///
    /// A form that another site submits, such as that of a payment provider, comes without the cookie, unless
    /// that is [`SameSite::None`](super::SameSite::None). If it began a session, that would replace the one
    /// which the visitor has. So it begins none, and changes are not stored, unless the handler calls this or
    /// [`log_in`](Self::log_in).
    pub fn allow_cross_site(session: &mut Self) {
        session.inner_mut().allow_cross_site();
    }

    /// How the client has sent its id; `None` if it has sent none. See
    /// [`cookie_or_bearer`](super::SessionLayer::cookie_or_bearer).
    pub fn via(session: &Self) -> Option<Via> {
        session.slot.slot.via()
    }

    /// Gives the client its id in a cookie, or in a header, whatever it has sent: for the log-in of an API
    /// client on routes with [`cookie_or_bearer`](super::SessionLayer::cookie_or_bearer). With other layers it
    /// has no effect.
    pub fn respond_via(session: &mut Self, via: Via) {
        session.inner_mut().via = Some(via);
    }

    /// Keeps this request from extending the idle timeout, if it changes nothing else. Use it for routes
    /// that a page calls by itself; otherwise an open page would keep its session alive.
    pub fn without_touch(session: &mut Self) {
        session.inner_mut().touch = false;
    }

    /// Takes back all changes that are not stored, also a [log-in](Self::log_in), a new id and timeouts, but not
    /// an [`end`](Self::end): for a handler that fails half-way with a status such as 403. After 408 and 5xx nothing is
    /// stored anyway.
    pub fn discard(session: &mut Self) {
        session.inner_mut().discard();
        session.note_wish();
    }

    /// Lets the layer know if this has a change that needs a cookie, in case that it is kept.
    pub(super) fn note_wish(&self) {
        self.slot.slot.note_wish(self.inner().needs_cookie());
    }

    pub(super) fn new(slot: Arc<RequestSlot<S>>, loan: Loan<S>) -> Self {
        Self {
            slot,
            loan: Some(loan),
        }
    }

    pub(super) fn inner(&self) -> &RequestSession<S> {
        match &self.loan {
            Some(loan) => loan,
            None => was_cancelled(),
        }
    }

    pub(super) fn inner_mut(&mut self) -> &mut RequestSession<S> {
        match &mut self.loan {
            Some(loan) => loan,
            None => was_cancelled(),
        }
    }
}

impl<S: SessionAttributes + Default + 'static> CurrentSession<S> {
    /// Ends the session, and removes the cookie: log-out. A later change begins a new session.
    ///
    /// It ends the session that the client named in its cookie or header, also if the read missed it or
    /// could not decode it, and the session that this request has made of it by a new id. It is carried out
    /// when the handler is done, even if the handler then responds with a server error, panics, or is
    /// dropped because the client hangs up; other changes are not stored then.
    ///
    /// If it fails, the response is 503, and the cookie is removed all the same.
    ///
    /// After a failed read a handler only runs if [`on_error`](super::SessionLayer::on_error) returns `None`
    /// for [`Stage::Load`](super::Stage::Load). This is the one write that is made then. For a route that only
    /// logs out, [`EndSession`](super::EndSession) reads nothing, and so works while reads fail.
    pub fn end(session: &mut Self) {
        // First, as what follows panics after a cancelled save.
        session.slot.slot.end_named();
        let inner = session.inner_mut();
        inner.end();
        inner.fill();
        session.note_wish();
        session.slot.slot.end_if_answered();
    }
}

impl<S: SessionData> CurrentSession<S> {
    /// Stores the changes so far now, rather than when the handler is done, so that the handler learns the
    /// outcome: whether it failed, and which sessions a log-in evicted ([`Session::evicted`] of the
    /// [`stored`](Self::stored) session). It continues if the client hangs up.
    ///
    /// # Errors
    ///
    /// Those of [`create`](DynamoDbStore::create), [`save`](DynamoDbStore::save),
    /// [`touch`](DynamoDbStore::touch), [`cycle_id`](DynamoDbStore::cycle_id) and
    /// [`delete`](DynamoDbStore::delete), if it called them. The session keeps its unsaved changes, but the
    /// handler must deal with the error: the layer tries again only to [`end`](Self::end) it.
    ///
    /// # Panics
    ///
    /// If the future is dropped before it is done, such as by a timeout, any later use of this extractor panics.
    pub async fn save(session: &mut Self) -> Result<(), Error> {
        let (loan, saved) = Self::take_loan(session).save().await;
        session.loan = loan;
        saved
    }

    /// Changes the session now, by [`update`](DynamoDbStore::update): if two requests change the same field
    /// at the same time, neither undoes the other. Earlier changes are stored first; without a session, one
    /// is created. It continues if the client hangs up.
    ///
    /// The closure runs again each time that another write wins, and its last value is returned. So clone what it
    /// gives away.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{Error, SessionAttributes, frameworks::axum::CurrentSession};
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { cart: Vec<String> }
    /// async fn add(session: &mut CurrentSession<AppSession>, item: String) -> Result<(), Error> {
    ///     CurrentSession::update(session, move |session| session.cart.push(item.clone())).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save) and of [`update`](DynamoDbStore::update), with the same
    /// consequences: [`Error::Gone`] if the session ended while the handler ran.
    ///
    /// # Panics
    ///
    /// As [`save`](Self::save) does.
    pub async fn update<T: Send + 'static>(
        session: &mut Self,
        change: impl FnMut(&mut S) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (loan, updated) = Self::take_loan(session).update(change).await;
        session.loan = loan;
        match updated? {
            Some(value) => Ok(value),
            None => has_no_data(),
        }
    }

    /// Reads the session again, and puts the changes so far onto what others have stored since: before an act
    /// that must not be done for a session which was ended or revoked while this request waited for its body.
    /// See [`DynamoDbStore::refresh`]. Without a session, it does nothing, but
    /// if this request has ended it, that is [`Error::Gone`].
    ///
    /// # Errors
    ///
    /// Those of [`refresh`](DynamoDbStore::refresh): [`Error::Gone`] if the session has ended.
    ///
    /// # Panics
    ///
    /// As [`save`](Self::save) does.
    pub async fn refresh(session: &mut Self) -> Result<(), Error> {
        let (loan, refreshed) = Self::take_loan(session).refresh().await;
        session.loan = loan;
        refreshed
    }

    /// Takes what is in a field and is shown once, such as a message for the next page: of ten tabs that ask at
    /// the same time, one gets it. The field becomes its default then.
    ///
    /// If there is nothing in the field, it makes no call; otherwise it costs what [`update`](Self::update) does.
    /// If the session has ended meanwhile, there is nothing in it. A response that is lost takes it along.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{Error, SessionAttributes, frameworks::axum::CurrentSession};
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { messages: Vec<String> }
    /// async fn page(mut session: CurrentSession<AppSession>) -> Result<String, Error> {
    ///     let messages = CurrentSession::take(&mut session, |session| &mut session.messages).await?;
    ///     Ok(messages.join("\n"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`update`](Self::update), but for [`Error::Gone`].
    ///
    /// # Panics
    ///
    /// As [`save`](Self::save) does.
    pub async fn take<T>(
        session: &mut Self,
        field: impl FnMut(&mut S) -> &mut T + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Default + PartialEq + Send + 'static,
    {
        let (loan, taken) = Self::take_loan(session).take(field).await;
        session.loan = loan;
        taken
    }

    /// Takes back what was changed since the snapshot, if it needs a cookie.
    pub(super) fn restore_if_late(session: &mut Self, before: Snapshot<S>) -> bool {
        let inner = session.inner_mut();
        let is_late = inner.would_need_cookie();
        if is_late {
            inner.restore(before);
        }
        is_late
    }

    fn take_loan(session: &mut Self) -> Loan<S> {
        match session.loan.take() {
            Some(loan) => loan,
            None => was_cancelled(),
        }
    }
}

fn was_cancelled() -> ! {
    panic!("a `save` or `update` was cancelled, so this session can no longer be used")
}

fn has_no_data() -> ! {
    unreachable!("an extractor has a session, or data for one")
}

impl<S> Deref for CurrentSession<S> {
    type Target = S;

    fn deref(&self) -> &S {
        match &self.inner().current {
            Current::Absent => has_no_data(),
            Current::New { data, .. } => data,
            Current::Existing(session) => session,
        }
    }
}

impl<S: Clone> DerefMut for CurrentSession<S> {
    fn deref_mut(&mut self) -> &mut S {
        let inner = match &mut self.loan {
            Some(loan) => &mut **loan,
            None => was_cancelled(),
        };
        if let Current::New { before: None, .. } = inner.current {
            // It keeps a copy of what was before.
            inner.current.get_mut();
            self.slot.slot.note_wish(inner.needs_cookie());
        }
        match inner.current.get_mut() {
            Some(data) => data,
            None => has_no_data(),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for CurrentSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CurrentSession");
        // After a cancelled save there is nothing to show.
        if self.loan.is_some() {
            let handle = self.inner().session().map(Session::handle);
            debug.field("handle", &handle).field("data", &**self);
        }
        debug.finish_non_exhaustive()
    }
}
