//! The comparison is of the same requests.

use aws_sdk_dynamodb::config::SharedHttpClient;
use serde_json::Value;
use session_store::embedded::Embedded;
use session_store::test_util::Wire;

use super::*;

#[tokio::test]
async fn the_sdk_alone_sends_the_requests_of_the_store() {
    let embedded = Embedded::memory().await.unwrap();
    let wire = Wire::new(SharedHttpClient::new(embedded.clone()));
    let lab = Lab::on(embedded.config().http_client(wire.clone())).await;
    for (name, operation) in OPERATIONS {
        let mut sent = Vec::new();
        for by in [By::Store, By::Sdk] {
            let work = lab.prepare(operation, by, 1).await.unwrap();
            wire.clear();
            work.await;
            let calls = wire.calls().into_iter();
            let calls = calls.map(|call| (call.operation, shape(call.input)));
            sent.push(calls.collect::<Vec<_>>());
        }
        assert_eq!(sent[0], sent[1], "{name}");
    }
}

/// A request without its values.
fn shape(input: Value) -> Value {
    match input {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| match name.as_str() {
                "S" | "N" | "B" | "ClientRequestToken" => (name, Value::Null),
                _ => (name, shape(value)),
            })
            .collect(),
        Value::Array(values) => values.into_iter().map(shape).collect(),
        value => value,
    }
}
