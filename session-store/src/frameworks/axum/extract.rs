//! The extractor: the session struct in a handler's hand.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::held::{Data, Held};
use super::slot::{Refusal, Slot};
use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::handle::DynamoDbStore;

/// The session of the request, as the session struct `S`.
///
/// It dereferences to `S`, which has its default where there is no session. The first mutable access
/// keeps a clone, to know later what changed; what changed is stored when the handler is done, and
/// one without a session gets one then. As `Option<CurrentSession<S>>` it is none where there is no
/// session.
///
/// A request has one session: a further extractor in the same handler, while the first is alive, is
/// refused. Drop it before the handler ends; one that is moved into a task or into the body of the
/// response is not stored.
///
/// All but `S` is in associated functions, so that they hide no method of `S`.
///
/// `S` derives `SessionAttributes`, `Clone`, `Default`, `Serialize` and `Deserialize`. Where the
/// compiler only says that a function is no handler, `#[axum::debug_handler]` on it shows which of
/// them is missing.
pub struct CurrentSession<S> {
    slot: Arc<Slot<S>>,
    /// None only while it is being stored, or after that was broken off.
    held: Option<Box<Held<S>>>,
}

impl<S> CurrentSession<S> {
    /// The session as the store knows it, with handle, times and version; none where there is none.
    pub fn stored(session: &Self) -> Option<&Session<S>> {
        session.held().session()
    }

    /// The store, to list or revoke sessions.
    pub fn store(session: &Self) -> &DynamoDbStore<S> {
        &session.slot.config().store
    }

    /// Gives the session a new id when it is stored, together with all other changes: do it at
    /// log-in, since somebody else may know the one before. Without a session it has no effect, since
    /// a new one has a new id.
    pub fn cycle_id(session: &mut Self) {
        session.held_mut().cycle = true;
    }

    /// Gives this session an idle timeout of its own, such as for "remember me"; `None` goes back to
    /// that of the type.
    pub fn set_idle_timeout(session: &mut Self, idle: impl Into<Option<Duration>>) {
        session.held_mut().idle = Some(idle.into());
    }

    /// Keeps this request from extending the idle timeout, if it changes nothing else: for routes
    /// that a page calls by itself, or nobody would ever be logged out for being idle.
    pub fn without_touch(session: &mut Self) {
        session.held_mut().touch = false;
    }

    fn held(&self) -> &Held<S> {
        match &self.held {
            Some(held) => held,
            None => broken_off(),
        }
    }

    fn held_mut(&mut self) -> &mut Held<S> {
        match &mut self.held {
            Some(held) => held,
            None => broken_off(),
        }
    }
}

impl<S: Default> CurrentSession<S> {
    /// Ends the session, and takes the cookie away: log-out. What is changed after it begins a new
    /// one.
    pub fn end(session: &mut Self) {
        session.held_mut().end();
    }
}

impl<S> CurrentSession<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Stores the changes so far at once, rather than when the handler is done, so that the handler
    /// learns what came of it: whether it failed, and, by [`Session::evicted`] of what is then
    /// [`stored`](Self::stored), whom a log-in ended. It goes on if the client hangs up.
    ///
    /// # Errors
    ///
    /// Those of [`create`](DynamoDbStore::create), [`save`](DynamoDbStore::save),
    /// [`touch`](DynamoDbStore::touch), [`cycle_id`](DynamoDbStore::cycle_id) and
    /// [`delete`](DynamoDbStore::delete), whichever it took. The changes are still in hand, but the
    /// answer is the handler's now: nothing is tried again when it is done.
    ///
    /// # Panics
    ///
    /// Await it to its end. A future that is dropped before, such as by a timeout, takes the session
    /// along: any use of it panics after that, and the client does not learn of a new id.
    pub async fn save(session: &mut Self) -> Result<(), Error> {
        let store = Self::store(session).clone();
        Self::carry_out(session, |mut held| async move {
            let stored = held.store(&store).await;
            (held, stored)
        })
        .await
    }

    /// Changes the session at once by [`update`](DynamoDbStore::update): of two requests at once that
    /// change the same field, neither undoes the other. What was changed before it is stored first;
    /// without a session, one begins. It goes on if the client hangs up.
    ///
    /// The closure runs again each time that others were first, and what it returned at last is given.
    ///
    /// ```ignore
    /// CurrentSession::update(&mut session, move |session| session.cart.push(item.clone())).await?;
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
        Self::carry_out(session, |mut held| async move {
            let changed = held.update(&store, change).await;
            (held, changed)
        })
        .await
    }

    /// Runs in a task of its own, which goes on if the client hangs up.
    async fn carry_out<T, F>(
        session: &mut Self,
        work: impl FnOnce(Box<Held<S>>) -> F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = (Box<Held<S>>, Result<T, Error>)> + Send + 'static,
    {
        let Some(held) = session.held.take() else {
            broken_off()
        };
        match tokio::spawn(work(held)).await {
            Ok((mut held, done)) => {
                held.given_up = done.is_err();
                session.held = Some(held);
                done
            }
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and this handler with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

fn broken_off() -> ! {
    panic!("a `save` or `update` of this session was dropped before its end, and it with it")
}

impl<S> Drop for CurrentSession<S> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.slot.put_back(held);
        }
    }
}

impl<S> Deref for CurrentSession<S> {
    type Target = S;

    fn deref(&self) -> &S {
        match &self.held().data {
            Data::Absent { data, .. } => data,
            Data::Stored(session) => session,
        }
    }
}

impl<S: Clone> DerefMut for CurrentSession<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.held_mut().data.get_mut()
    }
}

impl<S: fmt::Debug> fmt::Debug for CurrentSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handle = self.held().session().map(Session::handle);
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
        let Some(slot) = parts.extensions.get::<Arc<Slot<S>>>() else {
            return Err(SessionRejection(Reason::NoLayer(type_name::<S>())));
        };
        let slot = Arc::clone(slot);
        match slot.lend().await {
            Ok(held) => Ok(Self {
                slot,
                held: Some(held),
            }),
            Err(Refusal::Lent) => Err(SessionRejection(Reason::Lent)),
            Err(Refusal::Failed(response)) => {
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

/// Why a handler did not get its session: a programming error, or the answer of the layer's policy.
#[derive(Debug)]
pub struct SessionRejection(Reason);

#[derive(Debug)]
enum Reason {
    NoLayer(&'static str),
    Lent,
    /// In a box, since the errors of users hold rejections.
    Failed(Box<Response>),
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::NoLayer(session) => write!(
                f,
                "no layer gives this route sessions of `{session}`; add \
                 `.layer(SessionLayer::new(store))` to the router, after its routes"
            ),
            Reason::Lent => f.write_str(
                "the session of this request is in use by another extractor; take one \
                 `CurrentSession` in a handler",
            ),
            Reason::Failed(response) => {
                write!(f, "the session could not be read: {}", response.status())
            }
        }
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match self.0 {
            Reason::Failed(response) => *response,
            Reason::NoLayer(_) | Reason::Lent => {
                tracing::error!("{text}");
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}
