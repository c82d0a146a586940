//! How long a client that this crate builds waits for a server that does not answer.

use std::time::Duration;

use session_store::{DynamoDbStore, Error};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::App;

/// Accepts every connection and never answers.
async fn silent() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accept = async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    };
    (url, tokio::spawn(accept))
}

/// Time advances as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn a_request_ends_within_the_time_that_a_visitor_waits() {
    let (url, server) = silent().await;
    let store = DynamoDbStore::<App>::builder().endpoint(url).build();
    let store = store.await.unwrap();

    let begun = Instant::now();
    let id = session_store::SessionId::parse(&"A".repeat(43)).unwrap();
    let Err(Error::Service(error)) = store.load(&id).await else {
        panic!("the server does not answer");
    };
    assert!(error.is_timeout() && error.is_retryable());
    assert!((Duration::from_secs(4)..=Duration::from_secs(5)).contains(&begun.elapsed()));

    // A put is sent once under each id, and an item that it may have left is deleted before the next put.
    let begun = Instant::now();
    let Err(Error::Service(error)) = store.create(App::default()).await else {
        panic!("the server does not answer");
    };
    assert!(error.outcome_unknown());
    assert!(begun.elapsed() <= Duration::from_secs(8));
    server.abort();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_known_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = DynamoDbStore::<App>::builder().endpoint(url).build();
    let store = store.await.unwrap();
    let id = session_store::SessionId::parse(&"A".repeat(43)).unwrap();
    let Err(Error::Service(error)) = store.load(&id).await else {
        panic!("there is no server");
    };
    assert!(error.is_retryable());
}

/// The store does not change a client that it is given.
#[tokio::test]
async fn a_given_client_keeps_its_settings() {
    let config = session_store_tests::on_loopback("http://127.0.0.1:1");
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    let before = format!(
        "{:?} {:?}",
        client.config().timeout_config(),
        client.config().retry_config()
    );
    let store = DynamoDbStore::<App>::builder()
        .client(client)
        .build()
        .await
        .unwrap();
    let config = store.client().config();
    assert_eq!(
        format!("{:?} {:?}", config.timeout_config(), config.retry_config()),
        before
    );
}
