//! The devices of a user: one session is one device.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Serialize;
use session_store::frameworks::axum::CurrentSession;
use session_store::{IsIndex as _, Revoked, Session, SessionHandle, SessionSummary};

use crate::error::AppError;
use crate::pages::layout::{moment, short};
use crate::session::{AppSession, Store, User};

pub(crate) fn list(current: &Session<AppSession>, devices: &[SessionSummary]) -> Markup {
    let others = devices.iter().any(|d| d.handle() != current.handle());
    let limit = AppSession::USER_ID.attribute().session_limit();
    html! {
        section.card aria-labelledby="devices" {
            h2 #devices {
                "Your sessions "
                span.count { (devices.len()) @if let Some(limit) = limit { " of " (limit) } }
            }
            p.quiet { "In the table: " a href="/item" { "the item of this one" } }
            ul.devices {
                @for device in devices {
                    @let short = short(device.handle());
                    li {
                        div {
                            code { (short) }
                            @if device.handle() == current.handle() { " " span.badge { "this one" } }
                            p.quiet { "Since " (moment(device.created_at())) }
                            p.quiet { "Last active " (moment(device.touched_at())) }
                        }
                        form method="post" action={ "/devices/" (device.handle()) "/revoke" } {
                            button.danger aria-label={ "End session " (short) } { "End" }
                        }
                    }
                }
            }
            @if others {
                div.actions {
                    form method="post" action="/logout-others" { button.danger { "End all others" } }
                    form method="post" action="/logout-everywhere" { button.danger { "Log out everywhere" } }
                }
            }
        }
    }
}

/// A session in the list of its user; the times are milliseconds since 1970.
#[derive(Serialize)]
pub(crate) struct Device {
    handle: SessionHandle,
    created_at: u128,
    touched_at: u128,
    expires_at: u128,
    /// Whether it is the session of this request.
    current: bool,
}

/// The live sessions of the user, newest first.
pub(crate) async fn devices(
    State(store): State<Store>,
    User { name, handle, .. }: User,
) -> Result<Json<Vec<Device>>, AppError> {
    let sessions = store.sessions(AppSession::USER_ID, &name).all().await?;
    let devices = sessions.into_iter().map(|summary| Device {
        handle: summary.handle(),
        created_at: millis(summary.created_at()),
        touched_at: millis(summary.touched_at()),
        expires_at: millis(summary.expires_at()),
        current: summary.handle() == handle,
    });
    Ok(Json(devices.collect()))
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}

/// Ends one session of the user. A session of another user counts as absent.
pub(crate) async fn revoke_device(
    State(store): State<Store>,
    User { name, .. }: User,
    Path(handle): Path<String>,
) -> Result<Redirect, AppError> {
    let handle = SessionHandle::parse(&handle).map_err(|_| AppError::NotFound)?;
    let revoked = store
        .revoke(AppSession::USER_ID, &name)
        .only(handle)
        .await?;
    if revoked.deleted() == 0 {
        return Err(AppError::NotFound);
    }
    Ok(Redirect::to("/"))
}

pub(crate) async fn logout_others(
    State(store): State<Store>,
    User { name, handle, .. }: User,
) -> Result<Redirect, AppError> {
    let others = store.revoke(AppSession::USER_ID, &name);
    all_ended(others.except_handle(handle).await?)?;
    Ok(Redirect::to("/"))
}

/// Ends all sessions of the user, including this one.
///
/// It does not leave this session to [`logout`](super::log_in::logout): at this moment, a log-in in the same browser
/// could have given it a new id. The revocation finds that session, and a log-out does not.
pub(crate) async fn logout_everywhere(
    State(store): State<Store>,
    User {
        name, mut session, ..
    }: User,
) -> Result<Redirect, AppError> {
    all_ended(store.revoke(AppSession::USER_ID, &name).await?)?;
    CurrentSession::end(&mut session);
    Ok(Redirect::to("/"))
}

fn all_ended(revoked: Revoked) -> Result<(), AppError> {
    match revoked.failed() {
        [] => Ok(()),
        _ => Err(AppError::NotAllEnded(revoked)),
    }
}
