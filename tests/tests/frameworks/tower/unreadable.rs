//! tower-sessions: sessions that the type cannot read, by the store's policy.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::sync::Arc;

            use $core::SessionStore;
            use $core::session::Session;
            use $core::session_store::Error;
            use serde_json::json;
            use session_store::frameworks::tower_sessions::TowerSessions;
            use session_store::{AttributeValue, DynamoDbStore, Unreadable};

            use crate::tower::App;
            use crate::tower::$version::One;

            /// A session whose `theme` is a number, as another program stored it.
            async fn unreadable() -> One<App> {
                let one = One::<App>::with(json!({ "theme": "dark" })).await;
                let mut item = one.item().await;
                let mut data = item["data"].as_m().unwrap().clone();
                data.insert("theme".into(), AttributeValue::N("5".into()));
                item.insert("data".into(), AttributeValue::M(data));
                one.bench.put(item).await;
                one
            }

            async fn with_policy(one: &One<App>, policy: Unreadable) -> TowerSessions<App> {
                let builder = DynamoDbStore::<App>::builder().client(one.bench.store.client().clone());
                let builder = builder.table_name(one.bench.store.table_name());
                TowerSessions::new(builder.unreadable(policy).build().await.unwrap())
            }

            #[tokio::test]
            async fn a_session_that_the_type_cannot_read_is_absent() {
                let one = unreadable().await;
                let before = one.item().await;
                assert_eq!(one.store.load(&one.id).await.unwrap(), None, "by default");
                let absent = with_policy(&one, Unreadable::Absent).await;
                assert_eq!(absent.load(&one.id).await.unwrap(), None);

                // The visitor gets another session, and the item stays as it is.
                let session = Session::new(Some(one.id), Arc::new(absent), None);
                session.insert("theme", "light").await.unwrap();
                session.save().await.unwrap();
                assert_ne!(session.id(), Some(one.id));
                assert!(one.bench.items().await.contains(&before));
            }

            #[tokio::test]
            async fn a_session_that_the_type_cannot_read_is_an_error_if_the_store_was_told_so() {
                let one = unreadable().await;
                let strict = with_policy(&one, Unreadable::Error).await;
                let Err(Error::Decode(text)) = strict.load(&one.id).await else {
                    panic!("it is loaded");
                };
                assert!(text.contains("theme"), "{text}");
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
