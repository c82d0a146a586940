//! A stale read that misses a session, behind the frameworks: the session is not taken for absent.

use std::time::Duration;

use actix_session::storage::{SessionKey, SessionStore as _};
use serde_json::json;
use session_store::frameworks::actix_session::ActixSessions;
use session_store::frameworks::tower_sessions::TowerSessions;
use session_store::{DynamoDbStore, ReadConsistency, SessionAttributes};
use session_store_tests::{Fault, TestBench};
use tower_sessions_core::SessionStore as _;
use tower_sessions_core::session::Id;

#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct App {
    theme: String,
}

async fn eventual(bench: &TestBench<App>) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let builder = builder.read_consistency(ReadConsistency::Eventual);
    builder.build().await.unwrap()
}

/// Which reads of the bench were consistent.
fn reads(bench: &TestBench<App>) -> Vec<bool> {
    let calls = bench.wire.calls();
    let reads = calls
        .iter()
        .map(|call| call.input["ConsistentRead"] == true);
    let reads = reads.collect();
    bench.wire.clear();
    reads
}

fn miss(bench: &TestBench<App>) {
    bench.wire.clear();
    bench.wire.next("GetItem", Fault::Body(200, json!({})));
}

#[tokio::test]
async fn g10_tower_sessions_asks_again_for_what_a_stale_read_misses() {
    let bench = TestBench::<App>::new().await;
    let sessions = TowerSessions::new(eventual(&bench).await);
    let mut record = tower_sessions_core::session::Record {
        id: Id::default(),
        data: [("theme".to_owned(), json!("dark"))].into(),
        expiry_date: (bench.store.now() + Duration::from_secs(60)).into(),
    };
    sessions.create(&mut record).await.unwrap();
    miss(&bench);
    let loaded = sessions.load(&record.id).await.unwrap().unwrap();
    assert_eq!(loaded.data["theme"], "dark");
    assert_eq!(reads(&bench), [false, true]);
    // One that is found costs one read, and one that is not there two.
    sessions.load(&record.id).await.unwrap().unwrap();
    assert_eq!(reads(&bench), [false]);
    assert!(sessions.load(&Id::default()).await.unwrap().is_none());
    assert_eq!(reads(&bench), [false, true]);
}

#[tokio::test]
async fn g10_actix_session_asks_again_for_what_a_stale_read_misses() {
    let bench = TestBench::<App>::new().await;
    let sessions = ActixSessions::new(eventual(&bench).await);
    let data = [("theme".to_owned(), "\"dark\"".to_owned())].into();
    let ttl = actix_web::cookie::time::Duration::hours(1);
    let key: SessionKey = sessions.save(data, &ttl).await.unwrap();
    miss(&bench);
    let loaded = sessions.load(&key).await.unwrap().unwrap();
    assert_eq!(loaded["theme"], "\"dark\"");
    assert_eq!(reads(&bench), [false, true]);
    sessions.load(&key).await.unwrap().unwrap();
    assert_eq!(reads(&bench), [false]);
}
