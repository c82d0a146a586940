//! tower-sessions: the methods of the framework's `Session`, as its docs describe them.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::sync::Arc;

            use $core::SessionStore;
            use $core::session::{Id, Session};
            use serde_json::json;
            use session_store::frameworks::tower_sessions::TowerSessions;

            use crate::tower::$version::One;
            use crate::tower::{App, Member};

            /// The session as another request gets it.
            fn session<S>(one: &One<S>) -> Session
            where
                TowerSessions<S>: SessionStore,
            {
                Session::new(Some(one.id), Arc::new(one.store.clone()), None)
            }

            #[tokio::test]
            async fn a_clear_empties_the_session_and_a_save_stores_that() {
                let one = One::<App>::with(json!({ "theme": "dark", "n": 1 })).await;
                for loads_first in [true, false] {
                    let session = session(&one);
                    if loads_first {
                        session.load().await.unwrap();
                    }
                    session.clear().await;
                    assert!(session.is_modified());
                    assert!(!session.is_empty().await, "it has an id still");
                    assert_eq!(session.get_value("n").await.unwrap(), None);
                    assert_eq!(one.data().await["n"], 1, "nothing is stored yet");
                    session.save().await.unwrap();
                    assert_eq!(session.id(), Some(one.id));
                    assert_eq!(one.data().await, json!({}));

                    // What comes after the clear is stored, and nothing else.
                    session.insert("n", 1).await.unwrap();
                    session.save().await.unwrap();
                    assert_eq!(one.data().await, json!({ "n": 1 }));
                }
            }

            #[tokio::test]
            async fn a_flush_deletes_the_session_at_once() {
                let one = One::<App>::with(json!({ "theme": "dark" })).await;
                for loads_first in [true, false] {
                    let session = session(&one);
                    if loads_first {
                        session.load().await.unwrap();
                    }
                    session.flush().await.unwrap();
                    assert_eq!(session.id(), None);
                    assert!(session.is_empty().await);
                    assert_eq!(one.store.load(&one.id).await.unwrap(), None);
                }
                assert!(one.bench.items().await.is_empty());
            }

            /// The framework keeps the old id in its record. Who knows it must not get the new session.
            #[tokio::test]
            async fn g1_what_begins_after_a_flush_has_another_id() {
                let one = One::<App>::with(json!({ "theme": "dark" })).await;
                let session = session(&one);
                assert_eq!(session.get::<String>("theme").await.unwrap().as_deref(), Some("dark"));
                session.flush().await.unwrap();
                session.insert("user_id", "u-17").await.unwrap();
                session.save().await.unwrap();
                let id = session.id().unwrap();
                assert_ne!(id, one.id);
                assert_eq!(one.store.load(&one.id).await.unwrap(), None);
                let new = one.store.load(&id).await.unwrap().unwrap();
                assert_eq!(new.data["user_id"], "u-17");
                assert!(!new.data.contains_key("theme"));
            }

            /// The same with an id from outside, which a copy that was never loaded can carry.
            #[tokio::test]
            async fn g8_no_session_begins_under_an_id_from_outside() {
                let one = One::<App>::with(json!({})).await;
                let from_outside = Id(42);
                let session = Session::new(Some(from_outside), Arc::new(one.store.clone()), None);
                session.clear().await;
                session.flush().await.unwrap();
                session.insert("n", 1).await.unwrap();
                session.save().await.unwrap();
                assert_ne!(session.id(), Some(from_outside));
                assert_eq!(one.store.load(&from_outside).await.unwrap(), None);
            }

            /// As axum-login does it: the first gives a new id, the second stores the user again.
            #[tokio::test]
            async fn a_second_log_in_of_one_user_is_stored() {
                let one = One::<Member>::with(json!({})).await;
                let first = session(&one);
                first.cycle_id().await.unwrap();
                first.insert("user_id", "u-17").await.unwrap();
                first.save().await.unwrap();
                let id = first.id().unwrap();
                assert_ne!(id, one.id);

                let second = Session::new(Some(id), Arc::new(one.store.clone()), None);
                second.insert("user_id", "u-17").await.unwrap();
                second.insert("n", 2).await.unwrap();
                second.save().await.unwrap();
                assert_eq!(second.id(), Some(id));
                let stored = one.store.load(&id).await.unwrap().unwrap();
                assert_eq!((&stored.data["user_id"], &stored.data["n"]), (&json!("u-17"), &json!(2)));
            }

            #[tokio::test]
            async fn a_second_log_in_of_another_user_needs_another_id() {
                let one = One::<Member>::with(json!({ "user_id": "u-18" })).await;
                let under_the_same = session(&one);
                under_the_same.insert("user_id", "u-17").await.unwrap();
                assert!(under_the_same.save().await.is_err());
                assert_eq!(one.data().await, json!({ "user_id": "u-18" }));

                for ends_first in [false, true] {
                    let one = One::<Member>::with(json!({ "user_id": "u-18" })).await;
                    let session = session(&one);
                    session.load().await.unwrap();
                    match ends_first {
                        true => session.flush().await.unwrap(),
                        false => session.cycle_id().await.unwrap(),
                    }
                    session.insert("user_id", "u-17").await.unwrap();
                    session.save().await.unwrap();
                    let id = session.id().unwrap();
                    assert_ne!(id, one.id);
                    let stored = one.store.load(&id).await.unwrap().unwrap();
                    assert_eq!(stored.data["user_id"], "u-17");
                }
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
