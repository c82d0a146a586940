//! Log-in and log-out.

use std::time::Duration;

use axum::response::Redirect;
use maud::{Markup, html};
use session_store::Session;
use session_store::frameworks::axum::{CurrentSession, EndSession};

use crate::error::AppError;
use crate::form::{Form, LoginForm};
use crate::seen::Seen;
use crate::session::{AppSession, Current};

/// How long a user stays logged in who does not want to be remembered. The type has the timeouts of the others.
const ABSOLUTE: Duration = Duration::from_secs(8 * 60 * 60);
const IDLE: Duration = Duration::from_secs(30 * 60);

pub(crate) fn form() -> Markup {
    html! {
        section.card aria-labelledby="login" {
            h1 #login { "Log in" }
            p.quiet { "Any name will do; what is in the cart comes along." }
            form.stack method="post" action="/login" {
                label for="user" { "Name" }
                input #user name="user" required maxlength="64" autocomplete="username" autocapitalize="none";
                label for="profile" { "About you " span.quiet { "(optional)" } }
                textarea #profile name="profile" rows="2" {}
                label.check { input type="checkbox" name="remember"; "Remember me for 30 days" }
                button.primary { "Log in" }
            }
        }
    }
}

/// Makes this the session of a user, under a new id, since an attacker may know the old one (session
/// fixation). One transaction changes the id and stores the user.
pub(crate) async fn login(
    seen: Seen,
    mut session: Current,
    Form(form): Form<LoginForm>,
) -> Result<Redirect, AppError> {
    let user = String::from(form.user);
    if session
        .user_id
        .as_ref()
        .is_some_and(|before| *before != user)
    {
        // A user must not see the data of another.
        *session = AppSession {
            theme: session.theme,
            ..AppSession::default()
        };
    }
    session.user_id = Some(user);
    session.note(seen);
    if let Some(profile) = form.profile.into() {
        session.profile = Some(profile);
    }
    let short = form.remember.is_none();
    CurrentSession::set_absolute_timeout(&mut session, short.then_some(ABSOLUTE));
    CurrentSession::set_idle_timeout(&mut session, short.then_some(IDLE));
    CurrentSession::log_in(&mut session);
    // Save now, since only then the handler learns which sessions were evicted.
    CurrentSession::save(&mut session).await?;
    let stored = CurrentSession::stored(&session);
    let ended = stored.map_or_else(Vec::new, |stored| Session::evicted(stored).to_vec());
    session.ended.extend(ended);
    Ok(Redirect::to("/"))
}

pub(crate) async fn logout(session: EndSession<AppSession>) -> Redirect {
    session.end();
    Redirect::to("/")
}
