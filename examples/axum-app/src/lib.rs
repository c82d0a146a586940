//! An example of session-store: log-in, a cart, a list of the user's devices, to name and to end them, and a page for
//! administrators.
//!
//! Start reading at [`AppSession`], the data that the app keeps for each visitor, and go on with the routes in [`app`].
//! Each page has a file, with its handlers and its text.

mod error;
mod form;
pub mod metrics;
mod pages;
mod password;
mod seen;
mod session;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use session_store::frameworks::axum::{SessionCookie, SessionLayer, SigningKey};
use session_store::{DynamoDbStore, Error};

use crate::error::AppError;
use crate::pages::{admin, devices, everywhere, home, item, log_in};

pub use crate::password::AdminPassword;
pub use crate::session::{AdminSession, AppSession, Role, Store, Theme};

/// The app on this store, without `/admin`.
pub fn app(store: Store) -> Router {
    with_rules(site(store, cookie(None)))
}

/// The app on this store, with `/admin`, whose sessions are in the same table.
///
/// # Errors
///
/// Those of [`build`](session_store::Builder::build).
pub async fn app_with_admin(store: Store, password: AdminPassword) -> Result<Router, Error> {
    app_with_signed_cookie(store, password, None).await
}

/// The same, with a key that signs the cookie of the visitors. A signed cookie carries the version of the visitor's last
/// write, without which no page is answered from the cache.
///
/// # Errors
///
/// Those of [`build`](session_store::Builder::build).
pub async fn app_with_signed_cookie(
    store: Store,
    password: AdminPassword,
    key: Option<SigningKey>,
) -> Result<Router, Error> {
    let admins = DynamoDbStore::<AdminSession>::builder()
        .client(store.client().clone())
        .table_name(store.table_name())
        .build()
        .await?;
    let admin = admin::routes(admins, store.clone(), password);
    Ok(with_rules(site(store, cookie(key)).merge(admin)))
}

/// A cookie for loopback, where this app is served without TLS.
fn cookie(key: Option<SigningKey>) -> SessionCookie {
    let cookie = SessionCookie::dev();
    match key {
        Some(key) => cookie.signed(key),
        None => cookie,
    }
}

fn site(store: Store, cookie: SessionCookie) -> Router {
    let sessions = SessionLayer::new(store.clone())
        .cookie(cookie)
        .on_error(|error, _| Some(error::store_failed(error)));
    Router::new()
        .route("/", get(home::home))
        .route("/page", get(home::page))
        .route("/item", get(item::item))
        .route("/me", get(home::me))
        .route("/login", post(log_in::login))
        .route("/cart", post(home::add_to_cart))
        .route("/theme", post(home::set_theme))
        .route("/devices", get(devices::devices))
        .route("/devices/{handle}/revoke", post(devices::revoke_device))
        .route("/devices/{handle}/rename", post(devices::rename_device))
        .route("/logout", post(log_in::logout))
        .route("/logout-others", post(devices::logout_others))
        .route("/logout-everywhere", post(everywhere::logout_everywhere))
        .route("/logout-everywhere/confirm", post(everywhere::confirm))
        .fallback(async || AppError::NotFound)
        .layer(sessions)
        .with_state(store)
}

/// What holds for all routes.
fn with_rules(routes: Router) -> Router {
    routes
        .layer(DefaultBodyLimit::max(form::MAX_BODY))
        .layer(middleware::from_fn(from_this_site))
        .layer(middleware::map_response(guarded))
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
