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
use session_store::{DynamoDbStore, Error, Session, SessionAttributes, SessionHandle, SessionId};

use crate::error::{self, AppError};

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
    ///
    /// The index is consistent, so that a list of one's sessions misses none, and ending them all
    /// ends them all. A log-in beyond the limit ends the oldest.
    #[dynamo(attr = "user_id", index(consistent, limit = 5))]
    pub user_id: Option<String>,
    /// How the page looks.
    pub theme: Theme,
    /// What is in the cart.
    pub cart: Vec<String>,
    /// How often the page was shown in this session.
    pub visits: u64,
    /// What the user says of themselves.
    pub profile: Option<String>,
    /// The sessions that were ended to make room for this one, until the page has said so.
    pub ended: Vec<SessionHandle>,
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
    ///
    /// By `update`, so that of two requests at once neither undoes the other.
    pub(crate) async fn change(
        self,
        change: impl Fn(&mut AppSession) + Send + Sync,
    ) -> Result<CookieJar, AppError> {
        if let Some(id) = self.id() {
            match self.store.update(&id, &change).await {
                Ok(()) => return Ok(self.cookies),
                // There is no such session, or none any more.
                Err(Error::Gone(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut data = AppSession::default();
        change(&mut data);
        let session = self.store.create(data).await?;
        Ok(self.with_cookie(&session))
    }

    /// Makes this the session of a user, under a new id: somebody else may know the one before
    /// (session fixation). The id changes and the user is stored in one transaction.
    pub(crate) async fn log_in(
        self,
        user: String,
        profile: Option<String>,
    ) -> Result<CookieJar, AppError> {
        if let Some(mut session) = self.session().await? {
            if session
                .user_id
                .as_ref()
                .is_some_and(|before| *before != user)
            {
                // What one user has left is not for the next to see.
                *session = AppSession {
                    theme: session.theme,
                    ..AppSession::default()
                };
            }
            session.user_id = Some(user.clone());
            if profile.is_some() {
                session.profile.clone_from(&profile);
            }
            match self.store.cycle_id(&mut session).await {
                Ok(()) => return Ok(self.welcome(session).await),
                Err(Error::Gone(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let data = AppSession {
            user_id: Some(user),
            profile,
            ..AppSession::default()
        };
        let session = self.store.create(data).await?;
        Ok(self.welcome(session).await)
    }

    /// Gives a session that has just been logged in to its browser, with word of those that it ended.
    ///
    /// Which ones is known only when the session is stored, so that this takes a second write. If it
    /// fails, the user misses a notice; the cookie must not be missed, since nobody else has the id.
    async fn welcome(self, mut session: Session<AppSession>) -> CookieJar {
        let evicted = Session::evicted(&session).to_vec();
        if !evicted.is_empty() {
            session.ended.extend(evicted);
            if let Err(error) = self.store.save(&mut session).await {
                error::log(&error);
            }
        }
        self.with_cookie(&session)
    }

    /// Ends the session, whatever it holds: it is not even read.
    pub(crate) async fn log_out(self) -> Result<CookieJar, AppError> {
        if let Some(id) = self.id() {
            self.store.delete(&id).await?;
        }
        Ok(self.without_cookie())
    }

    /// Takes the cookie of a session that has ended.
    pub(crate) fn without_cookie(self) -> CookieJar {
        self.cookies.remove(Cookie::build(Self::COOKIE).path("/"))
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
