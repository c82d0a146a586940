//! An example of session-store with tower-sessions and axum-login: a log-in with a password, and a log-out
//! everywhere when the password changes.
//!
//! Start reading at [`Visitor`], the part of axum-login's data that the store reads.

mod session;
mod users;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_login::tower_sessions::{Expiry, SessionManagerLayer};
use axum_login::{AuthManagerLayerBuilder, login_required};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use session_store::frameworks::tower_sessions::TowerSessions;

pub use crate::session::{Store, Visitor};
pub use crate::users::{Credentials, User, Users};

type AuthSession = axum_login::AuthSession<Users>;

/// The key of the note in the session's map.
const NOTE: &str = "note";
const SHORTEST_PASSWORD: usize = 8;
const LARGEST_FORM: usize = 8 * 1024;

/// The app on this store, for these users.
pub fn app(store: Store, users: Users) -> Router {
    let sessions = SessionManagerLayer::new(TowerSessions::new(store.clone()))
        .with_name("session")
        // This app is served on loopback, without TLS.
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(time::Duration::minutes(30)));
    Router::new()
        .route("/account", get(account))
        .route("/password", post(change_password))
        .route_layer(login_required!(Users, login_url = "/"))
        .route("/", get(home))
        .route("/note", post(note))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(AuthManagerLayerBuilder::new(users, sessions).build())
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn(from_this_site))
        .with_state(store)
}

/// Refuses the forms of other sites, which could log the visitor in as somebody else.
async fn from_this_site(request: Request, next: Next) -> Response {
    match same_origin::allows(&request) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, same_origin::REFUSAL).into_response(),
    }
}

async fn home(auth: AuthSession) -> Result<Markup, AppError> {
    let note: Option<String> = auth.session.get(NOTE).await?;
    Ok(page(html! {
        @match &auth.user {
            Some(user) => p { "Logged in as " b { (user.name) } ". " a href="/account" { "Account" } },
            None => form action="/login" method="post" {
                input name="user" placeholder="user" required;
                input name="password" type="password" placeholder="password" required;
                button { "Log in" }
            },
        }
        form action="/note" method="post" {
            input name="note" value=(note.unwrap_or_default());
            button { "Keep this note" }
        }
    }))
}

async fn account(State(store): State<Store>, auth: AuthSession) -> Result<Markup, AppError> {
    let user = auth.user.ok_or(AppError::Anonymous)?;
    let devices = store.sessions(Visitor::USER, &user.name).count().await?;
    Ok(page(html! {
        p { b { (user.name) } ", logged in on " (devices) " of 5 devices." }
        form action="/password" method="post" {
            input name="current" type="password" placeholder="current password" required;
            input name="new" type="password" placeholder="new password" minlength=(SHORTEST_PASSWORD) required;
            button { "Change it, and log out everywhere else" }
        }
        form action="/logout" method="post" { button { "Log out" } }
    }))
}

#[derive(Deserialize)]
struct Note {
    note: String,
}

async fn note(auth: AuthSession, Form(form): Form<Note>) -> Result<Redirect, AppError> {
    auth.session.insert(NOTE, form.note).await?;
    Ok(Redirect::to("/"))
}

async fn log_in(
    mut auth: AuthSession,
    Form(form): Form<Credentials>,
) -> Result<Redirect, AppError> {
    let Some(user) = auth.authenticate(form).await? else {
        return Err(AppError::WrongPassword);
    };
    // `login` keeps the id if the session has had a user, even one that is no longer known. An attacker who
    // has logged in, and has planted that id in this browser, would become the new user. So this line is
    // always needed. Without it, the store refuses the log-in of another user.
    auth.session.cycle_id().await?;
    if auth
        .user
        .as_ref()
        .is_some_and(|other| other.name != user.name)
    {
        // The note is that of somebody else.
        auth.session.remove_value(NOTE).await?;
    }
    auth.login(&user).await?;
    Ok(Redirect::to("/account"))
}

async fn log_out(mut auth: AuthSession) -> Result<Redirect, AppError> {
    auth.logout().await?;
    Ok(Redirect::to("/"))
}

#[derive(Deserialize)]
struct NewPassword {
    current: String,
    new: String,
}

async fn change_password(
    State(store): State<Store>,
    mut auth: AuthSession,
    Form(form): Form<NewPassword>,
) -> Result<Redirect, AppError> {
    let user = auth.user.take().ok_or(AppError::Anonymous)?;
    if form.new.chars().count() < SHORTEST_PASSWORD {
        return Err(AppError::ShortPassword);
    }
    let current = Credentials {
        user: user.name,
        password: form.current,
    };
    let changed = auth.backend.change_password(current, form.new).await;
    let user = changed?.ok_or(AppError::WrongPassword)?;

    // This session leaves the store, and comes back under a new id when the response is ready. So all
    // sessions that are in the store now are ended. The password changes first, and then the sessions end:
    // in the other order, a session that begins in between with the old password would be missed.
    auth.session.cycle_id().await?;
    let ended = store.revoke(Visitor::USER, &user.name).await?;
    for failure in ended.failed() {
        // It is still in the store, but no longer valid: it began with another password.
        eprintln!(
            "{} could not be ended: {}",
            failure.handle(),
            failure.error()
        );
    }
    auth.login(&user).await?;
    Ok(Redirect::to("/account"))
}

/// The errors of a request.
enum AppError {
    Anonymous,
    WrongPassword,
    ShortPassword,
    /// The failure says nothing about the session, so its cookie stays.
    Failed(Box<dyn std::error::Error>),
}

impl<E: std::error::Error + 'static> From<E> for AppError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Anonymous => (StatusCode::UNAUTHORIZED, "Please log in."),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "No such user and password."),
            Self::ShortPassword => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "A new password has at least 8 characters.",
            ),
            Self::Failed(error) => {
                eprintln!("{error}");
                let message = "Something is not available right now. Please try again.";
                (StatusCode::SERVICE_UNAVAILABLE, message)
            }
        };
        let page = page(html! { p { (message) " " a href="/" { "Back" } } });
        (status, page).into_response()
    }
}

fn page(content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "session-store with axum-login" } }
            body { h1 { "session-store with axum-login" } (content) }
        }
    }
}
