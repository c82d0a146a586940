//! The extractor of a log-out, which reads no session.

use std::fmt;
use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::schema::SessionAttributes;

use super::config::RequestSlot;
use super::from_request::slot_of;
use super::rejection::SessionRejection;

/// The session of the request, to be ended without being read: log-out.
///
/// The id in the cookie or header is enough for it, so it works while reads are throttled, and for a session
/// that cannot be decoded. It costs a delete and no read.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use session_store::{SessionAttributes, frameworks::axum::EndSession};
/// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
/// # struct AppSession { user_id: Option<String> }
/// async fn log_out(session: EndSession<AppSession>) -> &'static str {
///     session.end();
///     "goodbye"
/// }
/// ```
pub struct EndSession<S>(Arc<RequestSlot<S>>);

impl<S> EndSession<S> {
    /// Ends the session, and removes the cookie. See [`CurrentSession::end`](super::CurrentSession::end).
    ///
    /// It is carried out when the handler is done. If it fails, the response is 503, and the cookie is
    /// removed all the same. Once the response has begun, it is carried out in the background at once.
    pub fn end(&self) {
        self.0.slot.end_session();
    }
}

impl<S> fmt::Debug for EndSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndSession").finish_non_exhaustive()
    }
}

impl<S, State> FromRequestParts<State> for EndSession<S>
where
    S: SessionAttributes + Send + Sync + 'static,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, SessionRejection> {
        let slot = slot_of::<S>(parts)?;
        slot.slot.note_use();
        Ok(Self(slot))
    }
}
