//! What all pages have in common.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::session::Theme;

const STYLE: &str = include_str!("style.css");
const ICON: &str = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>\
                    <rect width='16' height='16' rx='4' fill='%230b7066'/>\
                    <path d='M4 6h8M4 10h5' stroke='white' stroke-width='2' stroke-linecap='round'/></svg>";

/// A page in these colours, with a form to choose others; or in those of the visitor's system.
pub(crate) fn layout(title: &str, theme: Option<Theme>, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme.map(Theme::name)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – session-store" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    a.brand href="/" { span.mark aria-hidden="true" {} "session-store" }
                    @if let Some(theme) = theme { (themes(theme)) }
                }
                main #content tabindex="-1" { (content) }
                footer { "Typed sessions on Amazon DynamoDB. No JavaScript." }
            }
        }
    }
}

fn themes(current: Theme) -> Markup {
    html! {
        form.themes method="post" action="/theme" role="group" aria-label="Theme" {
            @for theme in Theme::ALL {
                button name="theme" value=(theme.name()) aria-pressed=(theme == current) { (theme.name()) }
            }
        }
    }
}
