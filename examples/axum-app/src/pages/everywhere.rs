//! "Log out everywhere", which asks for the user once more if the log-in was a while ago.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use session_store::frameworks::axum::CurrentSession;

use crate::error::AppError;
use crate::form::{ConfirmForm, Form};
use crate::pages::devices::all_ended;
use crate::pages::layout::layout;
use crate::session::{AppSession, Store, Theme, User};

/// How long a log-in is fresh.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// Ends all sessions of the user, if the log-in is fresh: the one act here that leaves the user no device. To end single
/// sessions asks for nothing, so that a stolen one is ended quickly.
pub(crate) async fn logout_everywhere(
    State(store): State<Store>,
    user: User,
) -> Result<Response, AppError> {
    match CurrentSession::is_fresh(&user.session, FRESH) {
        true => Ok(end_all(&store, user).await?.into_response()),
        false => Ok(ask(user.session.theme, None)),
    }
}

/// Ends all sessions of the user, who has entered the name again. This app has no passwords: ask for the password here,
/// or for another proof.
pub(crate) async fn confirm(
    State(store): State<Store>,
    mut user: User,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, AppError> {
    if String::from(form.user) != user.name {
        return Ok(ask(user.session.theme, Some("That is not your name.")));
    }
    CurrentSession::reauthenticated(&mut user.session);
    // Now, so that the user need not confirm it again if not all sessions can be ended.
    CurrentSession::save(&mut user.session).await?;
    Ok(end_all(&store, user).await?.into_response())
}

/// Ends all sessions of the user, including this one.
///
/// It does not leave this session to [`logout`](super::log_in::logout): at this moment, a log-in in the same browser
/// could have given it a new id. The revocation finds that session, and a log-out does not.
async fn end_all(store: &Store, mut user: User) -> Result<Redirect, AppError> {
    all_ended(store.revoke(AppSession::USER_ID, &user.name).await?)?;
    CurrentSession::end(&mut user.session);
    Ok(Redirect::to("/"))
}

fn ask(theme: Theme, mistake: Option<&str>) -> Response {
    let page = layout("Log out everywhere", Some(theme), form(mistake));
    (StatusCode::FORBIDDEN, page).into_response()
}

fn form(mistake: Option<&str>) -> Markup {
    html! {
        section.card aria-labelledby="confirm" {
            h1 #confirm { "Confirm that it is you" }
            p.quiet { "You logged in a while ago. Enter your name again to log out everywhere." }
            @if let Some(mistake) = mistake { p.mistake #mistake role="alert" { (mistake) } }
            form.stack method="post" action="/logout-everywhere/confirm" {
                label for="user" { "Name" }
                input #user name="user" required maxlength="64" autocomplete="off" autocapitalize="none"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                div.actions {
                    button.danger { "Log out everywhere" }
                    a.button href="/" { "Cancel" }
                }
            }
        }
    }
}
