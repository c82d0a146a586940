//! The application: its session, and its handlers.

use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, EndSession, SharedSession};
use session_store::{Error, Session, SessionAttributes};
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
    pub(super) preference: u64,
}

type Current = CurrentSession<Shop>;
type Shared = SharedSession<Shop>;

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

/// How the handler uses the session, and how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    /// A middleware and two hands of the handler share the session.
    Shares,
    /// It stores its changes, and keeps the session in the body of the response.
    Keeps,
    /// It changes the session after the head of the response.
    Late,
    /// It panics after its changes.
    Panics,
    /// A time-out inside of the layer cuts it off after its changes.
    CutOff,
    /// The same, and the time-out answers with 200. The layer is inside of it as well.
    CutOffWith200,
}

impl Way {
    /// Whether the handler does not return.
    pub(super) fn fails(self) -> bool {
        matches!(self, Self::Panics | Self::CutOff | Self::CutOffWith200)
    }

    /// The route.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Plain | Self::Keeps | Self::Panics => "/app",
            Self::Shares => "/shared",
            Self::Late => "/late",
            Self::CutOff => "/cut",
            Self::CutOffWith200 => "/cut200",
        }
    }
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

/// The handle of a session, and its version.
pub(super) type Found = (String, u64);

/// One request at the server. Its extension.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) action: Action,
    pub(super) way: Way,
    pub(super) pause: Option<Pause>,
    /// The time-out.
    pub(super) cut: Notify,
    /// Whether what it did after the head of the response was done.
    pub(super) is_late_done: AtomicBool,
    pub(super) reached: Notify,
    pub(super) go: Notify,
    /// The session when it was read: its user, and its lineage.
    pub(super) saw: Mutex<Option<Seen>>,
    /// The handle and the version of the session that was read.
    pub(super) found: Mutex<Option<Found>>,
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
pub(super) struct Start;

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

/// What the job asks for, without what is stored at once.
fn act(session: &mut Current, job: &Job) {
    let number = job.number;
    match &job.action {
        Action::Read | Action::Update => {}
        Action::Prefer => session.preference = number,
        Action::Add | Action::Save => session.cart.push(number),
        Action::Remember => {
            session.preference = number;
            CurrentSession::set_idle_timeout(session, Duration::from_secs(30 * 60));
        }
        Action::Renew => CurrentSession::cycle_id(session),
        Action::LogIn(user) => {
            log_in(session, user);
            session.lineage = Some(number);
        }
        Action::LogOut => CurrentSession::end(session),
    }
    if matches!(
        job.action,
        Action::Prefer | Action::Add | Action::Save | Action::Remember
    ) {
        session.lineage.get_or_insert(number);
    }
    if job.silent {
        CurrentSession::without_touch(session);
    }
}

/// What it asks for by `update`.
fn change(number: u64) -> impl FnMut(&mut Shop) + Send + 'static {
    move |session| {
        session.lineage.get_or_insert(number);
        session.cart.push(number);
    }
}

fn see(session: &Current, job: &Job) {
    *job.saw.lock().unwrap() = Some((session.user_id.clone(), session.lineage));
    let stored = CurrentSession::stored(session);
    let found =
        stored.and_then(|it| Some((it.handle().to_string(), Session::written_version(it)?)));
    *job.found.lock().unwrap() = found;
}

/// What the application answers.
fn answer(stored: Result<(), Error>) -> Result<(), StatusCode> {
    match stored {
        // The application tells its visitor that the session has ended.
        Ok(()) | Err(Error::Gone(_)) => Ok(()),
        // It asks the visitor to confirm, by a form of its own.
        Err(Error::Request(error)) if error.is_cross_site() => Ok(()),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

pub(super) async fn handle(
    _: Start,
    mut session: Current,
    Extension(job): Extension<Arc<Job>>,
) -> Result<Body, StatusCode> {
    see(&session, &job);
    job.pause(Pause::AfterLoad).await;
    act(&mut session, &job);
    let stored = match job.action {
        Action::Update => CurrentSession::update(&mut session, change(job.number)).await,
        _ if job.action == Action::Save || job.way == Way::Keeps => {
            CurrentSession::save(&mut session).await
        }
        _ => Ok(()),
    };
    job.pause(Pause::AtEnd).await;
    match job.way {
        Way::Panics => resume_unwind(Box::new("a handler that fails")),
        Way::CutOff | Way::CutOffWith200 => {
            job.cut.notify_one();
            std::future::pending().await
        }
        _ => {}
    }
    answer(stored)?;
    Ok(match job.way {
        // It goes on with its session after the head of the response.
        Way::Keeps => body(async move { session.cart.len() }),
        _ => Body::empty(),
    })
}

/// A middleware that has the session while the handler runs.
pub(super) async fn around(
    _: Start,
    session: Shared,
    Extension(job): Extension<Arc<Job>>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let seen = session.with(|session| see(session, &job)).await;
    answer(seen)?;
    let response = next.run(request).await;
    if job.action == Action::Add {
        let changed = session.with(|session| session.preference = job.number);
        answer(changed.await)?;
    }
    Ok(response)
}

/// The same with two hands.
pub(super) async fn handle_shared(
    session: Shared,
    Extension(job): Extension<Arc<Job>>,
) -> Result<(), StatusCode> {
    job.pause(Pause::AfterLoad).await;
    let other = session.clone();
    let (acted, read) = tokio::join!(session.with(|session| act(session, &job)), async move {
        other.with(|session| session.cart.len()).await.map(drop)
    });
    answer(read)?;
    answer(acted)?;
    let stored = match job.action {
        Action::Update => session.update(change(job.number)).await,
        Action::Save => session.save().await,
        _ => Ok(()),
    };
    job.pause(Pause::AtEnd).await;
    answer(stored)
}

/// The session is changed after the head of the response, as by a stream or a socket.
pub(super) async fn handle_late(
    _: Start,
    session: Shared,
    Extension(job): Extension<Arc<Job>>,
) -> Result<Body, StatusCode> {
    let seen = session.with(|session| see(session, &job)).await;
    answer(seen)?;
    job.pause(Pause::AfterLoad).await;
    job.pause(Pause::AtEnd).await;
    Ok(body(async move {
        let is_there = session.with(|session| Current::stored(session).is_some());
        let is_there = is_there.await.unwrap();
        let done = match job.action {
            Action::Read => Ok(()),
            Action::Update => session.update(change(job.number)).await,
            _ => match session.with(|session| act(session, &job)).await {
                Ok(()) => session.save().await,
                Err(error) => Err(error),
            },
        };
        let needs_cookie = match job.action {
            Action::LogIn(_) => true,
            Action::Renew => is_there,
            Action::LogOut | Action::Read => false,
            _ => !is_there,
        };
        let is_late = matches!(&done, Err(Error::Request(error)) if error.is_after_response());
        assert!(is_late || !needs_cookie || done.is_err(), "{done:?}");
        job.is_late_done.store(done.is_ok(), Ordering::SeqCst);
        0
    }))
}

/// A time-out, which does not know what the handler has done.
pub(super) async fn cut_off(
    Extension(job): Extension<Arc<Job>>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = job.cut.notified() => match job.way {
            Way::CutOffWith200 => Ok(Response::default()),
            _ => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

/// What goes on after the head of a response.
fn body(work: impl Future<Output = usize> + Send + 'static) -> Body {
    let chunk = work.map(|bytes| Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes])));
    Body::from_stream(chunk.into_stream())
}

/// A log-out that reads nothing.
pub(super) async fn log_out(
    _: Start,
    session: EndSession<Shop>,
    Extension(job): Extension<Arc<Job>>,
) {
    job.pause(Pause::AfterLoad).await;
    session.end();
    job.pause(Pause::AtEnd).await;
}
