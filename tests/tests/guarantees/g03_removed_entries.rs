//! G3 and G4 for entries that only the type's serialization knows: a `#[serde(flatten)]` of a map.
//!
//! Such a type reads entries that its schema does not name. The store keeps them aside with those that no
//! binary here knows, and has to tell the two apart when one of them is removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::TestBench;

macro_rules! bag {
    ($name:ident, $format:literal) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", data = $format)]
        struct $name {
            #[serde(default)]
            cart: Vec<String>,
            #[serde(flatten)]
            rest: BTreeMap<String, String>,
        }
    };
}

bag!(AsMap, "map");
bag!(AsBytes, "binary");

fn rest(x: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("x".to_owned(), x.to_owned())])
}

macro_rules! tests {
    ($format:ident, $bag:ident) => {
        mod $format {
            use super::*;

            #[tokio::test]
            async fn a_removed_entry_does_not_return_with_the_next_save_or_a_new_id() {
                let test = TestBench::<$bag>::new().await;
                let full = $bag {
                    rest: rest("1"),
                    ..$bag::default()
                };
                let created = test.store.create(full).await.unwrap();
                let mut session = test.store.load(created.id()).await.unwrap().unwrap();
                session.rest.clear();
                test.store.save(&mut session).await.unwrap();

                session.cart.push("tea".into());
                test.store.save(&mut session).await.unwrap();
                let stored = test.store.load(session.id()).await.unwrap().unwrap();
                assert_eq!(*stored, *session, "after the next save");

                test.store.cycle_id(&mut session).await.unwrap();
                let stored = test.store.load(session.id()).await.unwrap().unwrap();
                assert_eq!(*stored, *session, "after a new id");
            }

            #[tokio::test]
            async fn a_removed_entry_does_not_count_towards_the_size() {
                let test = TestBench::<$bag>::new().await;
                let large = $bag {
                    rest: rest(&"a".repeat(300_000)),
                    ..$bag::default()
                };
                let created = test.store.create(large).await.unwrap();
                let mut session = test.store.load(created.id()).await.unwrap().unwrap();
                session.rest = BTreeMap::from([("y".to_owned(), "a".repeat(200_000))]);
                test.store.save(&mut session).await.unwrap();
                let stored = test.store.load(session.id()).await.unwrap().unwrap();
                assert_eq!(*stored, *session);
            }
        }
    };
}

tests!(as_map, AsMap);
tests!(as_bytes, AsBytes);
