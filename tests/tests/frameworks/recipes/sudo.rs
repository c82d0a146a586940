//! The password once more, before an act that matters: sudo mode.

use std::time::Duration;

use axum::Form;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, RequiredSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Account {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
}

const SUDO: Duration = Duration::from_secs(600);

/// The session of a user who has logged in or entered the password a moment ago. Others are asked for it.
struct Sudo(CurrentSession<Account>);

impl<State: Send + Sync> FromRequestParts<State> for Sudo {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let session = RequiredSession::<Account>::from_request_parts(parts, state).await;
        let RequiredSession(session) = session.map_err(|rejection| rejection.into_response())?;
        match CurrentSession::is_fresh(&session, SUDO) {
            true => Ok(Self(session)),
            false => Err(Redirect::to("/confirm").into_response()),
        }
    }
}

async fn confirm(
    RequiredSession(mut session): RequiredSession<Account>,
    Form(form): Form<Password>,
) -> Result<Redirect, StatusCode> {
    // A guest has a session as well.
    let user_id = session.user_id.as_deref();
    let user_id = user_id.ok_or(StatusCode::UNAUTHORIZED)?;
    if !is_password_of(user_id, &form.password) {
        return Err(StatusCode::FORBIDDEN);
    }
    CurrentSession::reauthenticated(&mut session); // with a new id
    Ok(Redirect::to("/"))
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

fn is_password_of(user_id: &str, password: &str) -> bool {
    password == format!("{user_id}-password")
}

async fn log_in(mut session: CurrentSession<Account>, user_id: String) {
    session.user_id = (!user_id.is_empty()).then_some(user_id);
    CurrentSession::log_in(&mut session);
}

async fn transfer(Sudo(session): Sudo) -> String {
    format!("from {}", session.user_id.as_deref().unwrap_or_default())
}

fn app(store: DynamoDbStore<Account>) -> Router {
    Router::new()
        .route("/confirm", post(confirm))
        .route("/transfer", post(transfer))
        .route("/login", post(log_in))
        .layer(SessionLayer::new(store))
}

#[cfg(test)]
mod tests {
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    /// A browser whose user `ann` has logged in.
    async fn shop() -> (TestBench<Account>, Browser) {
        let bench = TestBench::<Account>::new().await;
        let browser = Browser::new(&app(bench.store.clone()));
        browser.post("/login", "ann").await;
        (bench, browser)
    }

    async fn confirm(browser: &Browser, user_id: &str) -> StatusCode {
        let form = format!("password={user_id}-password");
        browser.post("/confirm", &form).await.status
    }

    async fn may_transfer(browser: &Browser) -> bool {
        let answer = browser.post("/transfer", "").await;
        assert!(answer.status == StatusCode::OK || answer.status == StatusCode::SEE_OTHER);
        answer.status == StatusCode::OK
    }

    #[tokio::test]
    async fn a_log_in_and_a_password_count_for_ten_minutes_each() {
        let (bench, browser) = shop().await;
        let before = browser.copy();
        for is_confirmed in [false, true] {
            if is_confirmed {
                assert_eq!(confirm(&browser, "bob").await, StatusCode::FORBIDDEN);
                assert!(!may_transfer(&browser).await);
                assert_eq!(confirm(&browser, "ann").await, StatusCode::SEE_OTHER);
            }
            bench.clock.advance(Duration::from_millis(599_999));
            // It is used, which makes it no younger.
            assert!(may_transfer(&browser).await);
            bench.clock.advance(Duration::from_millis(1));
            assert!(!may_transfer(&browser).await);
        }
        // The id of before the password has nothing.
        let refused = before.post("/transfer", "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_guest_with_a_session_is_asked_and_cannot_confirm() {
        let bench = TestBench::<Account>::new().await;
        let guest = Browser::new(&app(bench.store.clone()));
        guest.post("/login", "").await;
        assert_eq!(bench.items().await.len(), 1);
        assert!(!may_transfer(&guest).await);
        assert_eq!(confirm(&guest, "").await, StatusCode::UNAUTHORIZED);
        assert!(!may_transfer(&guest).await);
    }
}
