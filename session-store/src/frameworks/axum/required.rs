//! The extractor for routes that need a session.

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::schema::SessionData;

use super::extract::CurrentSession;
use super::rejection::{Reason, SessionRejection};

/// A [`CurrentSession`] that exists. Without one, the request is refused with 401.
///
/// A guest's session exists as well. If the type has sessions without a user, ask for the user, too.
///
/// `S` needs no default, so that a type whose sessions all have a user can say so:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use session_store::Error;
/// use session_store::frameworks::axum::{RequiredSession, SharedSession};
/// # use session_store::SessionAttributes;
///
/// #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
/// struct Login {
///     #[dynamo(attr = "user_id", index, user)]
///     user_id: String,
/// }
///
/// async fn account(RequiredSession(session): RequiredSession<Login>) -> String {
///     format!("hello {}", session.user_id)
/// }
///
/// async fn log_in(session: SharedSession<Login>) -> Result<(), Error> {
///     let user_id = "u-17".to_owned();
///     session.log_in_as(Login { user_id }).await
/// }
/// ```
///
/// To answer in another way, such as with the page of the log-in, take a
/// `Result<RequiredSession<S>, SessionRejection>` and ask for
/// [`is_absent`](SessionRejection::is_absent), or an `Option<CurrentSession<S>>`.
#[derive(Debug)]
pub struct RequiredSession<S>(pub CurrentSession<S>);

impl<S, State> FromRequestParts<State> for RequiredSession<S>
where
    S: SessionData,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, SessionRejection> {
        let session = CurrentSession::extract_stored(parts).await?;
        session.map(Self).ok_or(SessionRejection(Reason::Absent))
    }
}
