//! The page with the cart, and the routes beside it.

use std::mem;

use axum::Json;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Serialize;
use session_store::frameworks::axum::CurrentSession;
use session_store::{Error, Session, SessionHandle, SessionSummary};

use crate::error::AppError;
use crate::form::{CartForm, Form, ThemeForm};
use crate::pages::layout::{layout, short};
use crate::pages::{devices, log_in};
use crate::session::{AppSession, Current, Store, Theme, User};

/// The page. It counts its visits in existing sessions, and does not create one.
pub(crate) async fn home(
    State(store): State<Store>,
    session: Option<Current>,
) -> Result<Markup, AppError> {
    let Some(mut session) = session else {
        return Ok(show(None, &[], &[]));
    };
    session.visits += 1;
    // The page shows them now, and the save of the visit removes them.
    let ended = mem::take(&mut session.ended);
    match CurrentSession::save(&mut session).await {
        Ok(()) => {}
        Err(Error::Gone(_)) => return Ok(show(None, &[], &[])),
        Err(error) => return Err(error.into()),
    }
    let devices = match &session.user_id {
        Some(user) => store.sessions(AppSession::USER_ID, user).all().await?,
        None => Vec::new(),
    };
    let session = CurrentSession::stored(&session);
    Ok(show(session, &devices, &ended))
}

/// The page of this session, or of an anonymous visitor, with a notice of the sessions that were evicted.
fn show(
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
                    None => (log_in::form()),
                }
                (self::cart(cart))
                @if let Some((session, _)) = user {
                    (devices::list(session, devices))
                }
            }
        },
    )
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

/// The user who is logged in, for the price of one read.
pub(crate) async fn page(session: Current) -> String {
    let user = session.user_id.as_deref();
    user.unwrap_or("anonymous").to_owned()
}

#[derive(Serialize)]
pub(crate) struct Me {
    user_id: String,
    cart: Vec<String>,
    theme: Theme,
    visits: u64,
}

pub(crate) async fn me(User { name, session, .. }: User) -> Json<Me> {
    Json(Me {
        user_id: name,
        cart: session.cart.clone(),
        theme: session.theme,
        visits: session.visits,
    })
}

/// Uses `update`, so that of two parallel requests neither undoes the other.
pub(crate) async fn add_to_cart(
    mut session: Current,
    Form(form): Form<CartForm>,
) -> Result<Redirect, AppError> {
    let item = String::from(form.item);
    let add = move |session: &mut AppSession| session.cart.push(item.clone());
    CurrentSession::update(&mut session, add).await?;
    Ok(Redirect::to("/"))
}

pub(crate) async fn set_theme(mut session: Current, Form(form): Form<ThemeForm>) -> Redirect {
    session.theme = form.theme;
    Redirect::to("/")
}
