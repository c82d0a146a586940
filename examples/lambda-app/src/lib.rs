//! An example of session-store on AWS Lambda: log-in, a counter of visits, and a log-out.
//!
//! Lambda freezes the process when the response is sent, so a task that a handler leaves running may never
//! end. The layer leaves no task: it awaits the write of the session before it returns the response.
//! Session data in a frozen process does not matter either, since each request reads its session again.

use axum::Router;
use axum::extract::{Form, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store::frameworks::axum::{CurrentSession, SessionLayer};

/// The data that the app keeps for each visitor.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "lambda-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
#[serde(default)]
pub struct AppSession {
    /// The user: a separate attribute, with an index that misses no session.
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    pub user_id: Option<String>,
    /// The number of visits.
    pub visits: u64,
}

type Current = CurrentSession<AppSession>;

/// The app with sessions of this layer.
pub fn app(sessions: SessionLayer<AppSession>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/log-in", post(log_in))
        .route("/log-out", post(log_out))
        .layer(sessions)
        .layer(middleware::from_fn(from_this_site))
}

/// Refuses the forms of other sites, which could log the visitor in as somebody else.
async fn from_this_site(request: Request, next: Next) -> Response {
    match same_origin::allows(&request) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, same_origin::REFUSAL).into_response(),
    }
}

async fn home(mut session: Current) -> Markup {
    session.visits += 1;
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "lambda-app" } }
            body {
                p { "Visits: " (session.visits) }
                @if let Some(user) = &session.user_id {
                    h1 { "Hello, " (user) }
                    form method="post" action="/log-out" { button { "Log out" } }
                } @else {
                    form method="post" action="/log-in" {
                        input name="user" required maxlength="100" placeholder="Any name";
                        button { "Log in" }
                    }
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
}

/// A real app would ask for a password here. After the new id, an attacker who knows the old one cannot use
/// it.
async fn log_in(mut session: Current, Form(form): Form<LogIn>) -> Response {
    if form.user.is_empty() || form.user.len() > 100 {
        return (StatusCode::BAD_REQUEST, "a name has 1 to 100 bytes").into_response();
    }
    session.user_id = Some(form.user);
    CurrentSession::log_in(&mut session);
    Redirect::to("/").into_response()
}

async fn log_out(mut session: Current) -> Redirect {
    CurrentSession::end(&mut session);
    Redirect::to("/")
}
