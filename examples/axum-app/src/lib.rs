//! An example of session-store: log-in, a cart, and a list of one's own sessions to end.
//!
//! Start reading at [`AppSession`], which is what the app keeps of a visitor.

mod error;
mod form;
mod page;
mod session;

use std::mem;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use maud::Markup;
use serde::Serialize;
use session_store::{AttributeValue, Error, Revoked, SessionHandle};

use crate::error::AppError;
use crate::form::{CartForm, Form, LoginForm, ThemeForm};
use crate::session::{User, Visitor};

pub use crate::session::{AppSession, Store, Theme};

/// The app on this store.
pub fn app(store: Store) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/page", get(page))
        .route("/item", get(item))
        .route("/me", get(me))
        .route("/login", post(login))
        .route("/cart", post(add_to_cart))
        .route("/theme", post(set_theme))
        .route("/devices", get(devices))
        .route("/devices/{handle}/revoke", post(revoke_device))
        .route("/logout", post(logout))
        .route("/logout-others", post(logout_others))
        .route("/logout-everywhere", post(logout_everywhere))
        .fallback(async || AppError::NotFound)
        .layer(DefaultBodyLimit::max(form::MAX_BODY))
        .layer(middleware::map_response(guarded))
        .with_state(store)
}

/// The page, which counts its visits in sessions that are there, and begins none by itself.
async fn home(State(store): State<Store>, visitor: Visitor) -> Result<Markup, AppError> {
    let Some(mut session) = visitor.session().await? else {
        return Ok(page::home(None, &[], &[]));
    };
    session.visits += 1;
    // Shown now, and stored as shown together with the visit.
    let ended = mem::take(&mut session.ended);
    match store.save(&mut session).await {
        Ok(()) => {}
        Err(Error::Gone(_)) => return Ok(page::home(None, &[], &[])),
        Err(error) => return Err(error.into()),
    }
    let devices = match &session.user_id {
        Some(user) => store.sessions(AppSession::USER_ID, user).all().await?,
        None => Vec::new(),
    };
    Ok(page::home(Some(&session), &devices, &ended))
}

/// Who is there, at the price of one read.
async fn page(visitor: Visitor) -> Result<String, AppError> {
    let session = visitor.session().await?;
    let user = session.and_then(|session| session.user_id.clone());
    Ok(user.unwrap_or_else(|| "anonymous".to_owned()))
}

/// What DynamoDB holds of the session: `user_id` stands beside `data`, for any tool to read.
///
/// The store's own client reads it, since the library never shows an item.
async fn item(State(store): State<Store>, User { session, .. }: User) -> Result<Markup, AppError> {
    let get = store.client().get_item().table_name(store.table_name());
    let id = AttributeValue::S(session.handle().to_string());
    let read = get.key("id", id).consistent_read(true).send().await;
    let item = read
        .ok()
        .and_then(|read| read.item)
        .ok_or(AppError::NotFound)?;
    Ok(page::item(session.theme, &item))
}

#[derive(Serialize)]
struct Me {
    user_id: String,
    cart: Vec<String>,
    theme: Theme,
    visits: u64,
}

async fn me(User { name, session }: User) -> Json<Me> {
    Json(Me {
        user_id: name,
        cart: session.cart.clone(),
        theme: session.theme,
        visits: session.visits,
    })
}

async fn login(visitor: Visitor, Form(form): Form<LoginForm>) -> Result<Response, AppError> {
    let cookies = visitor
        .log_in(form.user.into(), form.profile.into())
        .await?;
    Ok((cookies, Redirect::to("/")).into_response())
}

async fn add_to_cart(visitor: Visitor, Form(form): Form<CartForm>) -> Result<Response, AppError> {
    let item = String::from(form.item);
    let cookies = visitor
        .change(|session| session.cart.push(item.clone()))
        .await?;
    Ok((cookies, Redirect::to("/")).into_response())
}

async fn set_theme(visitor: Visitor, Form(form): Form<ThemeForm>) -> Result<Response, AppError> {
    let cookies = visitor.change(|session| session.theme = form.theme).await?;
    Ok((cookies, Redirect::to("/")).into_response())
}

/// A session in the list of its user; the times are milliseconds since 1970.
#[derive(Serialize)]
struct Device {
    handle: SessionHandle,
    created_at: u128,
    touched_at: u128,
    expires_at: u128,
    /// Whether it is the one that asks.
    current: bool,
}

/// The live sessions of the user, newest first.
async fn devices(
    State(store): State<Store>,
    User { name, session }: User,
) -> Result<Json<Vec<Device>>, AppError> {
    let sessions = store.sessions(AppSession::USER_ID, &name).all().await?;
    let devices = sessions.into_iter().map(|summary| Device {
        handle: summary.handle(),
        created_at: millis(summary.created_at()),
        touched_at: millis(summary.touched_at()),
        expires_at: millis(summary.expires_at()),
        current: summary.handle() == session.handle(),
    });
    Ok(Json(devices.collect()))
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}

/// Ends one session of the user's own; that of somebody else is as if it were not there.
async fn revoke_device(
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

async fn logout(visitor: Visitor) -> Result<Response, AppError> {
    let cookies = visitor.log_out().await?;
    Ok((cookies, Redirect::to("/")).into_response())
}

async fn logout_others(
    State(store): State<Store>,
    User { name, session }: User,
) -> Result<Redirect, AppError> {
    let revoked = store
        .revoke(AppSession::USER_ID, &name)
        .except(&session)
        .await?;
    all_ended(revoked)?;
    Ok(Redirect::to("/"))
}

/// Ends all sessions of the user, this one as well.
///
/// It is not left to [`logout`] to end this one: a log-in in the same browser at this moment could
/// have given it a new id, which the revocation meets and a log-out does not.
async fn logout_everywhere(
    State(store): State<Store>,
    visitor: Visitor,
    User { name, .. }: User,
) -> Result<Response, AppError> {
    all_ended(store.revoke(AppSession::USER_ID, &name).await?)?;
    Ok((visitor.without_cookie(), Redirect::to("/")).into_response())
}

fn all_ended(revoked: Revoked) -> Result<(), AppError> {
    match revoked.failed() {
        [] => Ok(()),
        _ => Err(AppError::NotAllEnded(revoked)),
    }
}

/// Tells the browser to keep no page, to fetch nothing from elsewhere, and to let nobody frame one.
async fn guarded(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
