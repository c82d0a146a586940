//! The session of a request for several hands at once.

use std::fmt;
use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, RequestError};
use crate::schema::{SessionAttributes, SessionData};
use crate::store::DynamoDbStore;

use super::config::RequestSlot;
use super::extract::CurrentSession;
use super::from_request::slot_of;
use super::rejection::SessionRejection;
use crate::frameworks::http::{LendError, Loan, again};

/// The session of the request, for several hands: middlewares that keep it while the handler runs, parts of a
/// page that are rendered at the same time, the body of a response that streams, a socket.
///
/// It is cheap to clone. All hands of a request share one session, which is read once and stored once, when the
/// handler is done. A hand has it for the time of a closure, in which it is a [`CurrentSession`]; others wait
/// meanwhile.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use axum::extract::Request;
/// use axum::middleware::Next;
/// use axum::response::Response;
/// use session_store::Error;
/// use session_store::frameworks::axum::SharedSession;
/// # use session_store::SessionAttributes;
/// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
/// # struct AppSession { visits: u64, theme: String }
///
/// async fn count(
///     session: SharedSession<AppSession>,
///     request: Request,
///     next: Next,
/// ) -> Result<Response, Error> {
///     session.with(|session| session.visits += 1).await?;
///     let response = next.run(request).await;
///     let theme = session.with(|session| session.theme.clone()).await?;
///     println!("a page in {theme}");
///     Ok(response)
/// }
/// ```
///
/// While a [`CurrentSession`] of the same request is alive, this one is refused, and what it is asked to do is
/// an error that says so.
///
/// # After the response has begun
///
/// A stream or a socket goes on after the head of the response. From then on
///
/// - reading works, and gives what was read last: [`refresh`](Self::refresh) asks whether the session is still
///   there, and reads it again;
/// - [`save`](Self::save), [`update`](Self::update) and [`take`](Self::take) work for a session that exists.
///   Changes without a `save` are lost, and the log has an error;
/// - an [`end`](Self::end) is carried out at once, in the background;
/// - a new session, a log-in and a new id need a cookie, for which it is too late. They are errors for which
///   [`RequestError::is_after_response`] is true;
/// - a timeout counts from now, and not from the beginning of the request.
///
/// On a store with [`ReadYourWrites`](crate::ReadConsistency::ReadYourWrites), the next request of the client may
/// miss what was stored then, as the client gets no version of it.
pub struct SharedSession<S>(Arc<RequestSlot<S>>);

impl<S> SharedSession<S> {
    /// The store, to list or revoke sessions.
    pub fn store(&self) -> &DynamoDbStore<S> {
        &self.0.slot.config().store
    }
}

impl<S> SharedSession<S> {
    /// Ends the session, and removes the cookie. See [`EndSession`](super::EndSession::end). Later hands of the
    /// request have no session.
    ///
    /// After the response has begun, `end` and then [`save`](Self::save) tells the outcome.
    pub fn end(&self) {
        self.0.slot.end_session();
    }
}

impl<S> SharedSession<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Reads or changes the session. Without one, it is the default of `S`, and a change begins one.
    ///
    /// Changes are stored when the handler is done, or by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if a [`CurrentSession`] of this request is alive, or if the response has begun and the
    /// change needs a cookie. It is taken back then.
    pub async fn with<T>(
        &self,
        hand: impl FnOnce(&mut CurrentSession<S>) -> T,
    ) -> Result<T, Error> {
        let mut loan = self.borrow().await?;
        loan.fill();
        self.give(loan, hand)
    }

    /// Changes the session now, and begins one if there is none. See [`CurrentSession::update`]. It continues if
    /// the client hangs up. If it fails, the change is taken back.
    ///
    /// # Errors
    ///
    /// Those of [`CurrentSession::update`], and those of [`with`](Self::with).
    pub async fn update<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut S) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let mut loan = self.borrow().await?;
        loan.fill();
        let (_loan, updated) = loan.update(change).await;
        match updated? {
            Some(value) => Ok(value),
            None => unreachable!("there is data for a session"),
        }
    }
}

impl<S: SessionData> SharedSession<S> {
    /// Reads or changes the session if there is one: [`with`](Self::with) for types without a default.
    ///
    /// # Errors
    ///
    /// Those of [`with`](Self::with).
    pub async fn with_stored<T>(
        &self,
        hand: impl FnOnce(&mut CurrentSession<S>) -> T,
    ) -> Result<Option<T>, Error> {
        let loan = self.borrow().await?;
        match loan.session() {
            Some(_) => self.give(loan, hand).map(Some),
            None => Ok(None),
        }
    }

    /// Changes the session now if there is one: [`update`](Self::update) for types without a default.
    ///
    /// # Errors
    ///
    /// Those of [`update`](Self::update).
    pub async fn update_stored<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut S) -> T + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let loan = self.borrow().await?;
        if loan.session().is_none() {
            return Ok(None);
        }
        let (_loan, updated) = loan.update(change).await;
        updated
    }

    /// Logs somebody in with this data, now: a session begins with it, or it replaces that of the session, which
    /// gets a new id as by [`CurrentSession::log_in`]. It continues if the client hangs up.
    ///
    /// # Errors
    ///
    /// Those of [`CurrentSession::save`], and those of [`with`](Self::with). The client is who it was then.
    pub async fn log_in_as(&self, data: S) -> Result<(), Error> {
        let (_loan, logged_in) = self.borrow().await?.log_in_as(data).await;
        logged_in
    }

    /// Stores the changes so far now. See [`CurrentSession::save`]. It continues if the client hangs up.
    ///
    /// If it fails, the changes stay, since other hands may have made some of them, and the layer tries again when
    /// the handler is done.
    ///
    /// # Errors
    ///
    /// Those of [`CurrentSession::save`], and those of [`with`](Self::with).
    pub async fn save(&self) -> Result<(), Error> {
        let (_loan, saved) = self.borrow().await?.save().await;
        saved
    }

    /// Takes what is in a field and is shown once. See [`CurrentSession::take`].
    ///
    /// # Errors
    ///
    /// Those of [`CurrentSession::take`], and those of [`with`](Self::with).
    pub async fn take<T>(
        &self,
        field: impl FnMut(&mut S) -> &mut T + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Default + PartialEq + Send + 'static,
    {
        let (_loan, taken) = self.borrow().await?.take(field).await;
        taken
    }

    /// Reads the session again. See [`CurrentSession::refresh`].
    ///
    /// # Errors
    ///
    /// Those of [`CurrentSession::refresh`], and those of [`with`](Self::with).
    pub async fn refresh(&self) -> Result<(), Error> {
        let (_loan, refreshed) = self.borrow().await?.refresh().await;
        refreshed
    }

    /// Gives the session to a closure, and takes back what it is too late for.
    fn give<T>(
        &self,
        loan: Loan<S>,
        hand: impl FnOnce(&mut CurrentSession<S>) -> T,
    ) -> Result<T, Error> {
        let before = self.0.slot.is_answered().then(|| loan.snapshot());
        let mut session = CurrentSession::new(Arc::clone(&self.0), loan);
        let value = hand(&mut session);
        let is_late =
            before.is_some_and(|before| CurrentSession::restore_if_late(&mut session, before));
        match is_late {
            true => Err(RequestError::answered().into()),
            false => Ok(value),
        }
    }

    async fn borrow(&self) -> Result<Loan<S>, Error> {
        let error = |error: &Error| Some(again(error));
        self.0
            .slot
            .borrow(error)
            .await
            .map_err(|error| match error {
                LendError::InUse => RequestError::in_use().into(),
                LendError::Failed(error) => error,
            })
    }
}

impl<S> Clone for SharedSession<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for SharedSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSession").finish_non_exhaustive()
    }
}

impl<S, State> FromRequestParts<State> for SharedSession<S>
where
    S: SessionData,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, SessionRejection> {
        let slot = slot_of::<S>(parts)?;
        // It is read now, so that a failure is the answer of the layer, and goes back at once.
        drop(slot.borrow().await.map_err(SessionRejection::of)?);
        Ok(Self(slot))
    }
}
