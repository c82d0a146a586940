//! What all pages have in common.

use std::time::SystemTime;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use session_store::SessionHandle;
use time::OffsetDateTime;

use crate::session::Theme;

const STYLE: &str = include_str!("style.css");
const ICON: &str = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>\
                    <rect width='16' height='16' rx='4' fill='%230d7a6f'/>\
                    <path d='M4 6h8M4 10h5' stroke='white' stroke-width='2' stroke-linecap='round'/></svg>";

/// A page in these colours, with a form to choose others.
pub(crate) fn layout(theme: Option<Theme>, body: Markup) -> Markup {
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

fn name(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "auto",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// The first characters of a handle, enough to distinguish the sessions of one user.
pub(crate) fn short(handle: SessionHandle) -> String {
    handle.to_string().chars().take(8).collect()
}

/// Without the year, since no session is a day old.
pub(crate) fn moment(time: SystemTime) -> Markup {
    let time = OffsetDateTime::from(time);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let clock = format!("{:02}:{:02}", time.hour(), time.minute());
    let machine = format!("{year}-{:02}-{day:02}T{clock}Z", u8::from(month));
    let month = month.to_string();
    html! {
        time datetime=(machine) { (day) " " (month.get(..3).unwrap_or(&month)) ", " (clock) " UTC" }
    }
}
