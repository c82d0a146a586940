//! An API beside the site, on the same routes.

use axum::extract::{FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{
    CurrentSession, EndSession, RequiredSession, SessionCookie, SessionLayer, SharedSession, Via,
};
use session_store::{DynamoDbStore, Error, SessionAttributes};

use super::csrf::is_forged;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Account {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    orders: u64,
}

fn app(store: DynamoDbStore<Account>) -> Router {
    let sessions = SessionLayer::new(store).cookie_or_bearer(SessionCookie::new());
    Router::new()
        .route("/order", post(order))
        .route("/account", get(account))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(from_fn(forms_of_this_origin))
        .route("/api/login", post(log_in_client))
        .layer(sessions.challenge("shop"))
}

/// A forged request has cookies, which its browser adds, and never the header `Authorization: Bearer`: a page of
/// another origin can add that only if CORS lets it, and only if it has the id.
async fn forms_of_this_origin(request: Request, next: Next) -> Result<Response, Error> {
    if !is_forged(&request) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let session = match SharedSession::<Account>::from_request_parts(&mut parts, &()).await {
        Ok(session) => session,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    // Also if the id in the header is none: the cookies do not count then.
    match session.with(|session| CurrentSession::via(session)).await? {
        Some(Via::Bearer) => Ok(next.run(Request::from_parts(parts, body)).await),
        _ => Ok(StatusCode::FORBIDDEN.into_response()),
    }
}

#[derive(Serialize, Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

/// The log-in of an API client, which gets its id in the header `Session-Id`.
async fn log_in_client(
    mut session: CurrentSession<Account>,
    Json(credentials): Json<Credentials>,
) -> Result<(), StatusCode> {
    if CurrentSession::via(&session) == Some(Via::Cookie) {
        // A page of this site, or a forged request: its visitor's session must not get another id.
        return Err(StatusCode::CONFLICT);
    }
    if !is_password_of(&credentials) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    session.user_id = Some(credentials.user);
    CurrentSession::log_in(&mut session);
    CurrentSession::respond_via(&mut session, Via::Bearer);
    Ok(())
}

fn is_password_of(credentials: &Credentials) -> bool {
    credentials.password == format!("{}-password", credentials.user)
}

async fn log_in(mut session: CurrentSession<Account>) {
    session.user_id = Some("ann".into());
    CurrentSession::log_in(&mut session);
}

async fn log_out(session: EndSession<Account>) {
    session.end();
}

async fn order(RequiredSession(mut session): RequiredSession<Account>) -> String {
    session.orders += 1;
    session.orders.to_string()
}

async fn account(RequiredSession(session): RequiredSession<Account>) -> String {
    let via = CurrentSession::via(&session);
    format!("{} {via:?}", session.user_id.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE, WWW_AUTHENTICATE};
    use axum::http::{HeaderMap, Request, request};
    use session_store_tests::TestBench;
    use tower::ServiceExt as _;

    use super::super::client::Browser;
    use super::*;

    async fn shop() -> (TestBench<Account>, Router) {
        let bench = TestBench::<Account>::new().await;
        let app = app(bench.store.clone());
        (bench, app)
    }

    async fn log_in_client(app: &Router, request: request::Builder) -> (StatusCode, HeaderMap) {
        let credentials = Credentials {
            user: "bob".into(),
            password: "bob-password".into(),
        };
        let body = Body::from(serde_json::to_vec(&credentials).unwrap());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response = app.clone().oneshot(request.unwrap()).await.unwrap();
        (response.status(), response.headers().clone())
    }

    /// The header of a client of `bob`.
    async fn bearer(app: &Router) -> String {
        let (status, headers) = log_in_client(app, Request::post("/api/login")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!headers.contains_key(SET_COOKIE), "{headers:?}");
        format!("Bearer {}", headers["session-id"].to_str().unwrap())
    }

    #[tokio::test]
    async fn a_browser_has_a_cookie_and_a_client_has_a_header() {
        let (_bench, app) = shop().await;
        let browser = Browser::new(&app);
        let answer = browser.post("/login", "").await;
        assert!(!answer.headers.contains_key("session-id"));
        assert_eq!(browser.get("/account").await.text, "ann Some(Cookie)");
        let bearer = bearer(&app).await;
        let with_header = || Request::get("/account").header(AUTHORIZATION, &bearer);
        let client = Browser::new(&app);
        let answer = client.send(with_header(), "").await;
        assert_eq!(answer.text, "bob Some(Bearer)");
        // If both come, the header counts.
        let answer = browser.send(with_header(), "").await;
        assert_eq!(answer.text, "bob Some(Bearer)");
        assert!(!answer.headers.contains_key(SET_COOKIE));
    }

    #[tokio::test]
    async fn a_forged_form_is_refused_for_cookies_and_not_for_the_header() {
        let (_bench, app) = shop().await;
        let browser = Browser::new(&app);
        browser.post("/login", "").await;
        let bearer = bearer(&app).await;
        let forged = || Request::post("/order").header("sec-fetch-site", "cross-site");
        assert_eq!(
            browser.send(forged(), "").await.status,
            StatusCode::FORBIDDEN
        );
        // A browser adds `Basic` by itself, so that it is no proof.
        for other in ["Basic YW5uOmFubg==", "bearerx", ""] {
            let request = forged().header(AUTHORIZATION, other);
            let status = browser.send(request, "").await.status;
            assert_eq!(status, StatusCode::FORBIDDEN, "{other}");
        }
        let request = forged().header(AUTHORIZATION, &bearer);
        assert_eq!(browser.send(request, "").await.text, "1");
        // A header without a session does not lead to the one in the cookie.
        let request = forged().header(AUTHORIZATION, "Bearer made-up");
        let answer = browser.send(request, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer realm=\"shop\"");
    }

    #[tokio::test]
    async fn a_log_in_by_the_api_leaves_the_session_of_the_site() {
        let (_bench, app) = shop().await;
        let browser = Browser::new(&app);
        browser.post("/login", "").await;
        let forged = Request::post("/api/login").header(COOKIE, browser.cookies());
        let (status, headers) = log_in_client(&app, forged).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(!headers.contains_key("session-id"));
        assert_eq!(browser.get("/account").await.text, "ann Some(Cookie)");
    }

    #[tokio::test]
    async fn g17_a_log_out_ends_the_session_of_the_header_and_not_of_the_cookie() {
        let (_bench, app) = shop().await;
        let browser = Browser::new(&app);
        browser.post("/login", "").await;
        let bearer = bearer(&app).await;
        let log_out = Request::post("/logout").header(AUTHORIZATION, &bearer);
        assert_eq!(browser.send(log_out, "").await.status, StatusCode::OK);
        assert_eq!(browser.get("/account").await.text, "ann Some(Cookie)");
        let request = Request::get("/account").header(AUTHORIZATION, &bearer);
        let answer = browser.send(request, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}
