//! What a session holds, and the two extractors through which handlers reach it.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes, SessionId};

use crate::error::AppError;

/// The store of this app, and all the state that its handlers share.
pub type Store = DynamoDbStore<AppSession>;

/// What the app keeps of a visitor.
///
/// `serde(default)` lets this binary read the sessions of one that did not have all the fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "app-sessions", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
pub struct AppSession {
    /// Who logged in; the attribute is absent, and the session in no index, for anybody else.
    #[dynamo(attr = "user_id", index)]
    pub user_id: Option<String>,
    /// How the page looks.
    pub theme: Theme,
    /// What is in the cart.
    pub cart: Vec<String>,
    /// How often the page was shown in this session.
    pub visits: u64,
    /// What the user says of themselves.
    pub profile: Option<String>,
}

/// The colours of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Those of the visitor's system.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Whoever sent the request: a cookie at most, until a handler asks for the session behind it.
pub(crate) struct Visitor {
    store: Store,
    cookies: CookieJar,
    /// Whether the cookie may go over TLS only: yes, unless the browser is on this very machine.
    secure: bool,
}

impl FromRequestParts<Store> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, store: &Store) -> Result<Self, Infallible> {
        Ok(Self {
            store: store.clone(),
            cookies: CookieJar::from_headers(&parts.headers),
            secure: !is_loopback(parts),
        })
    }
}

impl Visitor {
    /// The name of the cookie.
    const COOKIE: &str = "session";
    /// How long the browser keeps it: no longer than a session can live.
    const MAX_AGE: time::Duration =
        time::Duration::seconds(AppSession::SCHEMA.absolute().as_secs() as i64);

    /// Loads the session, if there is one: one read, and none without a well-formed cookie.
    ///
    /// A cookie that leads to no session is not cleared: another request of the same browser may
    /// have just been given a new one, which the answer to this request would then take away.
    pub(crate) async fn session(&self) -> Result<Option<Session<AppSession>>, AppError> {
        match self.id() {
            Some(id) => Ok(self.store.load(&id).await?),
            None => Ok(None),
        }
    }

    /// Stores a change, in a new session if there is none. The cookies belong into the answer.
    pub(crate) async fn change(
        self,
        change: impl Fn(&mut AppSession),
    ) -> Result<CookieJar, AppError> {
        if let Some(mut session) = self.session().await? {
            change(&mut session);
            match self.store.save(&mut session).await {
                Ok(()) => return Ok(self.cookies),
                // It was ended after it was loaded: go on as if that had happened before.
                Err(Error::Gone(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut data = AppSession::default();
        change(&mut data);
        let session = self.store.create(data).await?;
        Ok(self.with_cookie(&session))
    }

    /// Begins a session of this user, with the theme and the cart of the one before.
    ///
    /// It gets an id of its own, since somebody else may know that of the session before (session
    /// fixation), which ends before the new one is made known.
    pub(crate) async fn log_in(
        self,
        user: String,
        profile: Option<String>,
    ) -> Result<CookieJar, AppError> {
        let before = self.session().await?;
        let mut data = AppSession {
            user_id: Some(user),
            profile,
            ..AppSession::default()
        };
        if let Some(before) = &before {
            data.theme = before.theme;
            // What somebody else has put into the cart is not for the next user to see.
            if before.user_id.is_none() || before.user_id == data.user_id {
                data.cart.clone_from(&before.cart);
            }
        }
        let session = self.store.create(data).await?;
        if let Some(before) = before {
            self.store.delete(before.id()).await?;
        }
        Ok(self.with_cookie(&session))
    }

    /// Ends the session, whatever it holds: it is not even read.
    pub(crate) async fn log_out(self) -> Result<CookieJar, AppError> {
        if let Some(id) = self.id() {
            self.store.delete(&id).await?;
        }
        Ok(self.cookies.remove(Cookie::build(Self::COOKIE).path("/")))
    }

    /// The id that the browser sent, if it has the form of one.
    fn id(&self) -> Option<SessionId> {
        SessionId::parse(self.cookies.get(Self::COOKIE)?.value()).ok()
    }

    fn with_cookie(self, session: &Session<AppSession>) -> CookieJar {
        let cookie = Cookie::build((Self::COOKIE, session.id().expose()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .max_age(Self::MAX_AGE);
        self.cookies.add(cookie)
    }
}

/// A visitor who is logged in; anybody else is answered with 401.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) session: Session<AppSession>,
}

impl FromRequestParts<Store> for User {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, store: &Store) -> Result<Self, AppError> {
        let Ok(visitor) = Visitor::from_request_parts(parts, store).await;
        let session = visitor.session().await?.ok_or(AppError::Anonymous)?;
        let name = session.user_id.clone().ok_or(AppError::Anonymous)?;
        Ok(Self { name, session })
    }
}

/// Whether the browser reached this server by a name of its own machine.
fn is_loopback(parts: &Parts) -> bool {
    let host = parts.headers.get(HOST).map(|host| host.as_bytes());
    let Some(Ok(authority)) = host.map(Authority::try_from) else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
