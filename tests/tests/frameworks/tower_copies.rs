//! tower-sessions 0.15 and 0.14: what the copies that requests have in hand do to each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[serde(alias = "colour")]
    theme: String,
}

/// Before it knew the attribute.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Plain {
    theme: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[dynamo(attr = "sum", with = Computed::sum)]
#[serde(default)]
struct Computed {
    a: u64,
    b: u64,
}

impl Computed {
    fn sum(&self) -> Option<session_store::AttributeValue> {
        Some(session_store::AttributeValue::N(
            (self.a + self.b).to_string(),
        ))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Flat {
    theme: String,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Listed {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Sharded {
    #[dynamo(attr = "user_id", index(shards = 3))]
    user_id: Option<String>,
}

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::collections::HashMap;
            use std::sync::{Arc, Mutex};
            use std::time::Duration as StdDuration;

            use $core::session::{Expiry, Id, Record, Session};
            use $core::session_store::{Error, Result};
            use $core::{CachingSessionStore, SessionStore};
            use aws_sdk_dynamodb::types::AttributeValue;
            use futures_util::future::join_all;
            use serde::Serialize;
            use serde::de::DeserializeOwned;
            use serde_json::{Value, json};
            use session_store::SessionAttributes;
            use session_store::tower_sessions::{RESERVED_KEY, TowerSessions};
            use session_store_tests::{Bench, Fault, Item};
            use time::{Duration, OffsetDateTime};

            use super::{App, Computed, Flat, Listed, Plain, Sharded};

            /// A store with one session in it.
            struct One<S> {
                bench: Bench<S>,
                store: TowerSessions<S>,
                id: Id,
            }

            impl<S> One<S>
            where
                S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
            {
                async fn with(data: Value) -> Self {
                    let bench = Bench::<S>::new().await;
                    let store = TowerSessions::new(bench.store.clone());
                    let Value::Object(data) = data else { panic!() };
                    let mut record = Record {
                        id: Id::default(),
                        data: data.into_iter().collect(),
                        expiry_date: OffsetDateTime::UNIX_EPOCH,
                    };
                    record.expiry_date += Duration::milliseconds(bench.clock.millis() as i64);
                    record.expiry_date += Duration::minutes(30);
                    store.create(&mut record).await.unwrap();
                    bench.wire.clear();
                    Self { bench, store, id: record.id }
                }

                /// A copy as a request gets it.
                async fn copy(&self) -> Record {
                    self.store.load(&self.id).await.unwrap().expect("it is live")
                }

                async fn save(&self, record: &Record) {
                    self.store.save(record).await.unwrap();
                }

                /// What the application would read now.
                async fn data(&self) -> Value {
                    let mut data = self.copy().await.data;
                    data.remove(RESERVED_KEY);
                    data.into_iter().collect()
                }

                /// The session as it is in the table, beside rosters.
                async fn item(&self) -> Item {
                    let items = self.bench.items().await.into_iter();
                    let mut items: Vec<_> = items.filter(|item| item.contains_key("data")).collect();
                    assert_eq!(items.len(), 1);
                    items.remove(0)
                }

                fn writes(&self) -> usize {
                    let writes = self.bench.wire.operations();
                    writes.iter().filter(|name| *name != "GetItem").count()
                }
            }

            fn set(record: &mut Record, name: &str, value: impl Into<Value>) {
                record.data.insert(name.to_owned(), value.into());
            }

            fn number(item: &Item, name: &str) -> u64 {
                item[name].as_n().unwrap().parse().unwrap()
            }

            #[tokio::test]
            async fn g3_different_keys_both_survive() {
                let one = One::<App>::with(json!({ "theme": "light", "gone": 1 })).await;
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                one.bench.wire.clear();
                set(&mut a, "theme", "dark");
                a.data.remove("gone");
                set(&mut b, "user_id", "u-17");
                set(&mut b, "cart", json!(["tea"]));
                one.save(&a).await;
                one.save(&b).await;
                assert_eq!(one.bench.wire.operations(), ["UpdateItem"; 2]);
                let both = json!({ "theme": "dark", "user_id": "u-17", "cart": ["tea"] });
                assert_eq!(one.data().await, both);
            }

            #[tokio::test]
            async fn g3_of_the_same_key_the_last_wins() {
                let one = One::<App>::with(json!({ "n": 0 })).await;
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "n", 1);
                set(&mut b, "n", 2);
                one.save(&b).await;
                one.save(&a).await;
                assert_eq!(one.data().await, json!({ "n": 1 }));
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "n", 3);
                b.data.remove("n");
                one.save(&a).await;
                one.save(&b).await;
                assert_eq!(one.data().await, json!({}));
            }

            #[tokio::test]
            async fn a_promoted_attribute_is_written_by_who_changed_it() {
                let one = One::<App>::with(json!({})).await;
                let (mut login, mut other) = (one.copy().await, one.copy().await);
                let mut late = one.copy().await;
                set(&mut login, "user_id", "u-17");
                set(&mut other, "theme", "dark");
                set(&mut late, "cart", 1);
                one.save(&other).await;
                one.save(&login).await;
                one.save(&late).await;
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-17");
                let (mut logout, mut other) = (one.copy().await, one.copy().await);
                logout.data.remove("user_id");
                set(&mut other, "cart", 2);
                one.save(&logout).await;
                one.save(&other).await;
                assert!(!one.item().await.contains_key("user_id"));
                assert_eq!(one.data().await, json!({ "theme": "dark", "cart": 2 }));
            }

            /// A binary that did not know the attribute created the session.
            #[tokio::test]
            async fn an_attribute_out_of_step_is_mended() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let mut item = one.item().await;
                item.remove("user_id");
                one.bench.put(item).await;
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "n", 1);
                set(&mut b, "user_id", "u-18");
                one.save(&b).await;
                one.save(&a).await;
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-18");
                assert_eq!(one.data().await, json!({ "user_id": "u-18", "n": 1 }));

                let mut item = one.item().await;
                item.remove("user_id");
                one.bench.put(item).await;
                let mut copy = one.copy().await;
                set(&mut copy, "n", 2);
                one.save(&copy).await;
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-18");
            }

            #[tokio::test]
            async fn a_session_is_in_the_shards_of_its_user() {
                let one = One::<Sharded>::with(json!({ "user_id": "u-17" })).await;
                let count = |user: &'static str| one.bench.store.sessions(Sharded::USER_ID, user).count();
                assert_eq!(count("u-17").await.unwrap(), 1);
                let mut copy = one.copy().await;
                set(&mut copy, "user_id", "u-18");
                one.save(&copy).await;
                assert_eq!((count("u-17").await.unwrap(), count("u-18").await.unwrap()), (0, 1));

                // A binary without shards stored it; and the whole map is replaced.
                for replaced in [false, true] {
                    let mut item = one.item().await;
                    item.remove("user_id-shard").unwrap();
                    one.bench.put(item).await;
                    assert_eq!(count("u-18").await.unwrap(), 0);
                    let mut copy = one.copy().await;
                    set(&mut copy, "n", replaced);
                    if replaced {
                        copy.data.remove(RESERVED_KEY);
                    }
                    one.save(&copy).await;
                    assert_eq!(count("u-18").await.unwrap(), 1);
                }

                let mut copy = one.copy().await;
                copy.data.remove("user_id");
                one.save(&copy).await;
                assert!(!one.item().await.contains_key("user_id-shard"));
            }

            /// Another program wrote what the type cannot read; a save that repairs it goes through.
            #[tokio::test]
            async fn what_the_type_cannot_read_can_be_repaired() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let mut item = one.item().await;
                let AttributeValue::M(data) = item.get_mut("data").unwrap() else { panic!() };
                data.insert("theme".into(), AttributeValue::N("5".into()));
                one.bench.put(item).await;
                let mut copy = one.copy().await;
                set(&mut copy, "n", 1);
                assert!(matches!(one.store.save(&copy).await, Err(Error::Encode(_))));
                set(&mut copy, "theme", "dark");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "user_id": "u-17", "theme": "dark", "n": 1 }));
            }

            #[tokio::test]
            async fn a_key_can_go_by_its_alias() {
                let one = One::<App>::with(json!({ "colour": "dark" })).await;
                let mut copy = one.copy().await;
                copy.data.remove("colour");
                set(&mut copy, "theme", "light");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "theme": "light" }));
                let mut copy = one.copy().await;
                copy.data.remove("theme");
                set(&mut copy, "colour", "dark");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "colour": "dark" }));
            }

            #[tokio::test]
            async fn a_computed_attribute_is_of_both_halves() {
                let one = One::<Computed>::with(json!({ "a": 1, "b": 1 })).await;
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "a", 10);
                set(&mut b, "b", 20);
                one.save(&a).await;
                one.save(&b).await;
                assert_eq!(one.data().await, json!({ "a": 10, "b": 20 }));
                assert_eq!(number(&one.item().await, "sum"), 30);
            }

            #[tokio::test]
            async fn a_flattened_group_is_of_one_writer() {
                let one = One::<Flat>::with(json!({ "theme": "light", "x": 1, "y": 1 })).await;
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                let mut c = one.copy().await;
                set(&mut a, "x", 2);
                set(&mut b, "y", 2);
                b.data.remove("x");
                set(&mut c, "theme", "dark");
                one.save(&a).await;
                one.save(&b).await;
                one.save(&c).await;
                assert_eq!(one.data().await, json!({ "theme": "dark", "y": 2 }));
            }

            #[tokio::test]
            async fn very_many_keys_keep_those_of_others_too() {
                let one = One::<App>::with(json!({})).await;
                let (mut many, mut other) = (one.copy().await, one.copy().await);
                for n in 0..300 {
                    set(&mut many, &format!("key-{n}"), n);
                }
                set(&mut other, "theme", "dark");
                one.save(&other).await;
                one.save(&many).await;
                let data = one.copy().await.data;
                assert_eq!(data.len(), 302, "with the theme, and the entry of the store");
                assert_eq!(data["theme"], "dark");
                assert_eq!(data["key-299"], 299);
            }

            #[tokio::test]
            async fn the_entry_of_the_store_is_never_stored() {
                let one = One::<App>::with(json!({ "n": 0 })).await;
                let mut copy = one.copy().await;
                assert!(copy.data.contains_key(RESERVED_KEY));
                let forgeries = [
                    json!("text"),
                    json!({ "version": 1 }),
                    json!({ "created_at": 1, "version": u64::MAX, "copy": 1, "data": {} }),
                ];
                for (n, forged) in (1..).zip([copy.data[RESERVED_KEY].clone()].into_iter().chain(forgeries)) {
                    set(&mut copy, RESERVED_KEY, forged);
                    set(&mut copy, "n", n);
                    one.save(&copy).await;
                    assert_eq!(one.data().await, json!({ "n": n }));
                    let item = format!("{:?}", one.item().await);
                    assert!(!item.contains(RESERVED_KEY) && !item.contains("out_of_step"), "{item}");
                }
                one.store.delete(&one.id).await.unwrap();
                one.store.create(&mut copy).await.unwrap();
                let item = format!("{:?}", one.item().await);
                assert!(!item.contains(RESERVED_KEY), "{item}");
            }

            #[tokio::test]
            async fn g6_a_cycled_id_is_as_old_as_the_session() {
                let mut one = One::<App>::with(json!({ "theme": "dark" })).await;
                let begun = number(&one.item().await, "created_at");
                let mut copy = one.copy().await;
                for hours in 1..=11 {
                    copy.expiry_date += Duration::days(14);
                    one.save(&copy).await;
                    one.bench.clock.advance(StdDuration::from_secs(3600));
                    // As the framework's `cycle_id` and its save afterwards do.
                    one.store.delete(&copy.id).await.unwrap();
                    copy.id = Id::default();
                    one.store.create(&mut copy).await.unwrap();
                    one.id = copy.id;
                    let item = one.item().await;
                    assert_eq!(number(&item, "created_at"), begun, "after {hours} h");
                    assert_eq!(number(&item, "expires_at"), begun / 1000 + 12 * 3600);
                }
                assert_eq!(one.data().await, json!({ "theme": "dark" }));
                let mut late = one.copy().await;
                one.bench.clock.advance(StdDuration::from_secs(3600));
                assert!(one.store.load(&one.id).await.unwrap().is_none());
                one.store.delete(&late.id).await.unwrap();
                one.store.create(&mut late).await.unwrap();
                assert!(one.bench.items().await.is_empty(), "its time is over, under any id");
            }

            #[tokio::test]
            async fn g6_nobody_makes_a_session_younger_than_new() {
                let one = One::<App>::with(json!({})).await;
                let mut copy = one.copy().await;
                let now = one.bench.clock.millis();
                copy.data.get_mut(RESERVED_KEY).unwrap()["created_at"] = json!(now + 3_600_000);
                copy.expiry_date += Duration::days(14);
                one.save(&copy).await;
                assert_eq!(number(&one.item().await, "expires_at"), now / 1000 + 12 * 3600);
                one.store.delete(&copy.id).await.unwrap();
                one.store.create(&mut copy).await.unwrap();
                assert_eq!(number(&one.item().await, "created_at"), now);
            }

            #[tokio::test]
            async fn g1_a_save_after_revocation_stores_nothing() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let mut copy = one.copy().await;
                let revoked = one.store.store().revoke(App::USER_ID, "u-17").await.unwrap();
                assert_eq!(revoked.deleted(), 1);
                set(&mut copy, "theme", "dark");
                one.save(&copy).await;
                one.save(&copy).await;
                assert!(one.bench.items().await.is_empty());
            }

            /// The framework saves at the end of a request whose handler has saved before.
            #[tokio::test]
            async fn a_copy_can_be_saved_again() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let mut copy = one.copy().await;
                set(&mut copy, "lock", true);
                one.save(&copy).await;
                one.bench.wire.clear();
                one.save(&copy).await;
                assert_eq!(one.writes(), 1, "what is there already is not written again");
                copy.data.remove("lock");
                set(&mut copy, "user_id", "u-18");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "user_id": "u-18" }));
                set(&mut copy, "user_id", "u-17");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "user_id": "u-17" }));
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-17");
                for n in 0..6 {
                    set(&mut copy, "n", n);
                    one.save(&copy).await;
                    copy.data.remove("n");
                    one.save(&copy).await;
                }
                assert_eq!(one.data().await, json!({ "user_id": "u-17" }));
            }

            #[tokio::test]
            async fn a_copy_that_is_saved_again_keeps_what_others_stored() {
                let one = One::<App>::with(json!({ "n": 0 })).await;
                let mut copy = one.copy().await;
                let (mut before, mut between) = (one.copy().await, one.copy().await);
                set(&mut before, "before", 1);
                one.save(&before).await;
                set(&mut copy, "n", 1);
                one.save(&copy).await;
                one.save(&copy).await;
                set(&mut between, "between", 1);
                one.save(&between).await;
                set(&mut copy, "n", 2);
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "n": 2, "before": 1, "between": 1 }));

                // In the moment between the refusal and the second attempt, too.
                let (mut copy, mut other) = (one.copy().await, one.copy().await);
                set(&mut copy, "n", 3);
                one.save(&copy).await;
                set(&mut copy, "n", 4);
                set(&mut other, "other", 1);
                let (store, first) = (one.store.clone(), Fault::edit(|_| {}));
                one.bench.wire.next("UpdateItem", first);
                let save = move || async move { store.save(&other).await.unwrap() };
                one.bench.wire.next("UpdateItem", Fault::meanwhile(save));
                one.save(&copy).await;
                let all = json!({ "n": 4, "before": 1, "between": 1, "other": 1 });
                assert_eq!(one.data().await, all);
            }

            /// As the framework's `always_save` does for every request that only reads.
            #[tokio::test]
            async fn a_save_of_nothing_moves_the_expiry_alone() {
                let one = One::<Computed>::with(json!({ "a": 1, "b": 1 })).await;
                let mut writer = one.copy().await;
                let before = one.item().await;
                for minutes in [40, 20] {
                    let mut reader = one.copy().await;
                    reader.expiry_date += Duration::minutes(minutes - 30);
                    for _ in 0..3 {
                        one.save(&reader).await;
                    }
                    let item = one.item().await;
                    for name in ["data", "version", "writes", "sum"] {
                        assert_eq!(item[name], before[name]);
                    }
                    let ends = reader.expiry_date.unix_timestamp() as u64;
                    assert_eq!(number(&item, "expires_at"), ends);
                }
                one.bench.wire.clear();
                set(&mut writer, "a", 2);
                one.save(&writer).await;
                assert_eq!(one.writes(), 1, "nobody has written since");
                let mut reader = one.copy().await;
                set(&mut reader, "a", 3);
                one.save(&reader).await;
                set(&mut reader, "a", 2);
                one.save(&reader).await;
                assert_eq!(one.data().await, json!({ "a": 2, "b": 1 }), "set back is no touch");

                one.bench.wire.next("UpdateItem", Fault::LoseResponse);
                one.save(&one.copy().await).await;
                one.store.delete(&one.id).await.unwrap();
                one.save(&reader).await;
                assert!(one.bench.items().await.is_empty());
            }

            /// What the handler stored with `create` is the base of the save after it.
            #[tokio::test]
            async fn a_new_session_can_be_saved_again() {
                let bench = Bench::<App>::new().await;
                let store = Arc::new(TowerSessions::new(bench.store.clone()));
                let expiry = Some(Expiry::OnInactivity(Duration::minutes(5)));
                let session = Session::new(None, store.clone(), expiry);
                session.insert("lock", true).await.unwrap();
                session.save().await.unwrap();
                session.remove::<bool>("lock").await.unwrap();
                session.insert("theme", "dark").await.unwrap();
                session.save().await.unwrap();
                let mut loaded = store.load(&session.id().unwrap()).await.unwrap().unwrap();
                loaded.data.remove(RESERVED_KEY);
                assert_eq!(loaded.data, HashMap::from([("theme".to_owned(), json!("dark"))]));
            }

            #[tokio::test]
            async fn clearing_replaces_the_map() {
                let one = One::<App>::with(json!({ "user_id": "u-17", "n": 1 })).await;
                let store = Arc::new(one.store.clone());
                for load_first in [true, false] {
                    let mut copy = one.copy().await;
                    set(&mut copy, "user_id", "u-17");
                    set(&mut copy, "n", 1);
                    one.save(&copy).await;
                    let session = Session::new(Some(one.id), store.clone(), None);
                    if load_first {
                        session.load().await.unwrap();
                    }
                    session.clear().await;
                    session.save().await.unwrap();
                    assert_eq!(one.data().await, json!({}));
                    assert!(!one.item().await.contains_key("user_id"));
                }
            }

            #[tokio::test]
            async fn a_save_far_behind_is_sent_a_second_time() {
                let one = One::<App>::with(json!({})).await;
                let mut behind = one.copy().await;
                for n in 0..6 {
                    let mut copy = one.copy().await;
                    set(&mut copy, "n", n);
                    one.save(&copy).await;
                }
                one.bench.wire.clear();
                set(&mut behind, "theme", "dark");
                one.save(&behind).await;
                assert_eq!(one.writes(), 2);
                assert_eq!(one.data().await, json!({ "n": 5, "theme": "dark" }));
            }

            /// When the answer is lost and so many others write that the item remembers no more,
            /// the save says so, and does not undo what came after it.
            #[tokio::test]
            async fn g13_an_unknown_outcome_is_an_error() {
                let one = One::<App>::with(json!({ "n": 0 })).await;
                let mut copy = one.copy().await;
                let (store, id) = (one.store.clone(), one.id);
                let others = move || async move {
                    for n in 10..15 {
                        let mut copy = store.load(&id).await.unwrap().unwrap();
                        set(&mut copy, "n", n);
                        store.save(&copy).await.unwrap();
                    }
                };
                one.bench.wire.next("UpdateItem", Fault::LoseResponse);
                one.bench.wire.next("UpdateItem", Fault::meanwhile(others));
                set(&mut copy, "n", 1);
                assert!(matches!(one.store.save(&copy).await, Err(Error::Backend(_))));
                assert_eq!(one.data().await, json!({ "n": 14 }));
            }

            #[tokio::test]
            async fn a_roster_follows_who_changed_the_user() {
                let one = One::<Listed>::with(json!({})).await;
                let count = |user: &'static str| one.bench.store.sessions(Listed::USER_ID, user).count();
                let (mut login, mut other) = (one.copy().await, one.copy().await);
                set(&mut login, "user_id", "u-17");
                set(&mut other, "theme", "dark");
                one.save(&login).await;
                one.bench.wire.clear();
                one.save(&other).await;
                assert_eq!(one.bench.wire.operations(), ["UpdateItem"]);
                assert_eq!(count("u-17").await.unwrap(), 1);
                // Two move it at once: the last one's value is the one with the session in it.
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "user_id", "u-18");
                set(&mut b, "user_id", "u-19");
                one.save(&a).await;
                one.save(&b).await;
                let counts = (count("u-17").await.unwrap(), count("u-18").await.unwrap());
                assert_eq!((counts, count("u-19").await.unwrap()), ((0, 0), 1));
                // And on by the copy that did so.
                set(&mut b, "user_id", "u-20");
                one.save(&b).await;
                let counts = (count("u-19").await.unwrap(), count("u-20").await.unwrap());
                assert_eq!(counts, (0, 1));
                assert_eq!(one.data().await, json!({ "user_id": "u-20", "theme": "dark" }));
                // And back again, when nobody else has written since.
                let mut copy = one.copy().await;
                for user in ["u-21", "u-20"] {
                    set(&mut copy, "user_id", user);
                    one.save(&copy).await;
                    assert_eq!(count(user).await.unwrap(), 1);
                }
                assert_eq!(count("u-21").await.unwrap(), 0);
            }

            /// All requests of a page that loads: 50 at once, each changing a key of its own.
            #[tokio::test]
            async fn parallel_requests_of_one_browser() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let store = Arc::new(one.store.clone());
                let request = |n: usize, log_out: bool| {
                    let session = Session::new(Some(one.id), store.clone(), None);
                    async move {
                        session.insert(&format!("key-{n}"), n).await.unwrap();
                        if log_out {
                            session.flush().await.unwrap();
                        } else {
                            session.save().await.unwrap();
                        }
                        session.id()
                    }
                };
                join_all((1..=50).map(|n| request(n, false))).await;
                let data = one.copy().await.data;
                for n in 1..=50 {
                    assert_eq!(data[&format!("key-{n}")], n);
                }

                // The same key: one of the changes is there.
                join_all((1..=50).map(async |n| {
                    let session = Session::new(Some(one.id), store.clone(), None);
                    session.insert("theme", n.to_string()).await.unwrap();
                    session.save().await.unwrap();
                }))
                .await;
                let theme = one.copy().await.data["theme"].clone();
                let theme: u32 = theme.as_str().unwrap().parse().unwrap();
                assert!((1..=50).contains(&theme));

                // Half of them log out: what is not over is under an id that a request was given,
                // because it came when the session was gone.
                let given = join_all((1..=50).map(|n| request(n, n % 2 == 0))).await;
                assert!(one.store.load(&one.id).await.unwrap().is_none());
                let mut new: Vec<_> = given.into_iter().flatten().collect();
                new.retain(|id| *id != one.id);
                assert_eq!(one.bench.items().await.len(), new.len());
                for item in one.bench.items().await {
                    assert!(!item.contains_key("user_id"), "nobody is logged in again");
                }
            }

            /// The framework deletes the old id and creates a new one, each log-in for itself.
            #[tokio::test]
            async fn parallel_log_ins_of_one_browser() {
                let one = One::<Listed>::with(json!({ "theme": "dark" })).await;
                let store = Arc::new(one.store.clone());
                let request = async |n: u32| {
                    let session = Session::new(Some(one.id), store.clone(), None);
                    session.insert(&format!("key-{n}"), n).await.unwrap();
                    let logs_in = n % 2 == 0;
                    if logs_in {
                        session.cycle_id().await.unwrap();
                        session.insert("user_id", "u-17").await.unwrap();
                    }
                    session.save().await.unwrap();
                    session.id().filter(|_| logs_in)
                };
                let ids = join_all((1..=50).map(request)).await;
                let ids: Vec<_> = ids.into_iter().flatten().collect();
                assert_eq!(ids.len(), 25);
                assert!(one.store.load(&one.id).await.unwrap().is_none());
                let loaded = join_all(ids.iter().map(|id| one.store.load(id))).await;
                let live = loaded.into_iter().filter(|loaded| loaded.as_ref().unwrap().is_some());
                assert_eq!(live.count(), 3, "no more than the limit of its index");
                let listed = one.bench.store.sessions(Listed::USER_ID, "u-17").count();
                assert_eq!(listed.await.unwrap(), 3);
            }

            /// The side of a cache, which has to take any record under any id.
            #[derive(Clone, Debug, Default)]
            struct Cache(Arc<Mutex<HashMap<Id, Record>>>);

            #[async_trait::async_trait]
            impl SessionStore for Cache {
                async fn save(&self, record: &Record) -> Result<()> {
                    self.0.lock().unwrap().insert(record.id, record.clone());
                    Ok(())
                }

                async fn load(&self, id: &Id) -> Result<Option<Record>> {
                    Ok(self.0.lock().unwrap().get(id).cloned())
                }

                async fn delete(&self, id: &Id) -> Result<()> {
                    self.0.lock().unwrap().remove(id);
                    Ok(())
                }
            }

            #[tokio::test]
            async fn a_cache_in_front_holds_old_copies() {
                let one = One::<App>::with(json!({ "theme": "light" })).await;
                let cache = Cache::default();
                let cached = CachingSessionStore::new(cache.clone(), one.store.clone());
                let change = async |name: &str, value: Value| {
                    let mut copy = cached.load(&one.id).await.unwrap().unwrap();
                    set(&mut copy, name, value);
                    cached.save(&copy).await.unwrap();
                };
                // There and back, as often as the item remembers writes and more.
                for n in 0..6 {
                    change("theme", json!("dark")).await;
                    change("n", json!(n)).await;
                    assert_eq!(one.data().await, json!({ "theme": "dark", "n": n }));
                    change("theme", json!("light")).await;
                    assert_eq!(one.data().await, json!({ "theme": "light", "n": n }));
                }
                // Another server has no part in this cache, and its changes stay.
                let mut elsewhere = one.copy().await;
                set(&mut elsewhere, "user_id", "u-17");
                one.save(&elsewhere).await;
                for n in 6..12 {
                    change("n", json!(n)).await;
                }
                let all = json!({ "theme": "light", "n": 11, "user_id": "u-17" });
                assert_eq!(one.data().await, all);
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-17");
                // What is revoked stays so, whatever the cache answers.
                let revoked = one.store.store().revoke(App::USER_ID, "u-17").await.unwrap();
                assert_eq!(revoked.deleted(), 1);
                change("n", json!(12)).await;
                assert!(one.bench.items().await.is_empty());
            }

            /// Sessions of a program that knows fewer fields are those of any other.
            #[tokio::test]
            async fn another_type_can_read_them() {
                let one = One::<App>::with(json!({ "theme": "dark", "user_id": "u-17" })).await;
                let other = TowerSessions::new(one.bench.other::<Plain>().await);
                let mut copy = other.load(&one.id).await.unwrap().unwrap();
                set(&mut copy, "theme", "light");
                other.save(&copy).await.unwrap();
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-17");
                assert_eq!(one.data().await, json!({ "theme": "light", "user_id": "u-17" }));
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
