//! The effect of the settings of a client: the time of a load when the server is not there, does not
//! answer, or refuses the first request; and how many connections bursts of loads open.
//!
//! Prints the tables in docs/performance.md.

mod server;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes, SessionId};
use session_store_tests::on_loopback;
use tokio::time::Instant;

use self::server::{Manner, Server};

#[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
struct App {
    visits: u64,
}

type Store = DynamoDbStore<App>;

/// No visitor waits longer, here or in front of a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client with the SDK's default settings.
async fn as_the_sdk_is(url: &str, pool: Option<usize>) -> Store {
    let mut http = aws_smithy_http_client::Builder::new();
    http.set_pool_max_idle_per_host(pool);
    let config = on_loopback(url).http_client(http.build_http()).build();
    let builder = Store::builder().client(Client::from_conf(config));
    builder
        .build()
        .await
        .expect("a client that is ready is enough")
}

async fn ours(url: &str) -> Store {
    let store = Store::builder().endpoint(url).build().await;
    store.expect("an endpoint on loopback is enough")
}

fn id() -> SessionId {
    SessionId::parse(&"A".repeat(43)).expect("the form of an id")
}

/// The mean time of `times` loads, and whether all got a response.
async fn time(store: &Store, times: u32) -> String {
    let begun = Instant::now();
    let mut answered = true;
    for _ in 0..times {
        match tokio::time::timeout(PATIENCE, store.load(&id())).await {
            Ok(loaded) => answered = loaded.is_ok(),
            Err(_) => return format!("none in {} s", PATIENCE.as_secs()),
        }
    }
    let mean = begun.elapsed() / times;
    let outcome = if answered { "" } else { " to an error" };
    match mean.as_millis() {
        0..100 => format!("{:.1} ms{outcome}", mean.as_secs_f64() * 1e3),
        _ => format!("{:.2} s{outcome}", mean.as_secs_f64()),
    }
}

#[tokio::main]
async fn main() {
    println!("| a load, when the server | settings of the SDK | ours |");
    println!("|---|---|---|");
    for (what, manner, times) in [
        ("answers", Manner::Answer, 200),
        ("is not there", Manner::Absent, 5),
        ("accepts the connection and is silent", Manner::Silent, 1),
        ("fails the first time", Manner::FailFirst, 40),
        ("throttles the first time", Manner::ThrottleFirst, 40),
    ] {
        let server = Server::start(manner).await;
        let theirs = time(&as_the_sdk_is(server.url(), None).await, times).await;
        let server = Server::start(manner).await;
        let ours = time(&ours(server.url()).await, times).await;
        println!("| {what} | {theirs} | {ours} |");
    }

    println!();
    println!(
        "| idle connections kept | connections that 10 bursts of 200 loads opened | time of the last burst |"
    );
    println!("|---|---|---|");
    for (what, pool) in [
        ("no limit, the SDK's default", None),
        ("64", Some(64)),
        ("16", Some(16)),
    ] {
        let server = Server::start(Manner::Answer).await;
        let store = as_the_sdk_is(server.url(), pool).await;
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            let id = id();
            for loaded in join_all((0..200).map(|_| store.load(&id))).await {
                loaded.expect("the server answers");
            }
            last = begun.elapsed();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        println!(
            "| {what} | {} | {:.1} ms |",
            server.connections(),
            last.as_secs_f64() * 1e3
        );
    }
}
