//! tower-sessions: the effect of fifty parallel requests of one browser on each other.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::sync::Arc;

            use $core::session::Session;
            use $core::SessionStore;
            use futures_util::future::join_all;
            use serde_json::json;

            use crate::tower::$version::One;
            use crate::tower::{App, Listed};

            /// All requests of a page: 50 in parallel, and each changes another key.
            #[tokio::test]
            async fn parallel_requests_keep_all_changes_and_undo_no_log_out() {
                let one = One::<App>::with(json!({ "user_id": "u-17" })).await;
                let store = Arc::new(one.store.clone());
                let request = |n: usize, log_out: bool| {
                    let session = Session::new(Some(one.id), store.clone(), None);
                    async move {
                        session.insert(&format!("key-{n}"), n).await.unwrap();
                        if log_out {
                            session.flush().await.unwrap();
                            return None;
                        }
                        // If the session has ended, the framework sets no cookie.
                        session.save().await.ok()?;
                        session.id()
                    }
                };
                let saved = join_all((1..=50).map(|n| request(n, false))).await;
                assert!(saved.iter().all(Option::is_some));
                let data = one.copy().await.data;
                for n in 1..=50 {
                    assert_eq!(data[&format!("key-{n}")], n);
                }

                // The same key: one of the changes is stored.
                join_all((1..=50).map(async |n| {
                    let session = Session::new(Some(one.id), store.clone(), None);
                    session.insert("theme", n.to_string()).await.unwrap();
                    session.save().await.unwrap();
                }))
                .await;
                let theme = one.copy().await.data["theme"].clone();
                let theme: u32 = theme.as_str().unwrap().parse().unwrap();
                assert!((1..=50).contains(&theme));

                // Half of them log out. A session that is still live has an id that the framework gave to a
                // request which came after the end of the session.
                let given = join_all((1..=50).map(|n| request(n, n % 2 == 0))).await;
                assert!(one.store.load(&one.id).await.unwrap().is_none());
                let new: std::collections::HashSet<_> = given.into_iter().flatten().collect();
                let new: Vec<_> = new.into_iter().filter(|id| *id != one.id).collect();
                assert_eq!(one.bench.items().await.len(), new.len());
                for item in one.bench.items().await {
                    assert!(!item.contains_key("user_id"), "no user is logged in again");
                }
            }

            /// The framework deletes the old id and creates a new one, for each log-in separately.
            #[tokio::test]
            async fn parallel_log_ins_leave_as_many_sessions_as_the_limit_allows() {
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
                    let saved = session.save().await;
                    assert!(saved.is_ok() || !logs_in);
                };
                join_all((1..=50).map(request)).await;
                let items = one.bench.items().await;
                let live = items.iter().filter(|item| item.contains_key("user_id")).count();
                assert!((1..=3).contains(&live), "no more than the limit of its index");
                let listed = one.bench.store.sessions(Listed::USER_ID, "u-17").count();
                assert_eq!(listed.await.unwrap(), live);
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
