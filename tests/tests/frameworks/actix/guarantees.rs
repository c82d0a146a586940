//! actix-session: the guarantees that hold behind the framework's trait.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_store::frameworks::actix_session::ActixSessions;
use session_store::{DynamoDbStore, SessionAttributes, Unreadable};
use session_store_tests::{Fault, TestBench};

use super::{App, MINUTE, Site, bench, handle, only_item};

/// If the store fails, the response is 500, and tells the visitor nothing.
#[actix_web::test]
async fn g10_a_failed_read_is_not_a_missing_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let item = only_item(&bench).await;
    for _ in 0..3 {
        bench.wire.next(
            "GetItem",
            Fault::Answer(500, "InternalServerError", "secret"),
        );
    }
    let failed = site.post("/count", &cookie).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((failed.cookie, failed.entries), (None, Value::Null));
    assert_eq!(only_item(&bench).await, item);
}

/// Data that the type cannot read.
fn unreadable() -> [AttributeValue; 2] {
    let theme = HashMap::from([("theme".into(), AttributeValue::N("5".into()))]);
    [AttributeValue::M(theme), AttributeValue::S("{}".into())]
}

async fn sessions(bench: &TestBench<App>, policy: Option<Unreadable>) -> ActixSessions<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let mut builder = builder.table_name(bench.store.table_name());
    if let Some(policy) = policy {
        builder = builder.unreadable(policy);
    }
    ActixSessions::new(builder.build().await.unwrap())
}

#[actix_web::test]
async fn a_session_that_cannot_be_read_counts_as_none_and_stays() {
    for policy in [None, Some(Unreadable::Absent)] {
        let bench = TestBench::<App>::new().await;
        let site = Site::new(sessions(&bench, policy).await).await;
        let cookie = site.post("/set/theme/dark", &None).await.cookie;
        let mut item = only_item(&bench).await;
        for data in unreadable() {
            item.insert("data".into(), data);
            bench.put(item.clone()).await;
            let read = site.get("/", &cookie).await;
            assert_eq!((read.status, read.entries), (StatusCode::OK, json!({})));
            assert_eq!(only_item(&bench).await, item);
        }
        let new = site.post("/log-in/ferris", &cookie).await;
        assert_eq!(new.status, StatusCode::OK);
        let read = site.get("/", &new.cookie).await;
        assert_eq!(read.entries, json!({ "user_id": "ferris" }));
        assert!(bench.items().await.contains(&item));
    }
}

#[actix_web::test]
async fn a_session_that_cannot_be_read_is_an_error_if_the_store_was_told_so() {
    let bench = TestBench::<App>::new().await;
    let site = Site::new(sessions(&bench, Some(Unreadable::Error)).await).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let mut item = only_item(&bench).await;
    for data in unreadable() {
        item.insert("data".into(), data);
        bench.put(item.clone()).await;
        for path in ["/count", "/log-in/ferris", "/log-out"] {
            let failed = site.post(path, &cookie).await;
            assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(only_item(&bench).await, item, "it is not overwritten");
    }
}

/// Whatever is left of it, and its entry in a roster goes as well.
#[actix_web::test]
async fn g17_a_session_that_cannot_be_read_can_be_ended() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    #[serde(default)]
    struct Listed {
        #[dynamo(attr = "user_id", index(consistent, limit = 3))]
        user_id: Option<String>,
    }
    let bench = TestBench::<Listed>::new().await;
    let sessions = ActixSessions::new(bench.store.clone());
    for names in [&["data"][..], &["version", "created_at", "expires_at"]] {
        let state = HashMap::from([("user_id".to_owned(), "\"u-17\"".to_owned())]);
        let key = sessions.save(state, &Duration::HOUR).await.unwrap();
        let mut item = only_item(&bench).await;
        item.retain(|name, _| !names.contains(&&**name));
        bench.put(item).await;
        bench.wire.clear();
        sessions.delete(&key).await.unwrap();
        // The roster goes with its last entry.
        let operations = bench.wire.operations();
        assert_eq!(operations, ["DeleteItem"; 2]);
        let left = bench.items().await;
        assert!(left.iter().all(|item| !item.contains_key("user_id")));
        // The log-in after it begins a session of its own.
        let state = sessions.load(&key).await.unwrap();
        assert_eq!(state, None);
    }
}

/// Another binary writes to the session between its load and its new key. The old session is deleted by
/// then, so the log-in has what this request knows of it.
#[actix_web::test]
async fn a_log_in_succeeds_if_its_session_can_no_longer_be_read() {
    let (bench, sessions) = bench().await;
    for data in unreadable() {
        let state = HashMap::from([("theme".to_owned(), "\"dark\"".to_owned())]);
        let key = sessions.save(state, &Duration::HOUR).await.unwrap();
        let created_at = only_item(&bench).await["created_at"].clone();
        bench.clock.advance(MINUTE);
        let mut state = sessions.load(&key).await.unwrap().unwrap();
        let mut item = only_item(&bench).await;
        item.insert("data".into(), data);
        bench.put(item).await;

        state.insert("user_id".to_owned(), "\"ferris\"".to_owned());
        sessions.delete(&key).await.unwrap();
        let key = sessions.save(state, &Duration::HOUR).await.unwrap();
        let state = sessions.load(&key).await.unwrap().unwrap();
        assert_eq!(
            (&*state["theme"], &*state["user_id"]),
            ("\"dark\"", "\"ferris\"")
        );
        assert_eq!(only_item(&bench).await["created_at"], created_at);
        sessions.delete(&key).await.unwrap();
    }
}

/// The attributes of another program stay in the item, also under a new key.
#[actix_web::test]
async fn g4_unknown_attributes_survive() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let mut item = only_item(&bench).await;
    let created_at = item["created_at"].clone();
    item.insert("theirs".into(), AttributeValue::S("kept".into()));
    bench.put(item).await;
    bench.clock.advance(MINUTE);
    let cookie = site.post("/count", &cookie).await.cookie;
    site.post("/log-in/ferris", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["theirs"].as_s().unwrap(), "kept");
    assert_eq!(item["created_at"], created_at);
}

#[actix_web::test]
async fn g6_nothing_outlives_the_absolute_timeout_or_shortens_a_session() {
    let (bench, sessions) = bench().await;
    let begin = bench.clock.millis() / 1000;
    let ends = async || {
        only_item(&bench).await["expires_at"]
            .as_n()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            - begin
    };
    let (hour, week) = (Duration::hours(1), Duration::days(7));
    let key = sessions.save(HashMap::new(), &hour).await.unwrap();
    assert_eq!(ends().await, 3600);
    sessions
        .update_ttl(&key, &Duration::minutes(5))
        .await
        .unwrap();
    assert_eq!(ends().await, 3600, "it was extended to an hour");

    bench.clock.advance(50 * MINUTE);
    sessions.update_ttl(&key, &hour).await.unwrap();
    assert_eq!(ends().await, 50 * 60 + 3600);
    sessions.update_ttl(&key, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);

    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""dark""#.into());
    let key = sessions.update(key, state, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);

    // An update with a shorter time does not shorten the expiry that others have set.
    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""light""#.into());
    let short = Duration::minutes(5);
    let key = sessions.update(key, state, &short).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);
    let theme = only_item(&bench).await["data"].as_m().unwrap()["theme"].clone();
    assert_eq!(theme, AttributeValue::S("light".into()));

    // A new key continues from the state of the old one.
    bench.clock.advance(60 * MINUTE);
    let state = sessions.load(&key).await.unwrap().unwrap();
    sessions.delete(&key).await.unwrap();
    let key = sessions.save(state, &week).await.unwrap();
    assert_eq!(ends().await, 12 * 3600);
    bench.clock.set((begin + 12 * 3600) * 1000);
    assert_eq!(sessions.load(&key).await.unwrap(), None);
}

#[actix_web::test]
async fn g11_a_value_that_cannot_be_stored_is_refused_before_the_call() {
    let (bench, sessions) = bench().await;
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let key: String = key.into();
    let key = || SessionKey::try_from(key.clone()).unwrap();
    let before = only_item(&bench).await;
    bench.wire.clear();
    let large = format!("{:?}", "x".repeat(401 * 1024));
    for (name, text) in [("theme", "5"), ("", "1"), ("big", &large), ("broken", "{")] {
        let state = HashMap::from([(name.to_owned(), text.to_owned())]);
        let saved = sessions.save(state.clone(), &Duration::HOUR).await;
        let Err(SaveError::Serialization(error)) = saved else {
            panic!("{saved:?}")
        };
        assert!(format!("{error:#}").contains(name), "{error:#}");
        let mut loaded = sessions.load(&key()).await.unwrap().unwrap();
        loaded.extend(state);
        bench.wire.clear();
        let updated = sessions.update(key(), loaded, &Duration::HOUR).await;
        assert!(
            matches!(updated, Err(UpdateError::Serialization(_))),
            "{updated:?}"
        );
        assert_eq!(bench.wire.operations(), [""; 0]);
    }
    assert_eq!(only_item(&bench).await, before);
}

#[actix_web::test]
async fn g13_a_write_whose_response_was_lost_is_applied_once() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    bench.wire.next("PutItem", Fault::LoseResponse);
    let cookie = site.post("/count", &None).await.cookie;
    assert_eq!(
        handle(&cookie).to_string(),
        *only_item(&bench).await["id"].as_s().unwrap()
    );
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    site.post("/count", &cookie).await;
    let item = only_item(&bench).await;
    assert_eq!(item["version"].as_n().unwrap(), "2");
    assert_eq!(item["data"].as_m().unwrap()["count"].as_n().unwrap(), "2");

    // It is unknown whether the first delete ended it, or a revocation before.
    bench.wire.next("DeleteItem", Fault::LoseResponse);
    let renewed = site.post("/log-in/ferris", &cookie).await;
    assert_eq!(renewed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(renewed.cookie, None);
    assert!(bench.items().await.is_empty());
}

/// A request saves late, after its user was logged out everywhere.
#[actix_web::test]
async fn g1_no_slow_request_brings_a_session_back() {
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    for (path, first_write, status) in [
        ("/count", "UpdateItem", failed),
        ("/remove/user_id", "UpdateItem", failed),
        ("/log-in/ferris", "DeleteItem", failed),
        ("/log-out", "DeleteItem", StatusCode::OK),
    ] {
        let (bench, sessions) = bench().await;
        let site = Site::new(sessions).await;
        let cookie = site.post("/log-in/ferris", &None).await.cookie;
        let store = bench.store.clone();
        let revoke = move || async move {
            let revoked = store.revoke(App::USER_ID, "ferris").await.unwrap();
            assert_eq!(revoked.deleted(), 1);
        };
        bench.wire.next(first_write, Fault::meanwhile(revoke));
        let slow = site.post(path, &cookie).await;
        assert_eq!(slow.status, status, "{path}");
        let cookie = slow.cookie.as_ref().map(|cookie| cookie.value());
        assert_eq!(cookie, (status == StatusCode::OK).then_some(""), "{path}");
        assert!(bench.items().await.is_empty(), "{path}");
        let next = site.get("/", &slow.cookie).await;
        assert_eq!(
            (next.status, next.entries),
            (StatusCode::OK, json!({})),
            "{path}"
        );
    }
}

/// The same for a session that expires meanwhile; and a session that never existed leaves nothing.
#[actix_web::test]
async fn g1_and_g2_an_ended_session_takes_no_writes() {
    let (bench, sessions) = bench().await;
    let save = || sessions.save(HashMap::new(), &Duration::HOUR);
    let never = SessionKey::try_from("A".repeat(43)).unwrap();
    sessions.update_ttl(&never, &Duration::HOUR).await.unwrap();
    let state = HashMap::from([("user_id".to_owned(), r#""u-17""#.to_owned())]);
    sessions.delete(&never).await.unwrap();
    let updated = sessions.update(never, state.clone(), &Duration::HOUR).await;
    assert!(matches!(updated, Err(UpdateError::Other(_))));
    assert!(bench.items().await.is_empty());

    let key = save().await.unwrap();
    let mut loaded = sessions.load(&key).await.unwrap().unwrap();
    loaded.extend(state.clone());
    let before = only_item(&bench).await;
    bench.clock.advance(60 * MINUTE);
    for state in [loaded.clone(), state] {
        let key = SessionKey::try_from(key.as_ref().to_owned()).unwrap();
        sessions.update_ttl(&key, &Duration::HOUR).await.unwrap();
        let updated = sessions.update(key, state, &Duration::HOUR).await;
        assert!(matches!(updated, Err(UpdateError::Other(_))));
        assert_eq!(
            only_item(&bench).await,
            before,
            "DynamoDB has not deleted it yet"
        );
    }
    sessions.delete(&key).await.unwrap();
    let renewed = sessions.save(loaded.clone(), &Duration::HOUR).await;
    assert!(matches!(renewed, Err(SaveError::Other(_))));
    sessions.delete(&key).await.unwrap();
    sessions.delete(&save().await.unwrap()).await.unwrap();
    let renewed = sessions.save(loaded, &Duration::HOUR).await;
    assert!(
        matches!(renewed, Err(SaveError::Other(_))),
        "another one was deleted"
    );
    assert!(bench.items().await.is_empty());
}

#[actix_web::test]
async fn each_failure_is_the_matching_error_of_the_trait() {
    let (bench, sessions) = bench().await;
    let key = sessions
        .save(HashMap::new(), &Duration::HOUR)
        .await
        .unwrap();
    let refuse = |operation| {
        bench
            .wire
            .next(operation, Fault::Answer(400, "AccessDeniedException", "no"));
    };
    refuse("GetItem");
    assert!(matches!(
        sessions.load(&key).await,
        Err(LoadError::Other(_))
    ));
    refuse("PutItem");
    let saved = sessions.save(HashMap::new(), &Duration::HOUR).await;
    assert!(matches!(saved, Err(SaveError::Other(_))));
    refuse("UpdateItem");
    let touched = sessions.update_ttl(&key, &Duration::HOUR).await;
    assert!(touched.is_ok(), "nothing of the request is lost");
    refuse("DeleteItem");
    assert!(sessions.delete(&key).await.is_err());
    let mut state = sessions.load(&key).await.unwrap().unwrap();
    state.insert("theme".into(), r#""dark""#.into());
    refuse("UpdateItem");
    let updated = sessions.update(key, state, &Duration::HOUR).await;
    assert!(matches!(updated, Err(UpdateError::Other(_))));
}
