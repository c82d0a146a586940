//! tower-sessions: promoted, computed and indexed attributes follow the changes of the copies.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Sharded {
    #[dynamo(attr = "user_id", index(shards = 3))]
    user_id: Option<String>,
}

macro_rules! tests {
    ($version:ident) => {
        mod $version {
            use serde_json::json;
            use session_store::frameworks::tower_sessions::RESERVED_KEY;

            use super::Sharded;
            use crate::tower::$version::{One, number, set};
            use crate::tower::{App, Computed, Listed};

            #[tokio::test]
            async fn a_promoted_attribute_is_written_by_the_copy_that_changed_it() {
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
            async fn a_stale_attribute_is_repaired_by_the_next_save() {
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

                // A binary without shards stored it; and a save replaces the whole map.
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

            #[tokio::test]
            async fn a_computed_attribute_follows_both_writers() {
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
            async fn a_roster_follows_the_copy_that_changed_the_user() {
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
                // Two copies change the value at the same time: the session has the value of the last one.
                let (mut a, mut b) = (one.copy().await, one.copy().await);
                set(&mut a, "user_id", "u-18");
                set(&mut b, "user_id", "u-19");
                one.save(&a).await;
                one.save(&b).await;
                let counts = (count("u-17").await.unwrap(), count("u-18").await.unwrap());
                assert_eq!((counts, count("u-19").await.unwrap()), ((0, 0), 1));
                // The same copy changes it once more.
                set(&mut b, "user_id", "u-20");
                one.save(&b).await;
                let counts = (count("u-19").await.unwrap(), count("u-20").await.unwrap());
                assert_eq!(counts, (0, 1));
                assert_eq!(one.data().await, json!({ "user_id": "u-20", "theme": "dark" }));
                // And back again, while no other copy has written since.
                let mut copy = one.copy().await;
                for user in ["u-21", "u-20"] {
                    set(&mut copy, "user_id", user);
                    one.save(&copy).await;
                    assert_eq!(count(user).await.unwrap(), 1);
                }
                assert_eq!(count("u-21").await.unwrap(), 0);
            }
        }
    };
}

tests!(v0_15);
tests!(v0_14);
