//! An example of session-store: log-in, a cart, and a list of the user's sessions, to end them.
//!
//! Start reading at [`AppSession`], the data that the app keeps for each visitor.

mod error;
mod form;
pub mod metrics;
mod page;
mod session;

use std::mem;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use maud::Markup;
use serde::Serialize;
use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};
use session_store::{AttributeValue, Error, Revoked, Session, SessionHandle};

use crate::error::AppError;
use crate::form::{CartForm, Form, LoginForm, ThemeForm};
use crate::session::{Current, User};

pub use crate::session::{AppSession, Store, Theme};

/// The app on this store.
pub fn app(store: Store) -> Router {
    let sessions = SessionLayer::new(store.clone())
        // This app is served on loopback, without TLS.
        .dev()
        .on_error(|error, _| Some(error::store_failed(error)));
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
        .layer(sessions)
        .layer(DefaultBodyLimit::max(form::MAX_BODY))
        .layer(middleware::from_fn(from_this_site))
        .layer(middleware::map_response(guarded))
        .with_state(store)
}

/// The page. It counts its visits in existing sessions, and does not create one.
async fn home(State(store): State<Store>, session: Option<Current>) -> Result<Markup, AppError> {
    let Some(mut session) = session else {
        return Ok(page::home(None, &[], &[]));
    };
    session.visits += 1;
    // The page shows them now, and the save of the visit removes them.
    let ended = mem::take(&mut session.ended);
    match CurrentSession::save(&mut session).await {
        Ok(()) => {}
        Err(Error::Gone(_)) => return Ok(page::home(None, &[], &[])),
        Err(error) => return Err(error.into()),
    }
    let devices = match &session.user_id {
        Some(user) => store.sessions(AppSession::USER_ID, user).all().await?,
        None => Vec::new(),
    };
    let session = CurrentSession::stored(&session);
    Ok(page::home(session, &devices, &ended))
}

/// The user who is logged in, for the price of one read.
async fn page(session: Current) -> String {
    let user = session.user_id.as_deref();
    user.unwrap_or("anonymous").to_owned()
}

/// The item of the session in DynamoDB: `user_id` is beside `data`, for any tool to read.
///
/// The store's own client reads it, since the library never shows an item.
async fn item(
    State(store): State<Store>,
    User {
        handle, session, ..
    }: User,
) -> Result<Markup, AppError> {
    let get = store.client().get_item().table_name(store.table_name());
    let id = AttributeValue::S(handle.to_string());
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

async fn me(User { name, session, .. }: User) -> Json<Me> {
    Json(Me {
        user_id: name,
        cart: session.cart.clone(),
        theme: session.theme,
        visits: session.visits,
    })
}

/// Makes this the session of a user, under a new id, since an attacker may know the old one (session
/// fixation). One transaction changes the id and stores the user.
async fn login(mut session: Current, Form(form): Form<LoginForm>) -> Result<Redirect, AppError> {
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
    if let Some(profile) = form.profile.into() {
        session.profile = Some(profile);
    }
    CurrentSession::log_in(&mut session);
    // Save now, since only then the handler learns which sessions were evicted.
    CurrentSession::save(&mut session).await?;
    let stored = CurrentSession::stored(&session);
    let ended = stored.map_or_else(Vec::new, |stored| Session::evicted(stored).to_vec());
    session.ended.extend(ended);
    Ok(Redirect::to("/"))
}

/// Uses `update`, so that of two parallel requests neither undoes the other.
async fn add_to_cart(
    mut session: Current,
    Form(form): Form<CartForm>,
) -> Result<Redirect, AppError> {
    let item = String::from(form.item);
    let add = move |session: &mut AppSession| session.cart.push(item.clone());
    CurrentSession::update(&mut session, add).await?;
    Ok(Redirect::to("/"))
}

async fn set_theme(mut session: Current, Form(form): Form<ThemeForm>) -> Redirect {
    session.theme = form.theme;
    Redirect::to("/")
}

/// A session in the list of its user; the times are milliseconds since 1970.
#[derive(Serialize)]
struct Device {
    handle: SessionHandle,
    created_at: u128,
    touched_at: u128,
    expires_at: u128,
    /// Whether it is the session of this request.
    current: bool,
}

/// The live sessions of the user, newest first.
async fn devices(
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

async fn logout(session: EndSession<AppSession>) -> Redirect {
    session.end();
    Redirect::to("/")
}

async fn logout_others(
    State(store): State<Store>,
    User { name, handle, .. }: User,
) -> Result<Redirect, AppError> {
    let others = store.revoke(AppSession::USER_ID, &name);
    all_ended(others.except_handle(handle).await?)?;
    Ok(Redirect::to("/"))
}

/// Ends all sessions of the user, including this one.
///
/// It does not leave this session to [`logout`]: at this moment, a log-in in the same browser could have
/// given it a new id. The revocation finds that session, and a log-out does not.
async fn logout_everywhere(
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

/// Refuses the forms of other sites, which could log the visitor in as somebody else.
async fn from_this_site(request: Request, next: Next) -> Response {
    match same_origin::allows(&request) {
        true => next.run(request).await,
        false => AppError::CrossSite.into_response(),
    }
}

/// Tells the browser to cache no page, to load nothing from other sites, and to allow no frames.
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
