//! The items of a table in a snapshot, and the clocks of a test.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_store::SessionAttributes;
use session_store::test_util::Fault;
use session_store_tests::TestBench;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", key_prefix = "shop/", idle_timeout = "30m")]
struct App {
    #[dynamo(attr = "user_id", index(consistent))]
    user_id: Option<String>,
    #[dynamo(attr = "country", index(shards = 8))]
    country: String,
    /// Of the same form as a handle.
    digest: String,
}

fn app(user: &str) -> App {
    App {
        user_id: Some(user.to_owned()),
        country: "NP".to_owned(),
        digest: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".to_owned(),
    }
}

async fn snapshot() -> Value {
    let test = TestBench::<App>::new().await;
    test.clock.set(1_900_000_000_000);
    let mut session = test.store.create(app("u-17")).await.unwrap();
    test.store.create(app("u-18")).await.unwrap();
    test.clock.advance(Duration::from_millis(1));
    test.store.cycle_id(&mut session).await.unwrap();
    test.snapshot().await
}

#[tokio::test]
async fn a_snapshot_is_the_same_each_time() {
    let first = snapshot().await;
    for _ in 0..5 {
        assert_eq!(snapshot().await, first);
    }
    let items = first.as_array().unwrap();
    let ids: Vec<_> = items.iter().map(|item| &item["id"]["S"]).collect();
    assert_eq!(
        ids,
        [
            "shop/session-1",
            "shop/session-2",
            "shop/session-3",
            "shop/#user_id#u-17#S#App",
            "shop/#user_id#u-18#S#App",
        ],
        "{first:#}"
    );
    let text = first.to_string();
    let of_data = text.matches("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    assert_eq!(of_data.count(), 2, "{first:#}");
    let is_new = |item: &&Value| item["version"] == json!({ "N": "2" });
    let new = items
        .iter()
        .find(is_new)
        .expect("a new id is a new version");
    let name = new["id"]["S"].as_str().unwrap().trim_start_matches("shop/");
    let roster = items
        .iter()
        .find(|item| item["id"]["S"] == "shop/#user_id#u-17#S#App");
    assert!(roster.unwrap().to_string().contains(name), "{first:#}");
}

#[tokio::test]
async fn the_app_and_the_store_can_have_one_clock() {
    let test = TestBench::<App>::new().await;
    let of_app = test.clock.clone();
    test.clock.set(1_900_000_000_000);
    let session = test.store.create(app("u-17")).await.unwrap();
    let now: SystemTime = of_app.now();
    assert_eq!(now, UNIX_EPOCH + Duration::from_secs(1_900_000_000));
    assert_eq!(session.created_at(), now);
}

/// Also while an engine in another process works on a request. A fault takes its time.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_paused_clock_moves_in_faults_alone() {
    let test = TestBench::<App>::new().await;
    let began = tokio::time::Instant::now();
    let mut session = test.store.create(app("u-17")).await.unwrap();
    for _ in 0..20 {
        session.digest.push('-');
        test.store.save(&mut session).await.unwrap();
        test.client.list_tables().send().await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);

    let wait = Duration::from_secs(2);
    test.wire.next("GetItem", Fault::delayed(wait));
    test.store.load(session.id()).await.unwrap();
    assert_eq!(began.elapsed(), wait);
}
