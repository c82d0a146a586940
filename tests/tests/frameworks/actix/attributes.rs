//! actix-session: how the framework's map is stored, and how the index finds a session.

use std::collections::HashMap;

use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::time::Duration;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_store::SessionAttributes;
use session_store::frameworks::actix_session::ActixSessions;
use session_store_tests::TestBench;

use super::{App, MINUTE, Site, bench, handle, only_item};

/// The same with an index that misses nothing, and one session per user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Single {
    #[dynamo(attr = "user_id", index(consistent, limit = 1))]
    user_id: Option<String>,
}

/// The same with an index in shards.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Sharded {
    #[dynamo(attr = "user_id", index(shards = 3))]
    user_id: Option<String>,
}

/// The same with an attribute that depends on two entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "both", with = Pair::both)]
#[serde(default)]
struct Pair {
    one: bool,
    two: bool,
}

impl Pair {
    fn both(&self) -> bool {
        self.one && self.two
    }
}

#[actix_web::test]
async fn the_map_is_the_data_and_promoted_fields_are_attributes() {
    let (bench, sessions) = bench().await;
    let state = HashMap::from([
        ("user_id".to_owned(), r#""u-17""#.to_owned()),
        (
            "other".to_owned(),
            r#"{"list":[1,-2.5,1e20,null,true,18446744073709551615],"no":""}"#.to_owned(),
        ),
    ]);
    let key = sessions
        .save(state.clone(), &Duration::minutes(5))
        .await
        .unwrap();
    let item = only_item(&bench).await;
    assert_eq!(item["user_id"].as_s().unwrap(), "u-17");
    let data = item["data"].as_m().unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(data["user_id"], AttributeValue::S("u-17".into()));
    assert!(data["other"].as_m().unwrap()["list"].is_l());
    let ends = bench.clock.millis() / 1000 + 300;
    assert_eq!(item["expires_at"].as_n().unwrap(), &ends.to_string());
    assert!(
        !format!("{item:?}").contains(key.as_ref()),
        "the key is a secret"
    );

    let mut loaded = sessions.load(&key).await.unwrap().unwrap();
    loaded.remove("session-store").unwrap();
    let values = |state: HashMap<String, String>| -> HashMap<String, Value> {
        let parse = |(name, text): (String, String)| (name, serde_json::from_str(&text).unwrap());
        state.into_iter().map(parse).collect()
    };
    assert_eq!(values(loaded), values(state));
    assert_eq!(only_item(&bench).await, item, "a load writes nothing");
}

#[actix_web::test]
async fn sessions_are_found_and_revoked_by_user() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let phone = site.post("/log-in/ferris", &None).await.cookie;
    let laptop = site.post("/log-in/ferris", &None).await.cookie;
    let other = site.post("/log-in/corro", &None).await.cookie;
    let devices = sessions
        .store()
        .sessions(App::USER_ID, "ferris")
        .all()
        .await
        .unwrap();
    let mut found: Vec<_> = devices.iter().map(|device| device.handle()).collect();
    let mut expected = [handle(&phone), handle(&laptop)];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    let revoked = bench.store.revoke(App::USER_ID, "ferris").await.unwrap();
    assert_eq!(revoked.deleted(), 2);
    for cookie in [&phone, &laptop] {
        assert_eq!(site.get("/", cookie).await.entries, json!({}));
    }
    assert_eq!(
        site.get("/", &other).await.entries,
        json!({ "user_id": "corro" })
    );
}

/// The limit of one session per user applies to the framework's operations, and the roster follows them.
#[actix_web::test]
async fn g9_a_consistent_index_follows_log_in_and_log_out() {
    let bench = TestBench::<Single>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let count = |user: &'static str| bench.store.sessions(Single::USER_ID, user).count();
    let phone = site.post("/log-in/ferris", &None).await.cookie;
    bench.clock.advance(MINUTE);
    let laptop = site.post("/count", &None).await.cookie;
    let laptop = site.post("/log-in/ferris", &laptop).await.cookie;
    assert_eq!(
        site.get("/", &phone).await.entries,
        json!({}),
        "it was evicted"
    );
    assert_eq!(count("ferris").await.unwrap(), 1);

    bench.wire.clear();
    site.post("/count", &laptop).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    bench.wire.clear();
    site.post("/set/user_id/corro", &laptop).await;
    assert!(
        bench
            .wire
            .operations()
            .contains(&"TransactWriteItems".to_owned())
    );
    assert_eq!(
        (
            count("ferris").await.unwrap(),
            count("corro").await.unwrap()
        ),
        (0, 1)
    );
    assert_eq!(
        bench
            .store
            .revoke(Single::USER_ID, "corro")
            .await
            .unwrap()
            .deleted(),
        1
    );

    let again = site.post("/log-in/ferris", &None).await.cookie;
    site.post("/log-out", &again).await;
    let rosters = bench.items().await;
    assert!(
        rosters
            .iter()
            .all(|item| item["m"].as_m().unwrap().is_empty())
    );
}

/// A session of a binary that does not promote the field yet is found after the next update.
#[actix_web::test]
async fn an_update_repairs_stale_attributes() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let mut item = only_item(&bench).await;
    item.remove("user_id").unwrap();
    bench.put(item).await;
    site.post("/count", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["user_id"].as_s().unwrap(), "ferris");
    assert_eq!(item["data"].as_m().unwrap()["count"].as_n().unwrap(), "1");
    bench.wire.clear();
    site.post("/count", &cookie).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
}

#[actix_web::test]
async fn a_session_is_in_the_shards_of_its_user() {
    let bench = TestBench::<Sharded>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let count = |user: &'static str| bench.store.sessions(Sharded::USER_ID, user).count();
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    assert_eq!(count("ferris").await.unwrap(), 1);
    let mut item = only_item(&bench).await;
    item.remove("user_id-shard").unwrap();
    bench.put(item).await;
    assert_eq!(count("ferris").await.unwrap(), 0);
    site.post("/count", &cookie).await;
    assert_eq!(count("ferris").await.unwrap(), 1);
    bench.wire.clear();
    site.post("/count", &cookie).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    site.post("/log-in/corro", &cookie).await;
    assert_eq!(count("ferris").await.unwrap(), 0);
    assert_eq!(count("corro").await.unwrap(), 1);
}

/// An attribute that is computed from two entries fits both, whichever request wrote them.
#[actix_web::test]
async fn g3_a_computed_attribute_fits_the_changes_of_two_requests() {
    let bench = TestBench::<Pair>::new().await;
    let sessions = ActixSessions::new(bench.store.clone());
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let again = SessionKey::try_from(key.as_ref().to_owned()).unwrap();
    let mut one = sessions.load(&key).await.unwrap().unwrap();
    let mut two = one.clone();
    one.insert("one".into(), "true".into());
    two.insert("two".into(), "true".into());
    sessions.update(key, one, &Duration::HOUR).await.unwrap();
    sessions.update(again, two, &Duration::HOUR).await.unwrap();
    assert_eq!(only_item(&bench).await["both"], AttributeValue::Bool(true));
}
