//! The page of an administrator, who finds the sessions of a user, changes the role in all of them, and ends some.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use session_store::DynamoDbStore;
use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};

use crate::error::{AppError, store_failed};
use crate::form::{EndForm, FindForm, Form, PasswordForm, RoleForm};
use crate::pages::devices::{Device, all_ended};
use crate::pages::layout::layout;
use crate::password::AdminPassword;
use crate::session::{Admin, AdminSession, AppSession, Role, Store};

/// What the handlers share: the sessions of the users, and the password.
#[derive(Clone)]
struct Desk {
    users: Store,
    password: Arc<AdminPassword>,
}

/// The routes of administrators, with their own sessions.
pub(crate) fn routes(
    admins: DynamoDbStore<AdminSession>,
    users: Store,
    password: AdminPassword,
) -> Router {
    let sessions = SessionLayer::new(admins)
        .dev()
        .on_error(|error, _| Some(store_failed(error)));
    Router::new()
        .route("/admin", get(page))
        .route("/admin/login", post(log_in))
        .route("/admin/logout", post(log_out))
        .route("/admin/find", post(find))
        .route("/admin/role", post(set_role))
        .route("/admin/end", post(end))
        .layer(sessions)
        .with_state(Desk {
            users,
            password: Arc::new(password),
        })
}

async fn page(
    State(desk): State<Desk>,
    session: Option<CurrentSession<AdminSession>>,
) -> Result<Response, AppError> {
    let Some(mut session) = session.filter(|session| session.logged_in) else {
        return Ok(ask(StatusCode::UNAUTHORIZED, None));
    };
    let notice = CurrentSession::take(&mut session, |session| &mut session.notice).await?;
    let found = match &session.user {
        Some(user) => Some((user.as_str(), Device::all_of(&desk.users, user).await?)),
        None => None,
    };
    let page = html! {
        @if let Some(notice) = notice { p.notice role="status" { (notice) } }
        (finder(session.user.as_deref()))
        @if let Some((user, devices)) = found { (sessions_of(&desk, user, &devices)) }
    };
    Ok(layout("Admin", None, page).into_response())
}

fn finder(user: Option<&str>) -> Markup {
    html! {
        section.card aria-labelledby="admin" {
            div.row {
                h1 #admin { "Admin" }
                form method="post" action="/admin/logout" { button { "Log out" } }
            }
            form.stack method="post" action="/admin/find" {
                label for="user" { "Name of a user" }
                div.add {
                    input #user name="user" value=[user] required maxlength="64" autocomplete="off" autocapitalize="none";
                    button.primary { "Find sessions" }
                }
            }
        }
    }
}

fn sessions_of(desk: &Desk, user: &str, devices: &[Device]) -> Markup {
    let now = desk.users.now();
    html! {
        section.card aria-labelledby="sessions" {
            h2 #sessions { "Sessions of " bdi { (user) } " " span.count { (devices.len()) } }
            @if devices.is_empty() {
                p.quiet { "There are none." }
            } @else {
                (role_form(user, devices))
                ul.devices {
                    @for device in devices {
                        li {
                            div {
                                (device.description(now, false))
                                @if let Some(stored) = &device.stored { p.quiet { "Role: " (stored.role.name()) } }
                            }
                            form method="post" action="/admin/end" {
                                input type="hidden" name="user" value=(user);
                                input type="hidden" name="handle" value=(device.handle);
                                button.danger aria-label={ "End the session of " (device.full_title()) } { "End" }
                            }
                        }
                    }
                }
                form.actions method="post" action="/admin/end" {
                    input type="hidden" name="user" value=(user);
                    button.danger aria-label={ "End all sessions of " (user) } { "End all" }
                }
            }
        }
    }
}

fn role_form(user: &str, devices: &[Device]) -> Markup {
    let stored = devices.iter().find_map(|device| device.stored.as_ref());
    let current = stored.map(|stored| stored.role);
    html! {
        form.stack method="post" action="/admin/role" {
            input type="hidden" name="user" value=(user);
            label for="role" { "Role in all sessions" }
            div.add {
                select #role name="role" {
                    @for role in Role::ALL {
                        option value=(role.name()) selected[current == Some(role)] { (role.name()) }
                    }
                }
                button { "Change role" }
            }
        }
    }
}

fn ask(status: StatusCode, mistake: Option<&str>) -> Response {
    let form = html! {
        section.card aria-labelledby="login" {
            h1 #login { "Admin" }
            p.quiet { "The password is that of " code { "ADMIN_PASSWORD" } ", or the one in the log of the start." }
            @if let Some(mistake) = mistake { p.mistake #mistake role="alert" { (mistake) } }
            form.stack method="post" action="/admin/login" {
                label for="password" { "Password" }
                input #password type="password" name="password" required autocomplete="current-password"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                button.primary { "Log in" }
            }
        }
    };
    (status, layout("Admin", None, form)).into_response()
}

async fn log_in(
    State(desk): State<Desk>,
    mut session: CurrentSession<AdminSession>,
    Form(form): Form<PasswordForm>,
) -> Response {
    if !desk.password.is(&form.password) {
        return ask(StatusCode::FORBIDDEN, Some("That is not the password."));
    }
    session.logged_in = true;
    CurrentSession::log_in(&mut session);
    Redirect::to("/admin").into_response()
}

async fn log_out(session: EndSession<AdminSession>) -> Redirect {
    session.end();
    Redirect::to("/admin")
}

async fn find(Admin(mut session): Admin, Form(form): Form<FindForm>) -> Redirect {
    session.user = Some(form.user.into());
    Redirect::to("/admin")
}

async fn set_role(
    State(desk): State<Desk>,
    Admin(mut session): Admin,
    Form(form): Form<RoleForm>,
) -> Result<Redirect, AppError> {
    let (user, role) = (String::from(form.user), form.role);
    let change = move |session: &mut AppSession| session.role = role;
    let updated = desk.users.update_all(AppSession::USER_ID, &user, change);
    let updated = updated.await?;
    for failure in updated.failed() {
        // It would keep the old role.
        all_ended(desk.users.revoke_handle(&failure.handle()).await?)?;
    }
    let sessions = counted(updated.changed() + updated.unchanged());
    session.notice = Some(format!("{user} is {} in {sessions}.", role.name()));
    session.user = Some(user);
    Ok(Redirect::to("/admin"))
}

async fn end(
    State(desk): State<Desk>,
    Admin(mut session): Admin,
    Form(form): Form<EndForm>,
) -> Result<Redirect, AppError> {
    let user = String::from(form.user);
    let mut revoke = desk.users.revoke(AppSession::USER_ID, &user);
    if let Some(handle) = form.handle {
        revoke = revoke.only(handle);
    }
    let revoked = revoke.await?;
    let ended = counted(revoked.deleted());
    all_ended(revoked)?;
    session.notice = Some(format!("Ended {ended} of {user}."));
    session.user = Some(user);
    Ok(Redirect::to("/admin"))
}

fn counted(sessions: usize) -> String {
    match sessions {
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    }
}
