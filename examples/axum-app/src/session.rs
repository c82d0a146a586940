//! The content of a session, and the extractor of a visitor who is logged in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::CurrentSession;
use session_store::{DynamoDbStore, SessionAttributes, SessionHandle};

use crate::error::AppError;

/// The store of this app.
pub type Store = DynamoDbStore<AppSession>;

/// The session of a request, whether there is one in the store or not.
pub(crate) type Current = CurrentSession<AppSession>;

/// The data that the app keeps for each visitor.
///
/// `serde(default)` lets this binary read the sessions of a binary without some of the fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "app-sessions", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
pub struct AppSession {
    /// The user. For an anonymous visitor, the attribute is absent, and the session is in no index.
    ///
    /// The index is consistent, so that a list of the user's sessions misses none, and a log-out everywhere
    /// ends all of them. A log-in over the limit ends the oldest.
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    pub user_id: Option<String>,
    /// The theme of the page.
    pub theme: Theme,
    /// The content of the cart.
    pub cart: Vec<String>,
    /// The number of visits in this session.
    pub visits: u64,
    /// The profile of the user.
    pub profile: Option<String>,
    /// The sessions that were evicted for this one, until the page has shown them.
    pub ended: Vec<SessionHandle>,
}

/// The colours of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// The colours of the visitor's system.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A visitor who is logged in; for others, the response is 401.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) handle: SessionHandle,
    pub(crate) session: Current,
}

impl<State: Send + Sync> FromRequestParts<State> for User {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, AppError> {
        let session = Current::from_request_parts(parts, state).await?;
        let stored = CurrentSession::stored(&session).ok_or(AppError::Anonymous)?;
        Ok(Self {
            name: stored.user_id.clone().ok_or(AppError::Anonymous)?,
            handle: stored.handle(),
            session,
        })
    }
}
