use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};

// What the layer and the extractor for axum need of a session type; axum's own macro for handlers
// brings it to light.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct NotDerived {
    visits: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
struct NoDefault {
    visits: u64,
}

#[derive(Debug, Default, Serialize, Deserialize, SessionAttributes)]
struct NoClone {
    visits: u64,
}

#[derive(Clone, Debug, Default, SessionAttributes)]
struct NoSerde {
    visits: u64,
}

#[axum::debug_handler]
async fn not_derived(_: CurrentSession<NotDerived>) {}

#[axum::debug_handler]
async fn no_default(_: CurrentSession<NoDefault>) {}

#[axum::debug_handler]
async fn no_clone(_: CurrentSession<NoClone>) {}

#[axum::debug_handler]
async fn no_serde(_: CurrentSession<NoSerde>) {}

async fn end(mut session: CurrentSession<NoDefault>) {
    CurrentSession::end(&mut session);
}

fn without_debug_handler() -> Router {
    Router::new().route("/", get(end))
}

fn layer(store: DynamoDbStore<NoDefault>) -> Router {
    Router::new().layer(SessionLayer::new(store))
}

fn main() {}
