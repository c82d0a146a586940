//! The errors on the way to DynamoDB: each has a type, and says what to do.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use session_store::{DynamoDbStore, Error, ServiceError, SessionId, Touch};
use session_store_tests::{Fault, TestBench};

use crate::App;

fn service(error: Error) -> ServiceError {
    match error {
        Error::Service(error) => *error,
        error => panic!("{error:?}"),
    }
}

fn unknown_id() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

#[tokio::test]
async fn a_missing_table_is_named_with_the_fix() {
    let bench = TestBench::<App>::without_table().await;
    let mut errors = vec![
        bench.store.create(App::default()).await.unwrap_err(),
        bench.store.load(&unknown_id()).await.unwrap_err(),
        bench.store.delete(&unknown_id()).await.unwrap_err(),
        bench.store.revoke(App::USER_ID, "u-17").await.unwrap_err(),
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap_err(),
    ];
    let other = TestBench::<App>::new().await;
    let mut session = other.store.create(App::default()).await.unwrap();
    session.visits = 1;
    errors.push(bench.store.save(&mut session).await.unwrap_err());
    for error in errors {
        let error = service(error);
        assert_eq!(error.code(), Some("ResourceNotFoundException"));
        assert!(!error.is_retryable());
        let says = error.to_string();
        assert!(
            says.contains(bench.store.table_name()) && says.contains("`create_table`"),
            "{says}"
        );
    }
}

#[tokio::test]
async fn a_missing_index_is_named_with_the_fix() {
    let bench = TestBench::<App>::without_table().await;
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    bench
        .client
        .create_table()
        .table_name(bench.store.table_name())
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .send()
        .await
        .unwrap();
    bench.store.create(App::of("u-17")).await.unwrap();
    let error = service(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap_err(),
    );
    assert_eq!(error.operation(), "Query");
    assert!(
        error.to_string().contains("index") && error.to_string().contains("`create_table`"),
        "{error}"
    );
}

#[tokio::test]
async fn refused_credentials_and_permissions_are_explained() {
    let bench = TestBench::<App>::new().await;
    for (code, says) in [
        ("UnrecognizedClientException", "credentials"),
        ("InvalidSignatureException", "secret key"),
        ("ExpiredTokenException", "credentials"),
        ("AccessDeniedException", "`dynamodb:GetItem`"),
    ] {
        // The SDK asks again after an expired token, as often as the client allows.
        for _ in 0..3 {
            bench.wire.next("GetItem", Fault::Answer(400, code, "no"));
        }
        let error = service(bench.store.load(&unknown_id()).await.unwrap_err());
        assert_eq!(error.code(), Some(code));
        assert!(!error.is_retryable() && !error.is_throttled());
        assert!(error.to_string().contains(says), "{error}");
        bench.wire.clear();
    }
}

#[tokio::test]
async fn no_server_at_the_endpoint_is_a_retryable_error() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = DynamoDbStore::<App>::builder()
        .endpoint(address)
        .build()
        .await
        .unwrap();
    let config = store
        .client()
        .config()
        .to_builder()
        .retry_config(RetryConfig::disabled());
    let store = DynamoDbStore::<App>::builder()
        .client(Client::from_conf(config.build()))
        .build()
        .await
        .unwrap();

    let errors = [
        store.load(&unknown_id()).await.unwrap_err(),
        store.create(App::default()).await.unwrap_err(),
        store.delete(&unknown_id()).await.unwrap_err(),
        store.create_table().await.unwrap_err(),
    ];
    for error in errors {
        let error = service(error);
        assert!(error.is_retryable() && error.code().is_none());
        assert!(error.to_string().contains("endpoint"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn an_answer_of_another_server_is_not_retryable() {
    let bench = TestBench::<App>::new().await;
    for _ in 0..3 {
        bench
            .wire
            .next("GetItem", Fault::Answer(404, "", "not found"));
    }
    let error = service(bench.store.load(&unknown_id()).await.unwrap_err());
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn malformed_endpoints_are_refused() {
    for endpoint in [
        "",
        "localhost:8000",
        "not a url",
        "ftp://127.0.0.1",
        "http://",
    ] {
        let built = DynamoDbStore::<App>::builder()
            .endpoint(endpoint)
            .build()
            .await;
        match built {
            Err(Error::Setup(error)) => assert!(error.to_string().contains("http"), "{error}"),
            built => panic!("{endpoint}: {built:?}"),
        }
    }
}

#[tokio::test]
async fn a_touch_policy_that_makes_no_sense_is_refused() {
    let client = TestBench::<App>::new().await.client.clone();
    let built = |part| {
        let builder = DynamoDbStore::<App>::builder().client(client.clone());
        builder.touch(Touch::After(part)).build()
    };
    for part in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        match built(part).await {
            Err(Error::Setup(error)) => assert!(error.to_string().contains("from 0 to 1")),
            built => panic!("{part}: {built:?}"),
        }
    }
    for part in [0.0, 0.5, 1.0] {
        assert!(built(part).await.is_ok(), "{part}");
    }
}

/// A transaction of another client holds the item. The SDK does not retry this error by itself.
#[tokio::test]
async fn a_conflict_with_a_transaction_is_retried() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let conflict = || Fault::Answer(400, "TransactionConflictException", "in the way");
    bench.wire.next("UpdateItem", conflict());
    session.visits = 1;
    bench.store.save(&mut session).await.unwrap();
    bench.wire.next("DeleteItem", conflict());
    bench.store.delete(session.id()).await.unwrap();
    assert!(bench.items().await.is_empty());
}

/// Every error is written to logs, and works with `anyhow` and similar crates.
#[test]
fn the_error_type_is_small_send_and_sync() {
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_error::<Error>();
    assert!(size_of::<Error>() <= 16);
}
