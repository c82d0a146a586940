//! The content of the sessions, and the extractors of a visitor and an administrator who are logged in.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::CurrentSession;
use session_store::{DynamoDbStore, SessionAttributes, SessionHandle};

use crate::error::AppError;
use crate::seen::Seen;

/// The store of this app.
pub type Store = DynamoDbStore<AppSession>;

/// The session of a request, whether there is one in the store or not.
pub(crate) type Current = CurrentSession<AppSession>;

/// The data that the app keeps for each visitor.
///
/// The timeouts are those of a user who wants to be remembered; others get shorter ones when they log in.
///
/// `serde(default)` lets this binary read the sessions of a binary without some of the fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "app-sessions",
    idle_timeout = "30d",
    absolute_timeout = "30d",
    guest_idle_timeout = "30m",
    guest_absolute_timeout = "12h"
)]
#[serde(default)]
pub struct AppSession {
    /// The user. For an anonymous visitor, the attribute is absent, and the session is in no index.
    ///
    /// The index is consistent, so that a list of the user's sessions misses none, and a log-out everywhere
    /// ends all of them. A log-in over the limit ends the oldest.
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    pub user_id: Option<String>,
    /// What the user may do. A real application has it in its table of users as well; here, a log-in begins with the
    /// default, and an administrator changes it in all sessions.
    pub role: Role,
    /// The name that the user has given to this device.
    pub name: Option<String>,
    /// The browser of the last visit or log-in of a user, such as "Firefox on Linux".
    pub browser: Option<String>,
    /// The address of the last visit or log-in of a user.
    pub address: Option<IpAddr>,
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

impl AppSession {
    /// Notes where a user is. Nothing of the kind is kept of anonymous visitors.
    pub(crate) fn note(&mut self, seen: Seen) {
        if self.user_id.is_some() {
            self.browser = seen.browser;
            self.address = seen.address;
        }
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To buy; everybody has it at first.
    #[default]
    Member,
    /// To change the catalogue as well.
    Editor,
    /// To change the prices as well.
    Manager,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Member, Self::Editor, Self::Manager];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Editor => "editor",
            Self::Manager => "manager",
        }
    }
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

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The session of an administrator, in the same table. It is of another type, so it has another cookie, and the
/// session of a user is none for `/admin`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "app-sessions", idle_timeout = "15m", absolute_timeout = "8h")]
#[serde(default)]
pub struct AdminSession {
    /// Whether the password was right.
    pub logged_in: bool,
    /// The user whose sessions the page shows. It is here and not in the address of the page, which ends in logs.
    pub user: Option<String>,
    /// What the last act has done, until the page has shown it.
    pub notice: Option<String>,
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

/// An administrator who is logged in; for others, the response is 401.
pub(crate) struct Admin(pub(crate) CurrentSession<AdminSession>);

impl<State: Send + Sync> FromRequestParts<State> for Admin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, AppError> {
        let session = CurrentSession::<AdminSession>::from_request_parts(parts, state).await?;
        match session.logged_in {
            true => Ok(Self(session)),
            false => Err(AppError::Anonymous),
        }
    }
}
