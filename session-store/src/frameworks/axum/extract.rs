//! The extractor: the session struct as a handler's argument.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::{DynamoDbStore, NewId};

use super::config::RequestSlot;
use super::rejection::{Reason, SessionRejection};
use crate::frameworks::http::cookie::Via;
use crate::frameworks::http::{Current, LendError, RequestSession};
use crate::item::CookieLife;

/// The session of the request, as the session struct `S`.
///
/// It dereferences to `S`, which has its default if there is no session. The first mutable access keeps a
/// clone, to find the changes later. The changes are stored when the handler is done; if there was no
/// session, one is created then. `Option<CurrentSession<S>>` is `None` if there is no session.
///
/// A request has one session: a second extractor in the same handler is refused while the first is alive.
/// Drop the extractor before the handler ends: if it is moved into a task or into the body of the response,
/// its changes are not stored.
///
/// All functions are associated functions, so that they hide no method of `S`.
///
/// `S` derives `SessionAttributes`, `Clone`, `Default`, `Serialize` and `Deserialize`. If the compiler only
/// says that a function is not a handler, put `#[axum::debug_handler]` on it: that shows which of them is
/// missing.
pub struct CurrentSession<S> {
    slot: Arc<RequestSlot<S>>,
    /// `None` only while the session is being stored, or after that was cancelled.
    session: Option<Box<RequestSession<S>>>,
}

impl<S> CurrentSession<S> {
    /// The session as the store knows it, with handle, times and version; `None` if there is no session.
    pub fn stored(session: &Self) -> Option<&Session<S>> {
        session.inner().session()
    }

    /// The store, to list or revoke sessions.
    pub fn store(session: &Self) -> &DynamoDbStore<S> {
        session.slot.slot.store()
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
    }

    /// Gives the session a new id when it is stored, together with all other changes. Without a session it has
    /// no effect: a new session has a new id. When somebody logs in, call [`log_in`](Self::log_in) instead.
    pub fn cycle_id(session: &mut Self) {
        session.inner_mut().new_id.get_or_insert(NewId::Cycled);
    }

    /// Gives this session its own idle timeout, such as for "remember me"; `None` restores that of the
    /// type.
    pub fn set_idle_timeout(session: &mut Self, idle: impl Into<Option<Duration>>) {
        session.inner_mut().timeouts.set_idle(idle.into());
    }

    /// Whether the browser keeps the cookie of this session after it is closed, whatever the layer's cookie
    /// says: "remember me" beside [`set_idle_timeout`](Self::set_idle_timeout). It holds for later ids of the
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

    fn inner(&self) -> &RequestSession<S> {
        match &self.session {
            Some(session) => session,
            None => was_cancelled(),
        }
    }

    fn inner_mut(&mut self) -> &mut RequestSession<S> {
        match &mut self.session {
            Some(session) => session,
            None => was_cancelled(),
        }
    }
}

impl<S: Default> CurrentSession<S> {
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
        session.inner_mut().end();
    }
}

impl<S> CurrentSession<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
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
    /// If the future is dropped before it is done, such as by a timeout, any later use of the session
    /// panics, and the client does not get a new id.
    pub async fn save(session: &mut Self) -> Result<(), Error> {
        let store = Self::store(session).clone();
        Self::carry_out(session, |mut inner| async move {
            let stored = inner.store(&store).await;
            (inner, stored)
        })
        .await
    }

    /// Changes the session now, by [`update`](DynamoDbStore::update): if two requests change the same field
    /// at the same time, neither undoes the other. Earlier changes are stored first; without a session, one
    /// is created. It continues if the client hangs up.
    ///
    /// The closure runs again each time that another write wins, and its last value is returned.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{Error, SessionAttributes, axum::CurrentSession};
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
        let store = Self::store(session).clone();
        Self::carry_out(session, |mut inner| async move {
            let changed = inner.update(&store, change).await;
            (inner, changed)
        })
        .await
    }

    /// Reads the session again, and puts the changes so far onto what others have stored since: before an act
    /// that must not be done for a session which was ended or revoked while this request waited for its body.
    /// See [`DynamoDbStore::refresh`]. Without a session, it does nothing.
    ///
    /// # Errors
    ///
    /// Those of [`refresh`](DynamoDbStore::refresh): [`Error::Gone`] if the session has ended.
    ///
    /// # Panics
    ///
    /// As [`save`](Self::save) does.
    pub async fn refresh(session: &mut Self) -> Result<(), Error> {
        let store = Self::store(session).clone();
        let save_failed = session.inner().save_failed;
        let refreshed = Self::carry_out(session, |mut inner| async move {
            let refreshed = inner.refresh(&store).await;
            (inner, refreshed)
        })
        .await;
        session.inner_mut().save_failed = save_failed;
        refreshed
    }

    /// Runs in a separate task, which continues if the client hangs up.
    async fn carry_out<T, F>(
        session: &mut Self,
        work: impl FnOnce(Box<RequestSession<S>>) -> F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = (Box<RequestSession<S>>, Result<T, Error>)> + Send + 'static,
    {
        let Some(inner) = session.session.take() else {
            was_cancelled()
        };
        match tokio::spawn(work(inner)).await {
            Ok((mut inner, done)) => {
                inner.save_failed = done.is_err();
                session.session = Some(inner);
                done
            }
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and will drop this handler.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

fn was_cancelled() -> ! {
    panic!("a `save` or `update` was cancelled, so this session can no longer be used")
}

impl<S> Drop for CurrentSession<S> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.slot.slot.put_back(session);
        }
    }
}

impl<S> Deref for CurrentSession<S> {
    type Target = S;

    fn deref(&self) -> &S {
        match &self.inner().current {
            Current::New { data, .. } => data,
            Current::Existing(session) => session,
        }
    }
}

impl<S: Clone> DerefMut for CurrentSession<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.inner_mut().current.get_mut()
    }
}

impl<S: fmt::Debug> fmt::Debug for CurrentSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handle = self.inner().session().map(Session::handle);
        f.debug_struct("CurrentSession")
            .field("handle", &handle)
            .field("data", &**self)
            .finish_non_exhaustive()
    }
}

impl<S, State> FromRequestParts<State> for CurrentSession<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, SessionRejection> {
        let Some(slot) = parts.extensions.get::<Arc<RequestSlot<S>>>() else {
            return Err(SessionRejection(Reason::NoLayer(type_name::<S>())));
        };
        let slot = Arc::clone(slot);
        match slot.lend().await {
            Ok(session) => Ok(Self {
                slot,
                session: Some(session),
            }),
            Err(LendError::InUse) => Err(SessionRejection(Reason::InUse)),
            Err(LendError::Failed(response)) => {
                Err(SessionRejection(Reason::Failed(Box::new(response))))
            }
        }
    }
}

impl<S, State> OptionalFromRequestParts<State> for CurrentSession<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &State,
    ) -> Result<Option<Self>, SessionRejection> {
        let session = <Self as FromRequestParts<State>>::from_request_parts(parts, state).await?;
        Ok(Some(session).filter(|session| Self::stored(session).is_some()))
    }
}
