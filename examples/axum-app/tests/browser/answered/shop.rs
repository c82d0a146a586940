//! The shop that the browsers visit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, Redirect, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};
use tokio::sync::watch;
use tokio::time::timeout;

pub(super) const USER: &str = "ada";

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "2h", absolute_timeout = "12h")]
pub(super) struct Shop {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
    visits: u64,
}

type Current = CurrentSession<Shop>;

/// The page has a button for each action.
async fn page(session: Current) -> Html<String> {
    let (user, visits) = (session.user_id.as_deref(), session.visits);
    let form = |path| format!("<form method=post action=/{path}><button>{path}</button></form>");
    let forms: String = ["visit", "login", "here", "renew", "logout"]
        .map(form)
        .concat();
    let user = user.unwrap_or("nobody");
    Html(format!("<p>You are {user}, visits: {visits}</p>{forms}"))
}

async fn visit(mut session: Current) -> Redirect {
    session.visits += 1;
    Redirect::to("/")
}

async fn log_in(mut session: Current) -> Redirect {
    session.user_id = Some(USER.into());
    CurrentSession::log_in(&mut session);
    Redirect::to("/")
}

/// A log-in until the browser is closed.
async fn log_in_here(mut session: Current) -> Redirect {
    CurrentSession::set_persistent(&mut session, false);
    log_in(session).await
}

async fn renew(mut session: Current) -> Redirect {
    CurrentSession::cycle_id(&mut session);
    Redirect::to("/")
}

async fn log_out(mut session: Current) -> Redirect {
    CurrentSession::end(&mut session);
    Redirect::to("/")
}

/// The cookies of the request.
async fn sent(headers: HeaderMap) -> String {
    let cookies = headers.get(COOKIE).map(|cookies| cookies.as_bytes());
    String::from_utf8_lossy(cookies.unwrap_or_default()).into_owned()
}

/// The shop on this store. Requests with the query `late` are answered late.
pub(super) fn app(store: DynamoDbStore<Shop>, late: LateAnswers) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/cart", get(page))
        .route("/cart/sent", get(sent))
        .route("/visit", post(visit))
        .route("/login", post(log_in))
        .route("/here", post(log_in_here))
        .route("/renew", post(renew))
        .route("/logout", post(log_out))
        .layer(SessionLayer::new(store).dev())
        .layer(from_fn_with_state(late, answer_late))
}

/// Handled requests that wait for their answer, by their path.
#[derive(Clone, Default)]
pub(super) struct LateAnswers(Arc<watch::Sender<BTreeMap<String, Stage>>>);

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Handled,
    Answered,
}

impl LateAnswers {
    pub(super) async fn is_handled(&self, path: &str) {
        self.wait_for(path, Stage::Handled).await;
    }

    pub(super) fn answer(&self, path: &str) {
        self.set(path, Stage::Answered);
    }

    fn set(&self, path: &str, stage: Stage) {
        self.0.send_modify(|stages| {
            stages.insert(path.to_owned(), stage);
        });
    }

    async fn wait_for(&self, path: &str, stage: Stage) {
        let mut stages = self.0.subscribe();
        let reached = stages.wait_for(|stages| stages.get(path) == Some(&stage));
        let reached = timeout(Duration::from_secs(20), reached).await;
        reached.unwrap().unwrap();
    }
}

async fn answer_late(State(late): State<LateAnswers>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let is_late = request.uri().query() == Some("late");
    let response = next.run(request).await;
    if is_late {
        late.set(&path, Stage::Handled);
        late.wait_for(&path, Stage::Answered).await;
    }
    response
}
