//! A time-out around the session layer, or inside of it.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, Error, SessionAttributes};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    steps: u64,
}

/// A bound for each request, and the status of what is over it. tower-http's `TimeoutLayer` is the same.
#[derive(Clone, Copy)]
struct Bound(Duration, StatusCode);

async fn bounded(State(bound): State<Bound>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(bound.0, next.run(request)).await {
        Ok(response) => response,
        Err(_) => bound.1.into_response(),
    }
}

/// The time-out is outside: a handler that is cut off stores nothing.
fn outside(store: DynamoDbStore<Visitor>, bound: Bound) -> Router {
    routes()
        .layer(SessionLayer::new(store))
        .layer(from_fn_with_state(bound, bounded))
}

/// The time-out is inside, such as for some of the routes. A clone of the layer is inside of it: only what comes
/// back through that one is stored.
fn inside(store: DynamoDbStore<Visitor>, bound: Bound) -> Router {
    let sessions = SessionLayer::new(store);
    routes()
        .layer(sessions.clone())
        .layer(from_fn_with_state(bound, bounded))
        .layer(sessions)
}

/// The mistake: the outer layer sees a response, and does not know that the handler was cut off.
fn inside_alone(store: DynamoDbStore<Visitor>, bound: Bound) -> Router {
    routes()
        .layer(from_fn_with_state(bound, bounded))
        .layer(SessionLayer::new(store))
}

fn routes() -> Router {
    Router::new()
        .route("/quick", post(quick))
        .route("/slow", post(slow))
        .route("/saved", post(saved))
}

async fn quick(mut session: CurrentSession<Visitor>) {
    session.steps += 2;
}

/// Two steps that belong together.
async fn slow(mut session: CurrentSession<Visitor>) {
    session.steps += 1;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    session.steps += 1;
}

async fn saved(mut session: CurrentSession<Visitor>) -> Result<(), Error> {
    session.steps += 2;
    CurrentSession::save(&mut session).await?;
    session.steps += 1;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    const SOON: Duration = Duration::from_millis(300);

    type Make = fn(DynamoDbStore<Visitor>, Bound) -> Router;

    /// What is stored after this request, with a time-out of this status.
    async fn stored(make: Make, path: &str, status: StatusCode) -> Option<u64> {
        let bench = TestBench::<Visitor>::new().await;
        let browser = Browser::new(&make(bench.store.clone(), Bound(SOON, status)));
        let answer = browser.post(path, "").await.status;
        assert!(answer == status || path == "/quick", "{path}: {answer}");
        let items = bench.items().await;
        let data = items.first()?["data"].as_m().unwrap();
        Some(data["steps"].as_n().unwrap().parse().unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_is_cut_off_stores_nothing() {
        let statuses = [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::GATEWAY_TIMEOUT,
            // A page that says to try again later.
            StatusCode::OK,
        ];
        for status in statuses {
            for make in [outside as Make, inside] {
                assert_eq!(stored(make, "/slow", status).await, None, "{status}");
                assert_eq!(stored(make, "/quick", status).await, Some(2));
            }
        }
    }

    #[tokio::test]
    async fn what_a_handler_has_saved_before_it_is_cut_off_stays() {
        for make in [outside as Make, inside] {
            let stored = stored(make, "/saved", StatusCode::REQUEST_TIMEOUT).await;
            assert_eq!(stored, Some(2));
        }
    }

    /// What the recipe is against.
    #[tokio::test]
    async fn without_the_clone_inside_half_of_the_steps_can_be_stored() {
        assert_eq!(stored(inside_alone, "/slow", StatusCode::OK).await, Some(1));
        // These two the layer knows by their status.
        for status in [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT] {
            assert_eq!(
                stored(inside_alone, "/slow", status).await,
                None,
                "{status}"
            );
        }
    }
}
