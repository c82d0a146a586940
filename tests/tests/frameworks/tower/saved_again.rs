//! tower-sessions: a copy that is saved more than once, or with nothing changed.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::collections::HashMap;
            use std::sync::Arc;

            use $core::session::{Expiry, Session};
            use $core::SessionStore;
            use serde_json::json;
            use session_store::frameworks::tower_sessions::{RESERVED_KEY, TowerSessions};
            use session_store_tests::{TestBench, Fault};
            use time::Duration;

            use crate::tower::$version::{One, number, set};
            use crate::tower::{App, Computed};

            /// The framework saves at the end of a request, even if its handler has saved before.
            #[tokio::test]
            async fn a_copy_can_be_saved_again() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let mut copy = one.copy().await;
                set(&mut copy, "lock", true);
                one.save(&copy).await;
                one.bench.wire.clear();
                one.save(&copy).await;
                assert_eq!(one.writes(), 1, "stored data is not written again");
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
            async fn a_copy_that_is_saved_again_keeps_the_changes_of_others() {
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

                // Also between the refusal and the second attempt.
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

            /// The framework's `always_save` does this for every request that only reads.
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
                assert_eq!(one.writes(), 1, "no other copy has written since");
                let mut reader = one.copy().await;
                set(&mut reader, "a", 3);
                one.save(&reader).await;
                set(&mut reader, "a", 2);
                one.save(&reader).await;
                assert_eq!(one.data().await, json!({ "a": 2, "b": 1 }), "a change back is written");

                one.bench.wire.next("UpdateItem", Fault::LoseResponse);
                one.save(&one.copy().await).await;
                one.store.delete(&one.id).await.unwrap();
                assert!(one.store.save(&reader).await.is_err());
                assert!(one.bench.items().await.is_empty());
            }

            /// The data that the handler stored with `create` is the base of the next save.
            #[tokio::test]
            async fn a_new_session_can_be_saved_again() {
                let bench = TestBench::<App>::new().await;
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
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
