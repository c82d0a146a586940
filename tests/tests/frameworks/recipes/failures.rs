//! Failures that have status 200: gRPC and GraphQL.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, Extension, IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    orders: u64,
}

/// What the handler of GraphQL adds to a response that has `errors`.
#[derive(Clone)]
struct HasErrors;

/// This takes the place of the layer's own rule, so that it names the statuses, too.
fn is_failure(response: &Response) -> bool {
    let status = response.status();
    let grpc_status = response.headers().get("grpc-status");
    status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || grpc_status.is_some_and(|status| status != "0")
        || response.extensions().get::<HasErrors>().is_some()
}

async fn graphql(session: CurrentSession<Visitor>, query: String) -> Response {
    let answer = execute(session, &query).await;
    match answer.contains("\"errors\"") {
        true => (Extension(HasErrors), answer).into_response(),
        false => answer.into_response(),
    }
}

fn app(store: DynamoDbStore<Visitor>) -> Router {
    Router::new()
        .route("/graphql", post(graphql))
        .route("/grpc", post(grpc))
        .route("/status", post(status))
        .route("/logout", post(log_out_and_fail))
        .layer(SessionLayer::new(store).failed_if(is_failure))
}

/// A mutation that fails half-way.
async fn execute(mut session: CurrentSession<Visitor>, query: &str) -> &'static str {
    session.orders += 1;
    match query {
        "fail" => r#"{"data":null,"errors":[{"message":"out of tea"}]}"#,
        _ => r#"{"data":{"order":1}}"#,
    }
}

async fn grpc(mut session: CurrentSession<Visitor>, status: String) -> impl IntoResponse {
    session.orders += 1;
    AppendHeaders([("grpc-status", status)])
}

async fn status(mut session: CurrentSession<Visitor>, status: String) -> StatusCode {
    session.orders += 1;
    status.parse().unwrap()
}

async fn log_out_and_fail(session: EndSession<Visitor>) -> impl IntoResponse {
    session.end();
    Extension(HasErrors)
}

#[cfg(test)]
mod tests {
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    #[tokio::test]
    async fn a_failure_with_status_200_stores_nothing() {
        let cases = [
            ("/graphql", "order", true),
            ("/graphql", "fail", false),
            ("/grpc", "0", true),
            ("/grpc", "13", false),
            ("/status", "200", true),
            ("/status", "404", true),
            // The layer's own rule, which the predicate replaces.
            ("/status", "408", false),
            ("/status", "500", false),
        ];
        for (path, body, is_stored) in cases {
            let bench = TestBench::<Visitor>::new().await;
            let browser = Browser::new(&app(bench.store.clone()));
            browser.post(path, body).await;
            assert_eq!(bench.items().await.len() == 1, is_stored, "{path} {body}");
            assert_eq!(!browser.cookies().is_empty(), is_stored, "{path} {body}");
        }
    }

    #[tokio::test]
    async fn g17_a_log_out_is_carried_out_whatever_the_response_says() {
        let bench = TestBench::<Visitor>::new().await;
        let browser = Browser::new(&app(bench.store.clone()));
        browser.post("/graphql", "order").await;
        browser.post("/logout", "").await;
        assert!(bench.items().await.is_empty());
        assert!(browser.cookies().is_empty());
    }
}
