//! G18. What was answered to a browser holds: the application of these tests, and a browser with a jar of
//! cookies whose answers can come late.

mod authentication;
mod cache;
mod lifetime;
mod log_in;
mod log_out;
mod slow;
mod tabs;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use axum::routing::any;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};
use session_store_tests::TestBench;

use super::{Answer, answer};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "1h", absolute_timeout = "12h")]
struct Shop {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
    visits: u64,
}

type Current = CurrentSession<Shop>;

async fn read(session: Current) -> String {
    session.user_id.clone().unwrap_or("nobody".into())
}

async fn visit(mut session: Current) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn log_in(mut session: Current) -> &'static str {
    session.user_id = Some("u".into());
    CurrentSession::log_in(&mut session);
    "welcome"
}

async fn renew(mut session: Current) {
    CurrentSession::cycle_id(&mut session);
}

/// A log-in, and a new id in the same request.
async fn log_in_and_renew(mut session: Current) {
    session.user_id = Some("u".into());
    CurrentSession::log_in(&mut session);
    CurrentSession::save(&mut session).await.unwrap();
    CurrentSession::cycle_id(&mut session);
}

async fn log_out(mut session: Current) {
    CurrentSession::end(&mut session);
}

async fn log_out_unread(session: EndSession<Shop>) {
    session.end();
}

fn routes() -> Router {
    Router::new()
        .route("/read", any(read))
        .route("/visit", any(visit))
        .route("/login", any(log_in))
        .route("/renew", any(renew))
        .route("/both", any(log_in_and_renew))
        .route("/logout", any(log_out))
        .route("/bye", any(log_out_unread))
}

fn app(bench: &TestBench<Shop>) -> Router {
    routes().layer(SessionLayer::new(bench.store.clone()).dev())
}

/// A browser with its cookies. It has no clock, and keeps them until they are removed.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Sends a request with the cookies of this moment. Its answer arrives when [`arrive`](Self::arrive) says.
    async fn send(&self, app: &Router, path: &str) -> Answer {
        answer(app, self.request(path).body(Body::empty()).unwrap()).await
    }

    pub(super) fn request(&self, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder().method(Method::POST).uri(path);
        for (name, value) in &self.cookies {
            request = request.header(COOKIE, format!("{name}={value}"));
        }
        request
    }

    pub(super) fn arrive(&mut self, answer: &Answer) {
        for header in answer.headers.get_all(SET_COOKIE) {
            let (cookie, attributes) = header.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Sends a request, and its answer arrives at once.
    async fn ask(&mut self, app: &Router, path: &str) -> Answer {
        let answer = self.send(app, path).await;
        self.arrive(&answer);
        answer
    }

    async fn is_user(&mut self, app: &Router) -> bool {
        let page = self.ask(app, "/read").await;
        assert_eq!(page.status, StatusCode::OK);
        page.text == "u"
    }
}

/// The name of the cookie with the id.
const NAME: &str = "session-Shop";

/// The cookie itself, and that of a log-in.
const BOTH: [&str; 2] = [NAME, "session-Shop-login-"];

/// The names of the cookies that an answer sets, or removes with the main one, without what is of one log-in.
fn set(answer: &Answer) -> Vec<String> {
    let headers = answer.headers.get_all(SET_COOKIE).into_iter();
    let cookies = headers.map(|header| header.to_str().unwrap());
    // The cookie of a log-in that is over goes with any answer.
    let cookies =
        cookies.filter(|cookie| !cookie.contains("-login-") || !cookie.contains("Max-Age=0"));
    let names = cookies.map(|cookie| cookie.split_once('=').unwrap().0);
    names
        .map(|name| match name.split_once("-login-") {
            Some((main, _)) => format!("{main}-login-"),
            None => name.to_owned(),
        })
        .collect()
}

fn operations(bench: &TestBench<Shop>) -> Vec<String> {
    let operations = bench.wire.operations();
    bench.wire.clear();
    operations
}
