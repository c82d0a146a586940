//! tower-sessions: a cache in front, which holds old copies.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::collections::HashMap;
            use std::sync::{Arc, Mutex};

            use $core::session::{Id, Record};
            use $core::session_store::{Error, Result};
            use $core::{CachingSessionStore, SessionStore};
            use serde_json::{Value, json};

            use crate::tower::$version::{One, set};
            use crate::tower::App;

            /// The cache side, which must accept any record under any id.
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
            async fn old_copies_of_a_cache_in_front_undo_nothing() {
                let one = One::<App>::with(json!({ "theme": "light" })).await;
                let cache = Cache::default();
                let cached = CachingSessionStore::new(cache.clone(), one.store.clone());
                let change = async |name: &str, value: Value| {
                    let mut copy = cached.load(&one.id).await.unwrap().unwrap();
                    set(&mut copy, name, value);
                    cached.save(&copy).await.unwrap();
                };
                // There and back, more often than the item remembers writes.
                for n in 0..6 {
                    change("theme", json!("dark")).await;
                    change("n", json!(n)).await;
                    assert_eq!(one.data().await, json!({ "theme": "dark", "n": n }));
                    change("theme", json!("light")).await;
                    assert_eq!(one.data().await, json!({ "theme": "light", "n": n }));
                }
                // Another server does not use this cache, and its changes are kept.
                let mut elsewhere = one.copy().await;
                set(&mut elsewhere, "user_id", "u-17");
                one.save(&elsewhere).await;
                for n in 6..12 {
                    change("n", json!(n)).await;
                }
                let all = json!({ "theme": "light", "n": 11, "user_id": "u-17" });
                assert_eq!(one.data().await, all);
                assert_eq!(one.item().await["user_id"].as_s().unwrap(), "u-17");
                // A revoked session stays revoked, whatever the cache returns.
                let revoked = one.store.store().revoke(App::USER_ID, "u-17").await.unwrap();
                assert_eq!(revoked.deleted(), 1);
                let mut copy = cached.load(&one.id).await.unwrap().unwrap();
                set(&mut copy, "n", json!(12));
                assert!(matches!(cached.save(&copy).await, Err(Error::Backend(_))));
                assert!(one.bench.items().await.is_empty());
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
