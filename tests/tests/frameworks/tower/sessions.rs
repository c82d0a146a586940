//! tower-sessions 0.15 and 0.14: the same tests for both, since the trait is the same.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

/// The part of the framework's map that the application knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
}

/// The same with one session per user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Single {
    #[dynamo(attr = "user_id", index(consistent, limit = 1))]
    user_id: Option<String>,
}

/// The same with as many as the user pays for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Paid {
    #[dynamo(attr = "user_id", index(consistent, limit = 3, limit_by = Paid::seats))]
    user_id: Option<String>,
    seats: u32,
}

impl Paid {
    fn seats(&self) -> u32 {
        self.seats
    }
}

/// The same, which has kept more before.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[dynamo(forget("email", "ip"))]
#[serde(default)]
struct Forgetful {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
}

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::collections::HashMap;
            use std::sync::Arc;

            use aws_sdk_dynamodb::types::AttributeValue;
            use $core::session::{Expiry, Id, Record, Session};
            use $core::session_store::Error;
            use $core::SessionStore;
            use serde_json::{Value, json};
            use session_store::{DynamoDbStore, SessionHandle, Unreadable};
            use session_store::frameworks::tower_sessions::{RESERVED_KEY, TowerSessions};
            use session_store_tests::{TestBench, Fault, Item};
            use time::{Duration, OffsetDateTime};

            use super::{App, Forgetful, Paid, Single};

            async fn bench() -> (TestBench<App>, TowerSessions<App>) {
                let bench = TestBench::new().await;
                let store = TowerSessions::new(bench.store.clone());
                (bench, store)
            }

            fn now(bench: &TestBench<App>) -> OffsetDateTime {
                OffsetDateTime::from_unix_timestamp((bench.clock.millis() / 1000) as i64).unwrap()
            }

            fn record(bench: &TestBench<App>, data: Value) -> Record {
                let Value::Object(data) = data else { panic!() };
                Record {
                    id: Id::default(),
                    data: data.into_iter().collect(),
                    expiry_date: now(bench) + Duration::minutes(30),
                }
            }

            /// The record with the application's data.
            fn own(mut record: Record) -> Record {
                record.data.remove(RESERVED_KEY).expect("the store adds its own entry");
                record
            }

            async fn only_item(bench: &TestBench<App>) -> Item {
                let mut items = bench.items().await;
                assert_eq!(items.len(), 1);
                items.remove(0)
            }

            #[tokio::test]
            async fn the_map_is_the_data_and_promoted_fields_are_attributes() {
                let (bench, store) = bench().await;
                let data = json!({
                    "user_id": "u-17", "theme": "dark",
                    "other": { "list": [1, -2.5, 1e20, null, true], "empty": "" },
                });
                let mut record = record(&bench, data);
                store.create(&mut record).await.unwrap();

                let item = only_item(&bench).await;
                assert_eq!(item["user_id"].as_s().unwrap(), "u-17");
                let data = item["data"].as_m().unwrap();
                assert_eq!(data["theme"], AttributeValue::S("dark".into()));
                assert!(data["other"].is_m());
                let loaded = store.load(&record.id).await.unwrap().unwrap();
                assert_eq!(own(loaded), own(record.clone()));

                // The typed store finds and ends the framework's sessions.
                assert_eq!(store.store().sessions(App::USER_ID, "u-17").count().await.unwrap(), 1);
                assert_eq!(store.store().revoke(App::USER_ID, "u-17").await.unwrap().deleted(), 1);
                assert_eq!(store.load(&record.id).await.unwrap(), None);
            }

            #[tokio::test]
            async fn a_save_replaces_the_map_and_its_attributes() {
                let (bench, store) = bench().await;
                let mut record = record(&bench, json!({ "user_id": "u-17", "mine": 1 }));
                store.create(&mut record).await.unwrap();
                record.data = HashMap::from([("theirs".to_owned(), json!([2]))]);
                record.expiry_date += Duration::minutes(10);
                store.save(&record).await.unwrap();
                assert_eq!(own(store.load(&record.id).await.unwrap().unwrap()), record);
                let item = only_item(&bench).await;
                assert!(!item.contains_key("user_id"));
                assert_eq!(item["version"].as_n().unwrap(), "2");
            }

            #[tokio::test]
            async fn g1_a_save_of_a_gone_session_is_an_error_of_the_backend() {
                let (bench, store) = bench().await;
                let refused = async |record: &Record| {
                    assert!(matches!(store.save(record).await, Err(Error::Backend(_))));
                };
                let mut record = record(&bench, json!({ "user_id": "u-17" }));
                refused(&record).await;
                assert!(bench.items().await.is_empty(), "a session that never existed");
                store.create(&mut record).await.unwrap();
                store.delete(&record.id).await.unwrap();
                store.delete(&record.id).await.unwrap();
                refused(&record).await;
                assert!(bench.items().await.is_empty(), "a session that was deleted");
                store.create(&mut record).await.unwrap();
                bench.clock.advance(std::time::Duration::from_secs(30 * 60));
                record.expiry_date = now(&bench) + Duration::minutes(30);
                refused(&record).await;
                assert_eq!(store.load(&record.id).await.unwrap(), None, "an expired session");
            }

            #[tokio::test]
            async fn a_create_never_overwrites() {
                let (bench, store) = bench().await;
                let mut one = record(&bench, json!({ "theme": "one" }));
                store.create(&mut one).await.unwrap();
                let mut two = Record { id: one.id, ..record(&bench, json!({ "theme": "two" })) };
                store.create(&mut two).await.unwrap();
                assert_ne!(one.id, two.id);
                assert_eq!(store.load(&one.id).await.unwrap().unwrap().data["theme"], "one");
                assert_eq!(store.load(&two.id).await.unwrap().unwrap().data["theme"], "two");
            }

            #[tokio::test]
            async fn a_create_of_unknown_outcome_is_begun_again() {
                let (bench, store) = bench().await;
                let mut record = record(&bench, json!({}));
                let first = record.id;
                bench.wire.next("PutItem", Fault::LoseResponse);
                store.create(&mut record).await.unwrap();
                assert_ne!(record.id, first);
                only_item(&bench).await;
                assert!(store.load(&record.id).await.unwrap().is_some());
            }

            #[tokio::test]
            async fn g8_its_ids_are_hashed() {
                let (bench, store) = bench().await;
                let mut record = record(&bench, json!({}));
                store.create(&mut record).await.unwrap();
                let item = only_item(&bench).await;
                let handle = SessionHandle::parse(item["id"].as_s().unwrap()).unwrap();
                assert_eq!(store.handle(record.id), handle);
                assert!(!format!("{item:?}").contains(&record.id.to_string()));
            }

            #[tokio::test]
            async fn g6_no_save_outlives_the_absolute_timeout() {
                let (bench, store) = bench().await;
                let begin = now(&bench);
                let mut record = record(&bench, json!({}));
                record.expiry_date = begin + Duration::days(14);
                store.create(&mut record).await.unwrap();
                let end = begin + Duration::hours(12);
                assert_eq!(store.load(&record.id).await.unwrap().unwrap().expiry_date, end);
                store.save(&record).await.unwrap();
                assert_eq!(store.load(&record.id).await.unwrap().unwrap().expiry_date, end);
                record.expiry_date = begin + Duration::hours(1);
                store.save(&record).await.unwrap();
                let loaded = store.load(&record.id).await.unwrap().unwrap();
                assert_eq!(loaded.expiry_date, record.expiry_date, "the framework may choose a sooner expiry");
            }

            #[tokio::test]
            async fn g10_and_g11_errors_are_told_apart() {
                let (bench, store) = bench().await;
                let mut record = record(&bench, json!({ "theme": "dark" }));
                store.create(&mut record).await.unwrap();
                for _ in 0..3 {
                    bench.wire.next("GetItem", Fault::Answer(500, "InternalServerError", ""));
                }
                assert!(matches!(store.load(&record.id).await, Err(Error::Backend(_))));

                for (name, value) in [("theme", json!(5)), ("", json!(1)), ("big", json!("x".repeat(401 * 1024)))] {
                    let mut refused = record.clone();
                    refused.data.insert(name.to_owned(), value);
                    let Err(Error::Encode(text)) = store.save(&refused).await else { panic!() };
                    assert!(text.contains(name), "{text}");
                }

                let mut item = only_item(&bench).await;
                item.insert("data".into(), AttributeValue::S("{}".into()));
                bench.put(item.clone()).await;
                assert_eq!(store.load(&record.id).await.unwrap(), None);
                assert!(matches!(store.save(&record).await, Err(Error::Decode(_))));
                assert_eq!(only_item(&bench).await, item);

                let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
                let builder = builder.table_name(bench.store.table_name());
                let strict = builder.unreadable(Unreadable::Error).build().await.unwrap();
                let strict = TowerSessions::new(strict);
                assert!(matches!(strict.load(&record.id).await, Err(Error::Decode(_))));
                assert_eq!(only_item(&bench).await, item);
                // G17: it can be ended, whatever is left of it.
                item.retain(|name, _| name == "id");
                bench.put(item).await;
                strict.delete(&record.id).await.unwrap();
                assert!(bench.items().await.is_empty());
            }

            #[tokio::test]
            async fn g13_a_save_whose_response_was_lost_is_applied_once() {
                let (bench, store) = bench().await;
                let mut record = record(&bench, json!({}));
                store.create(&mut record).await.unwrap();
                bench.wire.next("UpdateItem", Fault::LoseResponse);
                record.data.insert("n".into(), json!(1));
                store.save(&record).await.unwrap();
                assert_eq!(only_item(&bench).await["version"].as_n().unwrap(), "2");
            }

            /// A request of the framework's own session type, with a log-in and a new id.
            #[tokio::test]
            async fn a_log_in_by_the_session_of_the_framework_gets_a_new_id() {
                let (bench, store) = bench().await;
                let store = Arc::new(store);
                let session = Session::new(None, store.clone(), Some(Expiry::OnInactivity(Duration::minutes(5))));
                session.insert("theme", "dark").await.unwrap();
                session.save().await.unwrap();
                let anonymous = session.id().unwrap();

                let session = Session::new(Some(anonymous), store.clone(), None);
                session.insert("user_id", "u-17").await.unwrap();
                session.cycle_id().await.unwrap();
                session.save().await.unwrap();
                assert_ne!(session.id().unwrap(), anonymous);
                assert_eq!(only_item(&bench).await["user_id"].as_s().unwrap(), "u-17");
                let late = Session::new(Some(anonymous), store.clone(), None);
                assert_eq!(late.get::<String>("theme").await.unwrap(), None);

                let session = Session::new(session.id(), store.clone(), None);
                assert_eq!(session.get::<String>("theme").await.unwrap().as_deref(), Some("dark"));
                session.flush().await.unwrap();
                assert!(bench.items().await.is_empty());
            }

            /// A consistent index also covers the framework's operations.
            #[tokio::test]
            async fn a_roster_follows_creates_saves_and_deletes() {
                let bench = TestBench::<Single>::new().await;
                let store = TowerSessions::new(bench.store.clone());
                let expiry_date = OffsetDateTime::from_unix_timestamp(
                    (bench.clock.millis() / 1000) as i64 + 600,
                );
                let record = |user: Value| Record {
                    id: Id::default(),
                    data: HashMap::from([("user_id".to_owned(), user)]),
                    expiry_date: expiry_date.unwrap(),
                };
                let count = |user: &'static str| bench.store.sessions(Single::USER_ID, user).count();
                let mut old = record(json!("u-17"));
                store.create(&mut old).await.unwrap();
                let mut new = record(Value::Null);
                store.create(&mut new).await.unwrap();
                assert_eq!(count("u-17").await.unwrap(), 1);

                bench.clock.advance(std::time::Duration::from_millis(1));
                bench.wire.clear();
                new.data.insert("user_id".to_owned(), json!("u-17"));
                store.save(&new).await.unwrap();
                assert!(store.load(&old.id).await.unwrap().is_none(), "it was evicted");
                assert_eq!(count("u-17").await.unwrap(), 1);
                let mut new = store.load(&new.id).await.unwrap().unwrap();
                bench.wire.clear();
                new.data.insert("theme".to_owned(), json!("dark"));
                store.save(&new).await.unwrap();
                assert_eq!(bench.wire.operations(), ["UpdateItem"]);
                new.data.insert("user_id".to_owned(), json!("u-18"));
                store.save(&new).await.unwrap();
                let counts = (count("u-17").await.unwrap(), count("u-18").await.unwrap());
                assert_eq!(counts, (0, 1));
                store.delete(&new.id).await.unwrap();
                let rosters = bench.items().await;
                assert!(rosters.iter().all(|item| item["m"].as_m().unwrap().is_empty()));
            }

            /// What the type forgets goes out of the framework's map and of the item with the next save.
            #[tokio::test]
            async fn g4_what_the_type_forgets_is_removed() {
                for changes in [true, false] {
                    let bench = TestBench::<Forgetful>::new().await;
                    let store = TowerSessions::new(bench.store.clone());
                    let in_ten_minutes = (bench.clock.millis() / 1000) as i64 + 600;
                    let mut record = Record {
                        id: Id::default(),
                        data: HashMap::from([("mine".to_owned(), json!(1))]),
                        expiry_date: OffsetDateTime::from_unix_timestamp(in_ten_minutes).unwrap(),
                    };
                    store.create(&mut record).await.unwrap();
                    let mut item = bench.items().await.remove(0);
                    let text = |text: &str| AttributeValue::S(text.to_owned());
                    let AttributeValue::M(mut data) = item["data"].clone() else { panic!() };
                    data.insert("email".into(), text("a@b.c"));
                    for (name, value) in [
                        ("data", AttributeValue::M(data)),
                        ("ip", text("192.0.2.1")),
                        ("ip-shard", text("192.0.2.1#0")),
                        ("unknown", text("kept")),
                    ] {
                        item.insert(name.into(), value);
                    }
                    bench.put(item).await;

                    let mut record = store.load(&record.id).await.unwrap().unwrap();
                    if changes {
                        record.data.insert("mine".to_owned(), json!(2));
                    }
                    store.save(&record).await.unwrap();
                    let item = bench.items().await.remove(0);
                    let data = item["data"].as_m().unwrap();
                    assert_eq!(data.keys().collect::<Vec<_>>(), ["mine"]);
                    assert!(!item.contains_key("ip") && !item.contains_key("ip-shard"));
                    assert_eq!(item["unknown"], text("kept"));
                    // It is not stored again by the same copy, and not by a new session.
                    store.save(&record).await.unwrap();
                    record.id = Id::default();
                    store.create(&mut record).await.unwrap();
                    for item in bench.items().await {
                        assert!(!item["data"].as_m().unwrap().contains_key("email"));
                    }
                }
            }

            /// A save and a create count by the limit of the user in the framework's map.
            #[tokio::test]
            async fn g9_a_limit_of_one_user_applies() {
                let bench = TestBench::<Paid>::new().await;
                let store = TowerSessions::new(bench.store.clone());
                let in_ten_minutes = (bench.clock.millis() / 1000) as i64 + 600;
                let log_in = async |seats: u32, by_save: bool| {
                    bench.clock.advance(std::time::Duration::from_millis(1));
                    let user = HashMap::from([
                        ("user_id".to_owned(), json!("u-17")),
                        ("seats".to_owned(), json!(seats)),
                    ]);
                    let mut record = Record {
                        id: Id::default(),
                        data: if by_save { HashMap::new() } else { user.clone() },
                        expiry_date: OffsetDateTime::from_unix_timestamp(in_ten_minutes).unwrap(),
                    };
                    store.create(&mut record).await.unwrap();
                    if by_save {
                        record.data.extend(user);
                        store.save(&record).await.unwrap();
                    }
                    bench.store.sessions(Paid::USER_ID, "u-17").count().await.unwrap()
                };
                for by_save in [false, true] {
                    assert_eq!(log_in(1, by_save).await, 1);
                    assert_eq!(log_in(2, by_save).await, 2);
                    assert_eq!(log_in(9, by_save).await, 3);
                    assert_eq!(log_in(9, by_save).await, 3);
                    assert_eq!(log_in(2, by_save).await, 2);
                }
            }

            /// A session from before there were notes, behind a store with a shorter absolute timeout.
            #[tokio::test]
            async fn g19_a_save_enters_a_session_into_its_roster_once() {
                let bench = TestBench::<Single>::new().await;
                let builder = DynamoDbStore::<Single>::builder().client(bench.store.client().clone());
                let builder = builder.table_name(bench.store.table_name());
                let hour = std::time::Duration::from_secs(3600);
                let typed = builder.absolute_timeout(hour).build().await.unwrap();
                let store = TowerSessions::new(typed.clone());
                let expiry_date = OffsetDateTime::from_unix_timestamp(
                    (bench.clock.millis() / 1000) as i64 + 600,
                );
                let mut record = Record {
                    id: Id::default(),
                    data: HashMap::from([("user_id".to_owned(), json!("u-17"))]),
                    expiry_date: expiry_date.unwrap(),
                };
                store.create(&mut record).await.unwrap();
                let (rosters, mut sessions): (Vec<_>, Vec<_>) =
                    bench.items().await.into_iter().partition(|item| item.contains_key("m"));
                sessions[0].remove("user_id-roster").expect("there is a note");
                bench.put(sessions.remove(0)).await;
                for roster in rosters {
                    bench.delete(roster).await;
                }
                let mut operations = Vec::new();
                for theme in ["dark", "light"] {
                    let mut record = store.load(&record.id).await.unwrap().unwrap();
                    record.data.insert("theme".to_owned(), json!(theme));
                    bench.wire.clear();
                    store.save(&record).await.unwrap();
                    operations.push(bench.wire.operations().last().unwrap().clone());
                }
                assert_eq!(operations, ["TransactWriteItems", "UpdateItem"]);
                assert_eq!(typed.sessions(Single::USER_ID, "u-17").count().await.unwrap(), 1);
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
