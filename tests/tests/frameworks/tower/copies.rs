//! tower-sessions: the effect of the copies of several requests on each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

/// The type before it had the attribute.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "App",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
#[serde(default)]
struct Plain {
    theme: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
#[serde(default)]
struct Flat {
    theme: String,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::time::Duration as StdDuration;

            use $core::session::Id;
            use $core::session_store::Error;
            use $core::SessionStore;
            use aws_sdk_dynamodb::types::AttributeValue;
            use serde_json::json;
            use session_store::frameworks::tower_sessions::{RESERVED_KEY, TowerSessions};
            use session_store_tests::Fault;
            use time::Duration;

            use super::{Flat, Plain};
            use crate::tower::$version::{One, number, set};
            use crate::tower::App;

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
            async fn g3_the_last_save_of_the_same_key_wins() {
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

            /// Another program wrote data that the type cannot read. A save that repairs it succeeds.
            #[tokio::test]
            async fn an_unreadable_field_can_be_replaced_by_a_save() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                // A later copy would be none: the type cannot read it.
                let mut copy = one.copy().await;
                let mut item = one.item().await;
                let AttributeValue::M(data) = item.get_mut("data").unwrap() else { panic!() };
                data.insert("theme".into(), AttributeValue::N("5".into()));
                one.bench.put(item).await;
                set(&mut copy, "theme", 6);
                assert!(matches!(one.store.save(&copy).await, Err(Error::Encode(_))));
                set(&mut copy, "n", 1);
                set(&mut copy, "theme", "dark");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "user_id": "u-17", "theme": "dark", "n": 1 }));
            }

            #[tokio::test]
            async fn a_key_can_be_written_by_its_alias() {
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
            async fn the_last_writer_of_a_flattened_group_replaces_it_whole() {
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
            async fn a_save_of_300_keys_keeps_those_of_others() {
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
                    // Does the same as the framework's `cycle_id` and the save after it.
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
                assert!(one.bench.items().await.is_empty(), "it has expired under every id");
            }

            #[tokio::test]
            async fn g6_a_forged_creation_time_does_not_extend_a_session() {
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
                for _ in 0..2 {
                    assert!(matches!(one.store.save(&copy).await, Err(Error::Backend(_))));
                }
                assert!(one.bench.items().await.is_empty());
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

            /// If the response is lost, and others write until the item no longer has the mark, the save
            /// says that the outcome is unknown, and does not undo later writes.
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

            /// Sessions of a program that knows fewer fields are like any others.
            #[tokio::test]
            async fn another_type_can_read_and_save_the_sessions() {
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
