//! Many hosts that set up one table at once.

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use fastrand::Rng;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, Error, SessionAttributes};
use session_store_tests::control_plane::{REFUSALS, Refusal};
use session_store_tests::{Fault, TestBench, TestStore, Wire, endpoint};

use super::{Admin, Plain};
use crate::App;

const HOSTS: usize = 8;

/// Each of DynamoDB's refusals is that of another host, or passes.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_another_host_explains_is_no_error() {
    let mut failures = Vec::new();
    for refusal in REFUSALS {
        if refusal.operation == "UpdateTable" && endpoint().is_some() {
            println!("skipped: see the head of live_index.rs");
            continue;
        }
        if let Err(error) = refused_five_times(refusal).await {
            failures.push(format!("{refusal:?}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

async fn refused_five_times(refusal: Refusal) -> Result<(), Error> {
    // Without the index, or without a table.
    let (bench, store) = match refusal.operation {
        "UpdateTable" => {
            let bench = TestBench::<Plain>::new().await;
            let store = bench.other::<App>().await;
            (bench, store)
        }
        _ => {
            let bench = TestBench::<Plain>::without_table().await;
            let store = bench.other::<App>().await;
            (bench, store)
        }
    };
    for _ in 0..5 {
        bench.wire.next(refusal.operation, refusal.fault());
    }
    store.create_table().await?;
    store.verify_table().await
}

#[tokio::test(start_paused = true)]
async fn hosts_of_several_types_all_succeed_at_once_whatever_they_meet() {
    let seeds = std::env::var("SESSION_STORE_HOSTS");
    let seeds = seeds.map_or(40, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut rng = Rng::with_seed(seed);
        let engine = Embedded::memory().await.unwrap();
        let hosts: Vec<_> = (0..HOSTS)
            .map(|_| match rng.u8(..3) {
                0 => host::<App>(&engine, rng.fork()),
                1 => host::<Admin>(&engine, rng.fork()),
                _ => host::<Plain>(&engine, rng.fork()),
            })
            .collect();
        for (host, result) in join_all(hosts).await.into_iter().enumerate() {
            assert!(result.is_ok(), "host {host} of seed {seed}: {result:?}");
        }
    }
}

/// Creates the table under faults. The host then verifies it, and uses it.
fn host<S>(engine: &Embedded, mut rng: Rng) -> BoxFuture<'static, Result<(), Error>>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let (config, engine) = (engine.config(), SharedHttpClient::new(engine.clone()));
    Box::pin(async move {
        let host = TestStore::<S>::without_table(config, engine).await;
        let store = DynamoDbStore::<S>::builder().client(host.store.client().clone());
        let store = store.table_name("sessions").build().await?;
        for _ in 0..rng.u8(..8) {
            inject(&host.wire, &mut rng);
        }
        store.create_table().await?;
        host.wire.clear();
        store.verify_table().await?;
        store.create(S::default()).await.map(drop)
    })
}

/// A refusal up to five times in a row, which the SDK's own retries do not outlast, or a fault of the network.
fn inject(wire: &Wire, rng: &mut Rng) {
    let refusal = REFUSALS[rng.usize(..REFUSALS.len())];
    let operation = refusal.operation;
    match rng.u8(..12) {
        0 => wire.next(operation, Fault::LoseResponse),
        1 => wire.next(operation, Fault::Refuse),
        2 => wire.next(operation, Fault::Torn),
        3 => wire.next(operation, Fault::Answer(500, "InternalServerError", "")),
        4 => wire.next(operation, Fault::empty()),
        5 => wire.next(operation, Fault::delayed(Duration::from_secs(30))),
        _ => {
            for _ in 0..rng.u8(1..=5) {
                wire.next(operation, refusal.fault());
            }
        }
    }
}
