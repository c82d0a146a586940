//! G14. Cost is known: each operation sends its requests and no others, and they cost the capacity units of
//! AWS's rules.
//!
//! Write units: one for each KB of the larger of the old and the new item, and one for each entry that an
//! index gains or loses. Read units: one for each 4 KB, or half if the read is eventual. A part of a
//! transaction costs twice. An item here has less than 1 KB, unless the test says otherwise.

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes, Touch};
use session_store_tests::{TestBench, endpoint};

use crate::App;

async fn bench() -> TestBench<App> {
    let bench = TestBench::<App>::new().await;
    bench.wire.meter();
    bench
}

fn expect<S>(bench: &TestBench<S>, bill: &[(&str, f64)]) {
    let expected: Vec<_> = bill
        .iter()
        .map(|(op, units)| ((*op).to_owned(), *units))
        .collect();
    assert_eq!(bench.wire.bill(), expected);
}

/// DynamoDB Local 3.3.0 bills a transaction once, and AWS twice.
fn transaction(once: f64) -> f64 {
    if endpoint().is_some() {
        once
    } else {
        2.0 * once
    }
}

/// The same for two session items and a roster, or a session item and two rosters, of one unit each.
/// DynamoDB Local 3.3.0 bills two units for both cases.
fn three_parts() -> f64 {
    if endpoint().is_some() { 2.0 } else { 6.0 }
}

/// DynamoDB Local 3.3.0 bills nothing for an absent item in a batch, and AWS one unit.
fn absent_in_batch() -> f64 {
    if endpoint().is_some() { 0.0 } else { 1.0 }
}

/// DynamoDB Local 3.3.0 bills nothing for a query that finds nothing, and AWS half a unit.
fn nothing_found() -> f64 {
    if endpoint().is_some() { 0.0 } else { 0.5 }
}

fn user_and_tenant() -> App {
    App {
        tenant: Some(4),
        ..App::of("u-17")
    }
}

#[tokio::test]
async fn create() {
    let bench = bench().await;
    bench.store.create(App::default()).await.unwrap();
    expect(&bench, &[("PutItem", 1.0)]);
    bench.store.create(user_and_tenant()).await.unwrap();
    expect(&bench, &[("PutItem", 1.0 + 2.0)]);
    bench
        .store
        .create(App {
            theme: "x".repeat(3000),
            ..App::of("u-17")
        })
        .await
        .unwrap();
    expect(&bench, &[("PutItem", 4.0 + 1.0)]);
}

#[tokio::test]
async fn load() {
    let bench = bench().await;
    let small = bench.store.create(App::of("u-17")).await.unwrap();
    let large = bench
        .store
        .create(App {
            theme: "x".repeat(9000),
            ..App::default()
        })
        .await
        .unwrap();
    bench.wire.bill();
    bench.store.load(small.id()).await.unwrap();
    expect(&bench, &[("GetItem", 1.0)]);
    bench.store.load(large.id()).await.unwrap();
    expect(&bench, &[("GetItem", 3.0)]);
    bench.store.delete(small.id()).await.unwrap();
    bench.wire.bill();
    bench.store.load(small.id()).await.unwrap();
    expect(&bench, &[("GetItem", 1.0)]);
}

#[tokio::test]
async fn save() {
    let bench = bench().await;
    let mut session = bench.store.create(user_and_tenant()).await.unwrap();
    bench.wire.bill();
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[]);
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0)]);
    // An index is written only when its attribute changes: one entry is removed, and one is added.
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0 + 2.0)]);
    session.user_id = None;
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0 + 1.0)]);
    session.theme = "x".repeat(3000);
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 4.0)]);
    session.theme.clear();
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 4.0)]);
}

#[tokio::test]
async fn update() {
    let bench = bench().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.bill();
    bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await
        .unwrap();
    expect(&bench, &[("GetItem", 1.0), ("UpdateItem", 1.0)]);
    bench.store.update(session.id(), |_| ()).await.unwrap();
    expect(&bench, &[("GetItem", 1.0)]);
}

#[tokio::test]
async fn touch() {
    let bench = bench().await;
    let mut session = bench.store.create(user_and_tenant()).await.unwrap();
    bench.wire.bill();
    assert_eq!(Touch::default(), Touch::BySize);
    bench.store.touch(&mut session).await.unwrap();
    expect(&bench, &[]);
    bench.clock.advance(std::time::Duration::from_secs(3 * 60));
    bench.store.touch(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0)]);
}

#[tokio::test]
async fn cycle_id() {
    let bench = bench().await;
    let mut session = bench.store.create(App::default()).await.unwrap();
    bench.wire.bill();
    bench.store.cycle_id(&mut session).await.unwrap();
    expect(&bench, &[("TransactWriteItems", transaction(1.0 + 1.0))]);
    // The old and the new entry of each index are billed once.
    let mut session = bench.store.create(user_and_tenant()).await.unwrap();
    bench.wire.bill();
    bench.store.cycle_id(&mut session).await.unwrap();
    let entries = 2.0 + 2.0;
    expect(
        &bench,
        &[("TransactWriteItems", transaction(1.0 + 1.0) + entries)],
    );
}

#[tokio::test]
async fn delete() {
    let bench = bench().await;
    let session = bench.store.create(user_and_tenant()).await.unwrap();
    bench.wire.bill();
    bench.store.delete(session.id()).await.unwrap();
    expect(&bench, &[("DeleteItem", 1.0 + 2.0)]);
    bench.store.delete(session.id()).await.unwrap();
    expect(&bench, &[("DeleteItem", 1.0)]);
}

#[tokio::test]
async fn list_and_revoke() {
    let bench = bench().await;
    let mut sessions: Vec<Session<App>> = Vec::new();
    for _ in 0..3 {
        bench.clock.advance(std::time::Duration::from_millis(1));
        sessions.push(bench.store.create(App::of("u-17")).await.unwrap());
    }
    bench.wire.bill();
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        3
    );
    expect(&bench, &[("Query", 0.5), ("BatchGetItem", 3.0)]);
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "nobody")
            .count()
            .await
            .unwrap(),
        0
    );
    expect(&bench, &[("Query", nothing_found())]);
    let revoked = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .except(&sessions[0])
        .await
        .unwrap();
    assert_eq!(revoked.deleted(), 2);
    expect(
        &bench,
        &[("Query", 0.5), ("DeleteItem", 2.0), ("DeleteItem", 2.0)],
    );
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Exact {
    #[dynamo(attr = "user_id", index(consistent, limit = 30))]
    user_id: Option<String>,
    theme: String,
}

impl Exact {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            ..Self::default()
        }
    }
}

async fn exact() -> TestBench<Exact> {
    let bench = TestBench::<Exact>::new().await;
    bench.wire.meter();
    bench
}

#[tokio::test]
async fn create_and_delete_with_a_consistent_index() {
    let bench = exact().await;
    bench.store.create(Exact::default()).await.unwrap();
    expect(&bench, &[("PutItem", 1.0)]);
    // The first session of a value: it finds no roster, and then makes it. AWS bills a unit for a condition
    // that fails, but the response does not give its cost.
    let first = bench.store.create(Exact::of("u-17")).await.unwrap();
    expect(
        &bench,
        &[
            ("PutItem", 1.0),
            ("UpdateItem", 0.0),
            // The roster that an earlier program may have made.
            ("BatchGetItem", absent_in_batch()),
            ("UpdateItem", 1.0),
        ],
    );
    for _ in 0..16 {
        bench.store.create(Exact::of("u-17")).await.unwrap();
        expect(&bench, &[("PutItem", 1.0), ("UpdateItem", 1.0)]);
    }
    // With more than some 17 sessions, the roster has more than a KB.
    for _ in 0..6 {
        bench.store.create(Exact::of("u-17")).await.unwrap();
    }
    bench.wire.bill();
    bench.store.create(Exact::of("u-17")).await.unwrap();
    expect(&bench, &[("PutItem", 1.0), ("UpdateItem", 2.0)]);
    bench.store.load(first.id()).await.unwrap();
    expect(&bench, &[("GetItem", 1.0)]);
    bench.store.delete(first.id()).await.unwrap();
    expect(&bench, &[("DeleteItem", 1.0), ("UpdateItem", 2.0)]);
    bench.store.delete(first.id()).await.unwrap();
    expect(&bench, &[("DeleteItem", 1.0)]);
    // The roster goes with its last entry. AWS bills a unit for the condition that fails.
    let only = bench.store.create(Exact::of("u-18")).await.unwrap();
    bench.wire.bill();
    bench.store.delete(only.id()).await.unwrap();
    let delete = ("DeleteItem", 1.0);
    expect(&bench, &[delete, ("UpdateItem", 0.0), delete]);
}

#[tokio::test]
async fn save_and_cycle_id_with_a_consistent_index() {
    let bench = exact().await;
    let mut session = bench.store.create(Exact::default()).await.unwrap();
    bench.store.create(Exact::of("u-17")).await.unwrap();
    bench.store.create(Exact::of("u-18")).await.unwrap();
    bench.wire.bill();
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0)]);
    // The session and the roster that it enters; in the second case, also the roster that it leaves.
    session.user_id = Some("u-17".into());
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("TransactWriteItems", transaction(1.0 + 1.0))]);
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();
    expect(&bench, &[("TransactWriteItems", three_parts())]);
    // The old item, the new item and the roster.
    bench.store.cycle_id(&mut session).await.unwrap();
    expect(&bench, &[("TransactWriteItems", three_parts())]);
    bench.clock.advance(std::time::Duration::from_secs(4 * 60));
    bench.store.touch(&mut session).await.unwrap();
    expect(&bench, &[("UpdateItem", 1.0)]);
}

#[tokio::test]
async fn list_and_revoke_with_a_consistent_index() {
    let bench = exact().await;
    for _ in 0..3 {
        bench.store.create(Exact::of("u-17")).await.unwrap();
    }
    bench.wire.bill();
    let count = bench.store.sessions(Exact::USER_ID, "u-17").count();
    assert_eq!(count.await.unwrap(), 3);
    // The roster, and that of an earlier program.
    let rosters = ("BatchGetItem", 1.0 + absent_in_batch());
    expect(&bench, &[rosters, ("BatchGetItem", 3.0)]);
    let count = bench.store.sessions(Exact::USER_ID, "nobody").count();
    assert_eq!(count.await.unwrap(), 0);
    expect(&bench, &[("BatchGetItem", 2.0 * absent_in_batch())]);
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 3);
    let delete = ("DeleteItem", 1.0);
    expect(
        &bench,
        // The roster goes with its last entry.
        &[rosters, delete, delete, delete, ("UpdateItem", 1.0), delete],
    );
}
