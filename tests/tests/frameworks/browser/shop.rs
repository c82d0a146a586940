//! The application: its session, its one handler, and the ways in which it is deployed.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::extract::{Extension, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Router, handler::Handler as _};
use serde::{Deserialize, Serialize};
use session_store::axum::{CurrentSession, SameSite, SessionCookie, SessionLayer, SigningKey};
use session_store::{DynamoDbStore, SessionAttributes};
use std::time::Duration;
use tokio::sync::Notify;

pub(super) const IDLE: u64 = 10 * 60 * 1000;
pub(super) const ABSOLUTE: u64 = 40 * 60 * 1000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "10m", absolute_timeout = "40m")]
pub(super) struct Shop {
    #[dynamo(attr = "user_id", index(consistent))]
    pub(super) user_id: Option<String>,
    /// The request that began the session or logged in to it, by which the model knows it under any id.
    #[dynamo(attr = "lineage")]
    pub(super) lineage: Option<u64>,
    cart: Vec<u64>,
    preference: u64,
}

type Current = CurrentSession<Shop>;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Read,
    Prefer,
    Add,
    /// The same by `update`, at once.
    Update,
    /// The same by `save`, at once.
    Save,
    Remember,
    Renew,
    LogIn(String),
    LogOut,
}

/// Where the server is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// It has the headers, and has not read the session.
    BeforeLoad,
    /// It has read the session, and waits for the body.
    AfterLoad,
    /// It has changed the session, and waits for something else.
    AtEnd,
}

/// The user of a session, and its lineage.
pub(super) type Seen = (Option<String>, Option<u64>);

/// One request at the server. Its extension.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) action: Action,
    pub(super) pause: Option<Pause>,
    pub(super) reached: Notify,
    pub(super) go: Notify,
    /// The session when it was read: its user, and its lineage.
    pub(super) saw: Mutex<Option<Seen>>,
    /// Whether the request must not extend the session.
    pub(super) silent: bool,
}

impl Job {
    async fn pause(&self, at: Pause) {
        if self.pause == Some(at) {
            self.reached.notify_one();
            self.go.notified().await;
        }
    }
}

/// An argument of the handler before the session.
struct Start;

impl<S: Sync> FromRequestParts<S> for Start {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let job = parts.extensions.get::<Arc<Job>>().cloned();
        job.expect("a job").pause(Pause::BeforeLoad).await;
        Ok(Self)
    }
}

/// The log-in of an application.
fn log_in(session: &mut Current, user: &str) {
    session.user_id = Some(user.to_owned());
    CurrentSession::log_in(session);
}

async fn handle(
    _: Start,
    mut session: Current,
    Extension(job): Extension<Arc<Job>>,
) -> Result<(), StatusCode> {
    *job.saw.lock().unwrap() = Some((session.user_id.clone(), session.lineage));
    job.pause(Pause::AfterLoad).await;
    let number = job.number;
    let mut stored = Ok(());
    match &job.action {
        Action::Read => {}
        Action::Update => {
            let change = move |session: &mut Shop| {
                session.lineage.get_or_insert(number);
                session.cart.push(number);
            };
            stored = CurrentSession::update(&mut session, change).await;
        }
        Action::Prefer => session.preference = number,
        Action::Add => session.cart.push(number),
        Action::Save => {
            session.lineage.get_or_insert(number);
            session.cart.push(number);
            stored = CurrentSession::save(&mut session).await;
        }
        Action::Remember => {
            session.preference = number;
            CurrentSession::set_idle_timeout(&mut session, Duration::from_secs(30 * 60));
        }
        Action::Renew => CurrentSession::cycle_id(&mut session),
        Action::LogIn(user) => {
            log_in(&mut session, user);
            session.lineage = Some(number);
        }
        Action::LogOut => CurrentSession::end(&mut session),
    }
    if matches!(job.action, Action::Prefer | Action::Add | Action::Remember) {
        session.lineage.get_or_insert(number);
    }
    if job.silent {
        CurrentSession::without_touch(&mut session);
    }
    job.pause(Pause::AtEnd).await;
    match stored {
        // The application tells its visitor that the session has ended.
        Ok(()) | Err(session_store::Error::Gone(_)) => Ok(()),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// How the shop is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    Host,
    Strict,
    Signed,
    OtherKey,
    OtherName,
    Domain,
    Dev,
    DevDomain,
    DevPath,
    DevSigned,
}

impl Setup {
    pub(super) const ALL: [Self; 10] = [
        Self::Host,
        Self::Strict,
        Self::Signed,
        Self::OtherKey,
        Self::OtherName,
        Self::Domain,
        Self::Dev,
        Self::DevDomain,
        Self::DevPath,
        Self::DevSigned,
    ];

    fn cookie(self) -> SessionCookie {
        let key = |byte| SigningKey::derive_from(&[byte; 32]);
        match self {
            Self::Host => SessionCookie::new(),
            Self::Strict => SessionCookie::new().same_site(SameSite::Strict),
            Self::Signed => SessionCookie::new().signed(key(1)),
            Self::OtherKey => SessionCookie::new().signed(key(2)),
            Self::OtherName => SessionCookie::new().name("sid"),
            Self::Domain => SessionCookie::new().domain("shop.test"),
            Self::Dev => SessionCookie::dev(),
            Self::DevDomain => SessionCookie::dev().domain("shop.test"),
            Self::DevPath => SessionCookie::dev().path("/app"),
            Self::DevSigned => SessionCookie::dev().signed(key(1)),
        }
    }

    /// The name of its cookie, and its key.
    pub(super) fn form(self) -> (&'static str, u8) {
        match self {
            Self::Host | Self::Strict => ("__Host-session", 0),
            Self::Signed => ("__Host-session", 1),
            Self::OtherKey => ("__Host-session", 2),
            Self::OtherName => ("__Host-sid", 0),
            Self::Domain => ("__Secure-session", 0),
            Self::Dev | Self::DevDomain | Self::DevPath => ("session", 0),
            Self::DevSigned => ("session", 1),
        }
    }

    pub(super) fn has_domain(self) -> bool {
        matches!(self, Self::Domain | Self::DevDomain)
    }

    pub(super) fn router(self, store: DynamoDbStore<Shop>) -> Router {
        let service = handle.with_state(());
        let layer = SessionLayer::new(store).cookie(self.cookie());
        Router::new().route_service("/app", service).layer(layer)
    }
}
