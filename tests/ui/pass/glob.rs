//! Everything of session-store, beside the crates of the frameworks: no module of it has the name of a crate.

#![deny(warnings)]

use session_store::*;

fn is_live<S: SessionData>(
    _: &DynamoDbStore<S>,
    _: frameworks::axum::SessionCookie,
) -> axum::Router {
    axum::Router::new()
}

fn main() {
    let _: Option<tower_sessions::Session> = None;
    let _: Option<actix_session::Session> = None;
    let _: Option<aws_sdk_dynamodb::Client> = None;
    let _ = is_live::<App>;
}

#[derive(Clone, serde::Serialize, serde::Deserialize, SessionAttributes)]
struct App {
    visits: u64,
}
