//! The page with the cart, and the routes beside it.

use std::mem;

use axum::Json;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Serialize;
use session_store::frameworks::axum::CurrentSession;
use session_store::{Error, SessionHandle};

use crate::error::AppError;
use crate::form::{CartForm, Form, ThemeForm};
use crate::pages::devices::{self, Device, short};
use crate::pages::layout::layout;
use crate::pages::log_in;
use crate::seen::Seen;
use crate::session::{AppSession, Current, Store, Theme, User};

/// The page. It counts its visits in existing sessions, and does not create one.
pub(crate) async fn home(
    State(store): State<Store>,
    seen: Seen,
    session: Option<Current>,
) -> Result<Markup, AppError> {
    let Some(mut session) = session else {
        return Ok(anonymous(&AppSession::default()));
    };
    session.visits += 1;
    session.note(seen);
    // The page shows them now, and the save of the visit removes them.
    let ended = mem::take(&mut session.ended);
    match CurrentSession::save(&mut session).await {
        Ok(()) => {}
        Err(Error::Gone(_)) => return Ok(anonymous(&AppSession::default())),
        Err(error) => return Err(error.into()),
    }
    let handle = CurrentSession::stored(&session).map(|stored| stored.handle());
    let (Some(user), Some(handle)) = (&session.user_id, handle) else {
        return Ok(anonymous(&session));
    };
    let devices = Device::all_of(&store, user).await?;
    let page = html! {
        @for handle in &ended { (ended_for_this_one(*handle)) }
        (greeting(&session, user))
        (cart(&session.cart))
        (devices::list(&devices, handle, store.now()))
    };
    Ok(layout("Your sessions", Some(session.theme), page))
}

fn anonymous(session: &AppSession) -> Markup {
    let page = html! { (log_in::form()) (cart(&session.cart)) };
    layout("Log in", Some(session.theme), page)
}

fn ended_for_this_one(oldest: SessionHandle) -> Markup {
    html! {
        p.notice role="status" {
            "Your oldest session, " code { (short(oldest)) } ", was ended to make room for this one."
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
                " in this session, as " strong { (session.role.name()) }
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
            form.stack method="post" action="/cart" {
                label for="item" { "Item to add" }
                div.add {
                    input #item name="item" required maxlength="100" autocomplete="off" placeholder="Tea, a kettle…";
                    button { "Add" }
                }
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
