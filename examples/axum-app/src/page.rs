//! The page. All text of visitors goes through the template, which escapes it.

use std::collections::HashMap;
use std::time::SystemTime;

use axum::http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use session_store::{AttributeValue, IsIndex as _, Session, SessionHandle, SessionSummary};
use time::OffsetDateTime;

use crate::session::{AppSession, Theme};

const STYLE: &str = include_str!("style.css");
const ICON: &str = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>\
                    <rect width='16' height='16' rx='4' fill='%230d7a6f'/>\
                    <path d='M4 6h8M4 10h5' stroke='white' stroke-width='2' stroke-linecap='round'/></svg>";

/// The page of this session, or of an anonymous visitor, with a notice of the sessions that were evicted.
pub(crate) fn home(
    session: Option<&Session<AppSession>>,
    devices: &[SessionSummary],
    ended: &[SessionHandle],
) -> Markup {
    let theme = session.map_or(Theme::Auto, |session| session.theme);
    let cart = session.map_or(&[][..], |session| &session.cart);
    let user = session.and_then(|session| Some((session, session.user_id.as_deref()?)));
    layout(
        Some(theme),
        html! {
            main {
                @for handle in ended {
                    p.notice role="status" {
                        "Your oldest session, " code { (short(*handle)) } ", was ended to make room for this one."
                    }
                }
                @match user {
                    Some((session, user)) => (greeting(session, user)),
                    None => (login()),
                }
                (self::cart(cart))
                @if let Some((session, _)) = user {
                    (self::devices(session, devices))
                }
            }
        },
    )
}

/// The page that shows an item as it is in DynamoDB.
pub(crate) fn item(theme: Theme, item: &HashMap<String, AttributeValue>) -> Markup {
    let mut attributes: Vec<_> = item.iter().collect();
    attributes.sort_by_key(|(name, _)| name.as_str());
    layout(
        Some(theme),
        html! {
            main {
                section.card aria-labelledby="item" {
                    div.row {
                        h1 #item { "The item in DynamoDB" }
                        a.button href="/" { "Back" }
                    }
                    table {
                        thead { tr { th { "Attribute" } th { "Type" } th { "Value" } } }
                        tbody {
                            @for (name, value) in attributes {
                                @let (of, text) = shown(value);
                                tr { td { code { (name) } } td { (of) } td { code { (text) } } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The type of a value and its text, as DynamoDB's own tools show them.
fn shown(value: &AttributeValue) -> (&'static str, String) {
    match value {
        AttributeValue::S(text) => ("S", text.clone()),
        AttributeValue::N(number) => ("N", number.clone()),
        AttributeValue::B(bytes) => ("B", format!("{} bytes", bytes.as_ref().len())),
        AttributeValue::Bool(value) => ("BOOL", value.to_string()),
        AttributeValue::Null(_) => ("NULL", "null".to_owned()),
        AttributeValue::L(values) => {
            let values: Vec<_> = values.iter().map(|value| shown(value).1).collect();
            ("L", format!("[{}]", values.join(", ")))
        }
        AttributeValue::M(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| name.as_str());
            let entries = entries
                .iter()
                .map(|(name, value)| format!("{name}: {}", shown(value).1));
            (
                "M",
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", ")),
            )
        }
        _ => ("", String::new()),
    }
}

/// The page that shows an error.
pub(crate) fn error(status: StatusCode, message: &str) -> Markup {
    layout(
        None,
        html! {
            main {
                section.card {
                    p.eyebrow { (status) }
                    h1 { "That did not work" }
                    p { (message) }
                    p { a.button href="/" { "Back to the page" } }
                }
            }
        },
    )
}

/// A page in these colours, with a form to choose others.
fn layout(theme: Option<Theme>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme.map(name)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Sessions" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    a.brand href="/" { span.mark aria-hidden="true" {} "session-store" }
                    @if let Some(theme) = theme { (themes(theme)) }
                }
                (body)
                footer { "Typed sessions on Amazon DynamoDB. No JavaScript, one cookie." }
            }
        }
    }
}

fn themes(current: Theme) -> Markup {
    html! {
        form.themes method="post" action="/theme" role="group" aria-label="Theme" {
            @for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
                button name="theme" value=(name(theme)) aria-pressed=(theme == current) { (name(theme)) }
            }
        }
    }
}

fn login() -> Markup {
    html! {
        section.card aria-labelledby="login" {
            h1 #login { "Log in" }
            p.quiet { "Any name will do; what is in the cart comes along." }
            form.stack method="post" action="/login" {
                label for="user" { "Name" }
                input #user name="user" required maxlength="64" autocomplete="username" autocapitalize="none";
                label for="profile" { "About you " span.quiet { "(optional)" } }
                textarea #profile name="profile" rows="2" {}
                button.primary { "Log in" }
            }
        }
    }
}

fn greeting(session: &AppSession, user: &str) -> Markup {
    html! {
        section.card aria-labelledby="user" {
            div.row {
                div {
                    p.eyebrow { "Logged in as" }
                    h1 #user { (user) }
                }
                form method="post" action="/logout" { button { "Log out" } }
            }
            p.visits {
                strong { (session.visits) }
                @if session.visits == 1 { " visit" } @else { " visits" }
                " in this session"
            }
            @if let Some(profile) = &session.profile {
                p.profile { (profile) }
            }
        }
    }
}

fn cart(items: &[String]) -> Markup {
    html! {
        section.card aria-labelledby="cart" {
            h2 #cart { "Cart" @if !items.is_empty() { " " span.count { (items.len()) } } }
            @if items.is_empty() {
                p.quiet { "Nothing yet." }
            } @else {
                ul.items { @for item in items { li { (item) } } }
            }
            form.add method="post" action="/cart" {
                input name="item" required maxlength="100" autocomplete="off"
                    aria-label="Item to add" placeholder="Tea, a kettle…";
                button { "Add" }
            }
        }
    }
}

fn devices(current: &Session<AppSession>, devices: &[SessionSummary]) -> Markup {
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

/// The first characters of a handle, enough to distinguish the sessions of one user.
fn short(handle: SessionHandle) -> String {
    handle.to_string().chars().take(8).collect()
}

fn name(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "auto",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// Without the year, since no session is a day old.
fn moment(time: SystemTime) -> Markup {
    let time = OffsetDateTime::from(time);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let clock = format!("{:02}:{:02}", time.hour(), time.minute());
    let machine = format!("{year}-{:02}-{day:02}T{clock}Z", u8::from(month));
    let month = month.to_string();
    html! {
        time datetime=(machine) { (day) " " (month.get(..3).unwrap_or(&month)) ", " (clock) " UTC" }
    }
}
