//! Which engine and which table a store is built for.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_dynamodb::Client;
use session_store::test_util::TestStore;
use session_store::{DynamoDbStore, Error, SessionId};
use session_store_tests::{Fault, TestBench};

use crate::App;

/// The text of one request, which is answered with `{}`, and the port at which it is expected on all addresses.
fn one_request() -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut bytes = [0; 8192];
        let length = connection.read(&mut bytes).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        connection.write_all(answer).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    (port, request)
}

/// As the name of a container is: not loopback, and without TLS.
#[tokio::test]
async fn local_credentials_work_at_any_address() {
    let (port, request) = one_request();
    let url = format!("http://0.0.0.0:{port}");
    let builder = DynamoDbStore::<App>::builder().endpoint(url);
    let store = builder.local_credentials().build().await.unwrap();
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    assert!(store.load(&id).await.unwrap().is_none());
    let request = request.join().unwrap().to_lowercase();
    assert!(request.contains("credential=local/"), "{request}");
    assert!(request.contains("/us-east-1/dynamodb/"), "{request}");

    let config = store.client().config();
    assert_eq!(config.region().map(AsRef::as_ref), Some("us-east-1"));
    let with_name = DynamoDbStore::<App>::builder().endpoint("http://dynamodb:8000");
    with_name.local_credentials().build().await.unwrap();
}

#[tokio::test]
async fn local_credentials_are_not_for_tls() {
    let builder = DynamoDbStore::<App>::builder().endpoint("https://dynamodb:8000");
    match builder.local_credentials().build().await {
        Err(Error::Setup(error)) => {
            assert!(error.to_string().contains("`local_credentials`"), "{error}");
        }
        built => panic!("{built:?}"),
    }
}

/// The store of a test at an address that is not loopback.
#[tokio::test]
async fn a_test_store_takes_local_credentials_at_any_address() {
    let (port, request) = one_request();
    let at =
        tokio::spawn(async move { TestStore::<App>::at(&format!("http://0.0.0.0:{port}")).await });
    let request = tokio::task::spawn_blocking(|| request.join().unwrap()).await;
    at.abort();
    assert!(request.unwrap().contains("Credential=local/"));
}

#[tokio::test]
async fn a_name_that_the_derive_would_refuse_is_refused() {
    let client = TestBench::<App>::new().await.client.clone();
    for name in ["", "  ", "ab", "app sessions", "sessions\n", "größe", "a/b"] {
        let builder = DynamoDbStore::<App>::builder().client(client.clone());
        match builder.table_name(name).build().await {
            Err(Error::Setup(error)) => {
                let text = error.to_string();
                assert!(
                    text.contains(&format!("`{name}`")) && text.contains("3 to 255"),
                    "{text}"
                );
            }
            built => panic!("{name}: {built:?}"),
        }
    }
}

/// It would be the current folder.
#[tokio::test]
async fn an_empty_path_is_refused() {
    let built = DynamoDbStore::<App>::builder()
        .embedded_at("")
        .build()
        .await;
    assert!(matches!(built, Err(Error::Setup(_))), "{built:?}");
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("there are none")))
    }
}

/// Without credentials nothing is sent, whatever the endpoint is.
#[tokio::test]
async fn a_client_without_credentials_is_told_so() {
    let config = session_store_tests::on_loopback("http://127.0.0.1:1");
    let config = config.credentials_provider(NoCredentials).build();
    let builder = DynamoDbStore::<App>::builder().client(Client::from_conf(config));
    let store = builder.build().await.unwrap();
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    let Error::Service(error) = store.load(&id).await.unwrap_err() else {
        panic!("the client has no credentials");
    };
    let text = error.to_string();
    assert!(
        text.contains("no credentials") && !text.contains("endpoint"),
        "{text}"
    );
    assert!(!error.is_retryable() && !error.outcome_unknown());
}

const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/sessions";

/// A store whose table is named by an ARN, on an engine that knows the table by its name.
#[tokio::test]
async fn the_arn_of_a_table_is_a_name() {
    let bench = TestBench::<App>::new().await;
    let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
    let store = builder.table_name(ARN).build().await.unwrap();
    assert_eq!(store.table_name(), ARN);

    // It is there, so that `CreateTable`, which is not for ARNs on every engine, is not sent.
    let described = bench
        .client
        .describe_table()
        .table_name(bench.store.table_name());
    assert!(described.send().await.is_ok());
    bench.wire.clear();
    let there =
        serde_json::json!({ "Table": { "TableName": "sessions", "TableStatus": "ACTIVE" } });
    bench.wire.next("DescribeTable", Fault::Body(200, there));
    let created = store.create_table().await;
    assert!(
        matches!(created, Err(Error::Setup(_))),
        "it has no keys: {created:?}"
    );
    assert_eq!(bench.wire.operations(), ["DescribeTable"]);
    assert_eq!(bench.wire.calls()[0].input["TableName"], ARN);

    bench.wire.clear();
    let missing = || Fault::Answer(400, "ResourceNotFoundException", "not found");
    bench.wire.next("DescribeTable", missing());
    bench.wire.next(
        "CreateTable",
        Fault::Answer(400, "ValidationException", "not an ARN"),
    );
    let error = store.create_table().await.unwrap_err().to_string();
    assert!(error.contains("not an ARN"), "{error}");
    assert_eq!(bench.wire.operations(), ["DescribeTable", "CreateTable"]);
}
