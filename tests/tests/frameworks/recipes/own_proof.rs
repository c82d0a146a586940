//! The password once more, before an act that matters: sudo mode.

use std::time::{Duration, SystemTime};

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
    confirmed: Option<Confirmed>,
}

/// A user has entered the password. The proof names the user, so that it is none for anybody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Confirmed {
    user_id: String,
    at: SystemTime,
}

const CONFIRMED_FOR: Duration = Duration::from_secs(600);

fn is_confirmed(account: &Account, now: SystemTime) -> bool {
    let (Some(user_id), Some(confirmed)) = (&account.user_id, &account.confirmed) else {
        return false;
    };
    // A moment in the future is one of a host whose clock is ahead.
    let age = now.duration_since(confirmed.at).unwrap_or_default();
    confirmed.user_id == *user_id && age < CONFIRMED_FOR
}

/// The session of a user who has entered the password a moment ago. Others are asked for it.
struct Sudo(CurrentSession<Account>);

impl<State: Send + Sync> FromRequestParts<State> for Sudo {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let session = RequiredSession::<Account>::from_request_parts(parts, state).await;
        let RequiredSession(session) = session.map_err(|rejection| rejection.into_response())?;
        let now = CurrentSession::store(&session).now();
        match is_confirmed(&session, now) {
            true => Ok(Self(session)),
            false => Err(Redirect::to("/confirm").into_response()),
        }
    }
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

async fn confirm(
    RequiredSession(mut session): RequiredSession<Account>,
    Form(form): Form<Password>,
) -> Result<Redirect, StatusCode> {
    let user_id = session.user_id.clone();
    let user_id = user_id.ok_or(StatusCode::UNAUTHORIZED)?;
    if !is_password_of(&user_id, &form.password) {
        return Err(StatusCode::FORBIDDEN);
    }
    let at = CurrentSession::store(&session).now();
    session.confirmed = Some(Confirmed { user_id, at });
    // The session can do more from now on, so an older id of it must not.
    CurrentSession::cycle_id(&mut session);
    Ok(Redirect::to("/"))
}

async fn log_in(mut session: CurrentSession<Account>, user_id: String) {
    session.user_id = Some(user_id);
    // Also for the same user: this log-in may have needed no password.
    session.confirmed = None;
    CurrentSession::log_in(&mut session);
}

fn is_password_of(user_id: &str, password: &str) -> bool {
    password == format!("{user_id}-password")
}

async fn transfer(Sudo(session): Sudo) -> String {
    format!("from {}", session.user_id.as_deref().unwrap_or_default())
}

/// The mistake of a colleague: the customer's name, and nothing else.
async fn act_as(mut session: CurrentSession<Account>, user_id: String) {
    session.user_id = Some(user_id);
}

fn app(store: DynamoDbStore<Account>) -> Router {
    Router::new()
        .route("/confirm", post(confirm))
        .route("/transfer", post(transfer))
        .route("/login", post(log_in))
        .route("/act-as", post(act_as))
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
    async fn a_password_counts_for_ten_minutes_of_the_stores_clock() {
        let (bench, browser) = shop().await;
        assert!(!may_transfer(&browser).await);
        assert_eq!(confirm(&browser, "bob").await, StatusCode::FORBIDDEN);
        assert!(!may_transfer(&browser).await);
        assert_eq!(confirm(&browser, "ann").await, StatusCode::SEE_OTHER);
        assert!(may_transfer(&browser).await);
        bench.clock.advance(Duration::from_millis(599_999));
        // It is used, which makes it no younger.
        assert!(may_transfer(&browser).await);
        bench.clock.advance(Duration::from_millis(1));
        assert!(!may_transfer(&browser).await);
    }

    #[tokio::test]
    async fn the_proof_does_not_go_along_to_another_user() {
        for path in ["/act-as", "/login"] {
            let (_bench, browser) = shop().await;
            confirm(&browser, "ann").await;
            assert!(may_transfer(&browser).await);
            browser.post(path, "bob").await;
            assert!(!may_transfer(&browser).await, "{path}");
        }
    }

    #[tokio::test]
    async fn a_log_in_of_the_same_user_takes_the_proof_away() {
        let (_bench, browser) = shop().await;
        confirm(&browser, "ann").await;
        browser.post("/login", "ann").await;
        assert!(!may_transfer(&browser).await);
    }

    #[tokio::test]
    async fn an_older_id_of_the_session_has_no_proof() {
        let (_bench, browser) = shop().await;
        let attacker = browser.copy();
        confirm(&browser, "ann").await;
        let refused = attacker.post("/transfer", "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_visitor_without_a_session_is_asked_to_log_in() {
        let (bench, _) = shop().await;
        let stranger = Browser::new(&app(bench.store.clone()));
        for path in ["/transfer", "/confirm"] {
            let refused = stranger.post(path, "password=x").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        }
    }
}
