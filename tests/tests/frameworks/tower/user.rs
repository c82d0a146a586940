//! tower-sessions: a log-in, for a type that says which attribute is the user.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::time::Duration as StdDuration;

            use $core::SessionStore;
            use $core::session::{Id, Record};
            use $core::session_store::Error;
            use serde_json::{Value, json};
            use session_store::frameworks::tower_sessions::RESERVED_KEY;

            use crate::tower::$version::{One, number, set};
            use crate::tower::{Listed, Member};

            const HOUR: StdDuration = StdDuration::from_secs(3600);

            macro_rules! creation_after {
                ($type:ty, $before:expr, $after:expr) => {{
                    let mut one = One::<$type>::with(json!({ "user_id": $before })).await;
                    let begun = number(&one.item().await, "created_at");
                    let mut copy = one.copy().await;
                    // It stays live for an hour.
                    copy.expiry_date += time::Duration::hours(2);
                    one.save(&copy).await;
                    one.bench.clock.advance(HOUR);
                    one.store.delete(&copy.id).await.unwrap();
                    copy.id = Id::default();
                    set(&mut copy, "user_id", $after);
                    one.store.create(&mut copy).await.unwrap();
                    one.id = copy.id;
                    number(&one.item().await, "created_at") - begun
                }};
            }

            #[tokio::test]
            async fn g6_the_absolute_timeout_begins_anew_with_a_log_in() {
                let hour = HOUR.as_millis() as u64;
                let nobody = Value::Null;
                assert_eq!(creation_after!(Member, nobody.clone(), "u-17"), hour);
                assert_eq!(creation_after!(Member, "u-18", "u-17"), hour);
                assert_eq!(creation_after!(Member, "u-17", "u-17"), 0);
                assert_eq!(creation_after!(Member, "u-17", nobody.clone()), 0);
                // It cannot be told.
                assert_eq!(creation_after!(Listed, nobody, "u-17"), 0);
            }

            /// When the user has authenticated is kept, and set by what begins the absolute timeout anew.
            #[tokio::test]
            async fn g6_a_log_in_sets_when_the_user_has_authenticated_and_a_new_id_keeps_it() {
                let proven = |item: &session_store_tests::Item| {
                    let at = item.get("authenticated_at")?;
                    at.as_n().unwrap().parse::<u64>().ok()
                };
                let mut one = One::<Member>::with(json!({})).await;
                assert_eq!(proven(&one.item().await), None);
                let mut since = None;
                for (user, logs_in) in [("u-17", true), ("u-17", false), ("u-18", true)] {
                    one.bench.clock.advance(StdDuration::from_secs(60));
                    let mut copy = one.copy().await;
                    set(&mut copy, "visits", user);
                    one.save(&copy).await;
                    let mut copy = one.copy().await;
                    one.store.delete(&copy.id).await.unwrap();
                    copy.id = Id::default();
                    set(&mut copy, "user_id", user);
                    one.store.create(&mut copy).await.unwrap();
                    one.id = copy.id;
                    if logs_in {
                        since = Some(one.bench.clock.millis());
                    }
                    assert_eq!(proven(&one.item().await), since, "{user}");
                    // The same copy is saved.
                    set(&mut copy, "visits", "again");
                    one.save(&copy).await;
                    assert_eq!(proven(&one.item().await), since, "{user}");
                }
                // A session that begins with a user.
                let one = One::<Member>::with(json!({ "user_id": "u-17" })).await;
                let begun = number(&one.item().await, "created_at");
                assert_eq!(proven(&one.item().await), Some(begun));
                // Whatever the application makes of the copy, it is not in the future.
                let mut copy = one.copy().await;
                let later = one.bench.clock.millis() + 3_600_000;
                copy.data.get_mut(RESERVED_KEY).unwrap()["authenticated_at"] = json!(later);
                one.store.delete(&copy.id).await.unwrap();
                copy.id = Id::default();
                one.store.create(&mut copy).await.unwrap();
                let one = One { id: copy.id, ..one };
                assert_eq!(proven(&one.item().await), Some(one.bench.clock.millis()));
            }

            #[tokio::test]
            async fn another_user_under_the_same_id_is_refused() {
                for before in [json!({}), json!({ "user_id": "u-18" })] {
                    let one = One::<Member>::with(before.clone()).await;
                    let mut copy = one.copy().await;
                    set(&mut copy, "user_id", "u-17");
                    let refused = async |copy: &Record| match one.store.save(copy).await {
                        Err(Error::Encode(error)) => assert!(error.contains("`user_id`"), "{error}"),
                        saved => panic!("{saved:?}"),
                    };
                    refused(&copy).await;
                    // The same without the entry of the store, as after `clear`.
                    copy.data.remove(RESERVED_KEY);
                    refused(&copy).await;
                    assert_eq!(one.data().await, before);
                }
            }

            #[tokio::test]
            async fn the_same_user_and_nobody_are_stored() {
                let one = One::<Member>::with(json!({ "user_id": "u-17" })).await;
                let mut copy = one.copy().await;
                set(&mut copy, "theme", "dark");
                one.save(&copy).await;
                copy.data.remove(RESERVED_KEY);
                copy.data.remove("theme");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({ "user_id": "u-17" }));
                let mut copy = one.copy().await;
                copy.data.remove("user_id");
                one.save(&copy).await;
                assert_eq!(one.data().await, json!({}));

                // And back again by the same copy.
                set(&mut copy, "user_id", "u-17");
                assert!(matches!(one.store.save(&copy).await, Err(Error::Encode(_))));
                assert_eq!(one.data().await, json!({}));
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
