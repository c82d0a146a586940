//! tower-sessions: an absolute timeout of the session's own, which the typed store has given it, and that of guests.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "30m",
    absolute_timeout = "30d",
    guest_absolute_timeout = "1d"
)]
#[serde(default)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
}

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::time::Duration as StdDuration;

            use $core::SessionStore;
            use $core::session::Id;
            use serde_json::json;
            use session_store::AttributeValue;
            use session_store::frameworks::tower_sessions::RESERVED_KEY;

            use super::Visitor;
            use crate::tower::$version::{One, number, set};

            const HOUR: StdDuration = StdDuration::from_secs(3600);

            /// In seconds after the creation of the session.
            async fn ends(one: &One<Visitor>) -> u64 {
                let item = one.item().await;
                number(&item, "expires_at") - number(&item, "created_at") / 1000
            }

            #[tokio::test]
            async fn g6_an_own_absolute_timeout_is_kept_and_not_passed() {
                for forgets_base in [false, true] {
                    let mut one = One::<Visitor>::with(json!({ "user_id": "u-17" })).await;
                    let mut item = one.item().await;
                    item.insert("absolute".into(), AttributeValue::N("14400".into()));
                    one.bench.put(item).await;

                    let mut copy = one.copy().await;
                    set(&mut copy, "theme", "dark");
                    copy.expiry_date += time::Duration::days(7);
                    if forgets_base {
                        copy.data.remove(RESERVED_KEY);
                    }
                    one.save(&copy).await;
                    assert_eq!(ends(&one).await, 4 * 3600);
                    assert_eq!(number(&one.item().await, "absolute"), 4 * 3600);

                    // A new id, without and with a log-in.
                    for (user, ends_after) in [("u-17", 4 * 3600), ("u-18", 4 * 3600)] {
                        one.bench.clock.advance(HOUR);
                        let mut copy = one.copy().await;
                        one.store.delete(&copy.id).await.unwrap();
                        copy.id = Id::default();
                        set(&mut copy, "user_id", user);
                        copy.expiry_date += time::Duration::days(7);
                        one.store.create(&mut copy).await.unwrap();
                        one.id = copy.id;
                        assert_eq!(ends(&one).await, ends_after, "{user}");
                        // The same copy is saved.
                        set(&mut copy, "theme", "light");
                        one.save(&copy).await;
                        assert_eq!(ends(&one).await, ends_after, "{user}");
                    }
                    let mut late = one.copy().await;
                    one.bench.clock.advance(4 * HOUR);
                    assert!(one.store.load(&one.id).await.unwrap().is_none());
                    set(&mut late, "theme", "late");
                    late.expiry_date += time::Duration::days(7);
                    let item = one.item().await;
                    assert!(one.store.save(&late).await.is_err());
                    assert_eq!(one.item().await, item);
                }
            }

            #[tokio::test]
            async fn g6_a_session_without_a_user_has_the_absolute_timeout_of_guests() {
                let mut one = One::<Visitor>::with(json!({})).await;
                let mut copy = one.copy().await;
                copy.expiry_date += time::Duration::days(7);
                set(&mut copy, "theme", "dark");
                one.bench.wire.clear();
                one.save(&copy).await;
                assert_eq!(one.writes(), 1);
                assert_eq!(ends(&one).await, 24 * 3600);

                one.bench.clock.advance(HOUR);
                let mut copy = one.copy().await;
                one.store.delete(&copy.id).await.unwrap();
                copy.id = Id::default();
                copy.expiry_date += time::Duration::days(7);
                set(&mut copy, "user_id", "u-17");
                one.store.create(&mut copy).await.unwrap();
                one.id = copy.id;
                assert!(ends(&one).await > 7 * 24 * 3600);
                let mut copy = one.copy().await;
                set(&mut copy, "theme", "light");
                one.bench.wire.clear();
                one.save(&copy).await;
                assert_eq!(one.writes(), 1);

                // The user goes, and the session stays: it is over a day after the log-in.
                let mut copy = one.copy().await;
                copy.data.remove("user_id");
                one.save(&copy).await;
                one.bench.clock.advance(24 * HOUR - StdDuration::from_millis(1));
                assert!(one.store.load(&one.id).await.unwrap().is_some());
                one.bench.clock.advance(StdDuration::from_millis(1));
                assert!(one.store.load(&one.id).await.unwrap().is_none());
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
