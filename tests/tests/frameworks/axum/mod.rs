//! The layer for axum: the application of most tests, and the requests to it.

mod answered;
mod cases;
mod cookie;
mod deploys;
mod end;
mod hands;
mod layer;
mod nested;
mod parallel;
mod reads;
mod save;
mod settings;
mod test_util;
mod unknown_id;
mod unreadable;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{Error, SessionAttributes};
use session_store_tests::TestBench;
use tower::ServiceExt as _;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 3, on_limit = reject))]
    user_id: Option<String>,
    theme: String,
    visits: u64,
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, u64>,
}

type Current = CurrentSession<App>;

/// The name of the cookie with the id, over plain HTTP.
const NAME: &str = "session-App";

async fn read(session: Current) -> String {
    format!(
        "{} {}",
        session.visits,
        session.user_id.as_deref().unwrap_or("nobody")
    )
}

async fn visit(mut session: Current) -> String {
    session.visits += 1;
    session.visits.to_string()
}

/// Takes a mutable reference, and changes nothing.
async fn look(mut session: Current) {
    let session: &mut App = &mut session;
    assert_eq!(session.theme, "");
}

async fn log_in(mut session: Current) {
    session.user_id = Some("u-17".into());
    session.theme = "dark".into();
    CurrentSession::cycle_id(&mut session);
}

async fn log_out(mut session: Current) {
    CurrentSession::end(&mut session);
}

async fn log_out_and_begin(mut session: Current) {
    CurrentSession::end(&mut session);
    session.theme = "light".into();
}

async fn fail(mut session: Current) -> StatusCode {
    session.visits += 1;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn poll(mut session: Current) {
    CurrentSession::without_touch(&mut session);
}

async fn twice(_: Current, _: Current) {}

async fn at_once(mut session: Current) -> String {
    session.user_id = Some("u-17".into());
    match CurrentSession::save(&mut session).await {
        Ok(()) => "welcome".to_owned(),
        Err(Error::Limit(_)) => "too many".to_owned(),
        Err(Error::Gone(_)) => "too late".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

async fn whether(session: Option<Current>) -> String {
    session.is_some().to_string()
}

fn routes() -> Router {
    Router::new()
        .route("/none", get(async || "nothing"))
        .route("/read", get(read))
        .route("/visit", get(visit))
        .route("/look", get(look))
        .route("/login", get(log_in))
        .route("/logout", get(log_out))
        .route("/again", get(log_out_and_begin))
        .route("/fail", get(fail))
        .route("/poll", get(poll))
        .route("/twice", get(twice))
        .route("/now", get(at_once))
        .route("/whether", get(whether))
}

fn app(bench: &TestBench<App>) -> Router {
    routes().layer(SessionLayer::new(bench.store.clone()).dev())
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The value of the cookie that it sets; empty if it removes the cookie.
    pub(crate) fn cookie(&self) -> Option<String> {
        let header = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        let (_, rest) = header.split_once('=').unwrap();
        Some(rest.split(';').next().unwrap().to_owned())
    }
}

pub(crate) async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    ask_as(NAME, app, path, cookie).await
}

/// The same for another type, whose cookie has this name.
async fn ask_as(name: &str, app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let cookie = cookie.map(|cookie| format!("{name}={cookie}"));
    ask_with(app, path, cookie.into_iter().collect()).await
}

async fn ask_with(app: &Router, path: &str, cookies: Vec<String>) -> Answer {
    let mut request = Request::get(path);
    for cookie in cookies {
        request = request.header(COOKIE, cookie);
    }
    answer(app, request.body(Body::empty()).unwrap()).await
}

async fn answer(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(text.to_vec()).unwrap(),
    }
}

fn calls(bench: &TestBench<App>) -> Vec<String> {
    let operations = bench.wire.operations();
    bench.wire.clear();
    operations
}

/// An existing session, and its cookie.
async fn begin(bench: &TestBench<App>, app: &Router) -> String {
    let cookie = ask(app, "/visit", None).await.cookie().unwrap();
    bench.wire.clear();
    cookie
}
