//! The devices of a user: one session is one device.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Serialize;
use session_store::{Error, IsIndex as _, Revoked, SessionHandle, SessionSummary, StoredSession};

use crate::error::AppError;
use crate::form::{Form, RenameForm};
use crate::pages::times::{activity, moment};
use crate::session::{AppSession, Store, User};

/// A session of a user.
pub(crate) struct Device {
    pub(crate) handle: SessionHandle,
    /// Absent if it cannot be read, as after a deploy. It may be live all the same, and can be ended.
    pub(crate) stored: Option<StoredSession<AppSession>>,
}

impl Device {
    /// The live sessions of the user, newest first.
    pub(crate) async fn all_of(store: &Store, user: &str) -> Result<Vec<Self>, Error> {
        let sessions = store.sessions(AppSession::USER_ID, user).with_data();
        let read = sessions.all().await?.into_iter();
        let devices = read.filter_map(|read| {
            let handle = match &read {
                Ok(stored) => stored.handle(),
                Err(error) => error.handle()?,
            };
            let stored = read.ok();
            Some(Self { handle, stored })
        });
        Ok(devices.collect())
    }

    /// The name that the user has given to it, or its browser.
    fn title(&self) -> &str {
        match &self.stored {
            Some(stored) => {
                let title = stored.name.as_deref().or(stored.browser.as_deref());
                title.unwrap_or("Unknown browser")
            }
            None => "A session that cannot be read",
        }
    }

    /// The title with a part of the handle, for those who hear a button's name alone. Two devices may have one title.
    pub(crate) fn full_title(&self) -> String {
        format!("{}, {}", self.title(), short(self.handle))
    }

    /// What a list says of it.
    pub(crate) fn description(&self, now: SystemTime, this_one: bool) -> Markup {
        html! {
            // `bdi`, so that a name does not turn the text after it around.
            h3 { bdi { (self.title()) } @if this_one { " " span.badge { "this one" } } }
            @if let Some(stored) = &self.stored {
                @let summary = StoredSession::summary(stored);
                @if stored.name.is_some() {
                    p.quiet { (stored.browser.as_deref().unwrap_or("Unknown browser")) }
                }
                p.quiet.sentence {
                    (activity(now, summary.touched_at()))
                    @if let Some(address) = stored.address { ", from " (address) }
                }
                p.quiet { "Since " (moment(summary.created_at())) }
            }
            p.quiet { "Session " code { (short(self.handle)) } }
        }
    }
}

/// The first characters of a handle, enough to distinguish the sessions of one user.
pub(crate) fn short(handle: SessionHandle) -> String {
    handle.to_string().chars().take(8).collect()
}

/// The part of the page with the devices of the user.
pub(crate) fn list(devices: &[Device], current: SessionHandle, now: SystemTime) -> Markup {
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
                    li {
                        div {
                            (device.description(now, device.handle == current))
                            @if device.stored.is_some() { (rename_form(device)) }
                        }
                        form method="post" action={ "/devices/" (device.handle) "/revoke" } {
                            button.danger aria-label={ "End the session of " (device.full_title()) } { "End" }
                        }
                    }
                }
            }
            @if devices.iter().any(|device| device.handle != current) {
                div.actions {
                    form method="post" action="/logout-others" { button.danger { "End all others" } }
                    form method="post" action="/logout-everywhere" { button.danger { "Log out everywhere" } }
                }
            }
        }
    }
}

fn rename_form(device: &Device) -> Markup {
    let field = format!("name-{}", device.handle);
    let name = device.stored.as_ref().and_then(|s| s.name.as_deref());
    html! {
        details {
            summary aria-label={ "Rename " (device.full_title()) } { "Rename" }
            form.stack method="post" action={ "/devices/" (device.handle) "/rename" } {
                label for=(field) { "Name of this device" }
                div.add {
                    input id=(field) name="name" value=[name] maxlength="40" autocomplete="off";
                    button aria-label={ "Save the name of " (device.full_title()) } { "Save" }
                }
            }
        }
    }
}

/// A session in the list of its user; the times are milliseconds since 1970. Those of a session that cannot be read are
/// not known.
#[derive(Serialize)]
pub(crate) struct Listed {
    handle: SessionHandle,
    created_at: Option<u128>,
    touched_at: Option<u128>,
    expires_at: Option<u128>,
    /// Whether it is the session of this request.
    current: bool,
    name: Option<String>,
    browser: Option<String>,
    address: Option<IpAddr>,
    /// In words.
    last_activity: Option<String>,
}

/// The live sessions of the user, newest first, for programs.
pub(crate) async fn devices(
    State(store): State<Store>,
    User { name, handle, .. }: User,
) -> Result<Json<Vec<Listed>>, AppError> {
    let now = store.now();
    let devices = Device::all_of(&store, &name).await?;
    let listed = devices.into_iter().map(|device| {
        let stored = device.stored.as_ref();
        let time = |of: fn(&SessionSummary) -> SystemTime| {
            stored.map(|stored| of(StoredSession::summary(stored)))
        };
        let touched_at = time(SessionSummary::touched_at);
        Listed {
            handle: device.handle,
            created_at: time(SessionSummary::created_at).map(millis),
            touched_at: touched_at.map(millis),
            expires_at: time(SessionSummary::expires_at).map(millis),
            current: device.handle == handle,
            name: stored.and_then(|stored| stored.name.clone()),
            browser: stored.and_then(|stored| stored.browser.clone()),
            address: stored.and_then(|stored| stored.address),
            last_activity: touched_at.map(|at| activity(now, at)),
        }
    });
    Ok(Json(listed.collect()))
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}

/// Names one session of the user; an empty name takes it away. A session of another user counts as absent.
pub(crate) async fn rename_device(
    State(store): State<Store>,
    User { name: user, .. }: User,
    Path(handle): Path<String>,
    Form(form): Form<RenameForm>,
) -> Result<Redirect, AppError> {
    let name = Some(String::from(form.name)).filter(|name| !name.is_empty());
    let rename = move |session: &mut AppSession| session.name.clone_from(&name);
    let updated = store
        .update_all(AppSession::USER_ID, &user, rename)
        .only(parse(&handle)?)
        .await?;
    match updated.changed() + updated.unchanged() {
        0 => Err(AppError::NotFound),
        _ => Ok(Redirect::to("/")),
    }
}

/// Ends one session of the user. A session of another user counts as absent.
pub(crate) async fn revoke_device(
    State(store): State<Store>,
    User { name, .. }: User,
    Path(handle): Path<String>,
) -> Result<Redirect, AppError> {
    let revoked = store
        .revoke(AppSession::USER_ID, &name)
        .only(parse(&handle)?)
        .await?;
    match revoked.deleted() {
        0 => Err(AppError::NotFound),
        _ => Ok(Redirect::to("/")),
    }
}

fn parse(handle: &str) -> Result<SessionHandle, AppError> {
    SessionHandle::parse(handle).map_err(|_| AppError::NotFound)
}

pub(crate) async fn logout_others(
    State(store): State<Store>,
    User { name, handle, .. }: User,
) -> Result<Redirect, AppError> {
    let others = store.revoke(AppSession::USER_ID, &name);
    all_ended(others.except_handle(handle).await?)?;
    Ok(Redirect::to("/"))
}

pub(crate) fn all_ended(revoked: Revoked) -> Result<(), AppError> {
    match revoked.failed() {
        [] => Ok(()),
        _ => Err(AppError::NotAllEnded(revoked)),
    }
}
