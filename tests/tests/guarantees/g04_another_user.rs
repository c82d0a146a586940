//! G4, and where it ends: what a type does not know stays with its user, and does not go on to another one.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes};
use session_store_tests::TestBench;

trait Shop:
    SessionAttributes + Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    type Newer: Shop;

    fn of(user: Option<&str>, cart: &str) -> Self;
    fn user(&mut self) -> &mut Option<String>;
}

macro_rules! shops {
    ($($name:ident and $newer:ident: $option:literal $(, $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", data = $option $(, compress = $compress)?)]
        #[serde(default)]
        struct $name {
            #[dynamo(attr = "user_id", index, user)]
            user_id: Option<String>,
            cart: String,
        }

        impl Shop for $name {
            type Newer = $newer;

            fn of(user: Option<&str>, cart: &str) -> Self {
                let user_id = user.map(str::to_owned);
                Self { user_id, cart: cart.repeat(200) }
            }

            fn user(&mut self) -> &mut Option<String> {
                &mut self.user_id
            }
        }

        /// It has a field and an attribute more.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", data = $option $(, compress = $compress)?)]
        #[serde(default)]
        struct $newer {
            #[dynamo(attr = "user_id", index, user)]
            user_id: Option<String>,
            cart: String,
            phone: Option<String>,
            #[dynamo(attr = "plan")]
            plan: Option<String>,
        }

        impl Shop for $newer {
            type Newer = Self;

            fn of(user: Option<&str>, cart: &str) -> Self {
                Self {
                    user_id: user.map(str::to_owned),
                    cart: cart.repeat(200),
                    phone: Some("0123".into()),
                    plan: Some("gold".into()),
                }
            }

            fn user(&mut self) -> &mut Option<String> {
                &mut self.user_id
            }
        }
    )*};
}

shops! {
    AsMap and NewerAsMap: "map";
    AsBytes and NewerAsBytes: "binary";
    Compressed and NewerCompressed: "binary", "zstd";
}

/// Whether the newer program still finds what only it knows.
async fn is_there<S: Shop>(bench: &TestBench<S>, session: &Session<S>) -> bool {
    let newer = bench.other::<S::Newer>().await;
    let read = newer.load(session.id()).await.unwrap().unwrap();
    let read = serde_json::to_value(&*read).unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    let is_there = read["phone"] == "0123";
    assert_eq!(item.contains_key("plan"), is_there);
    assert_eq!(read["plan"] == "gold", is_there);
    assert!(is_there || read["phone"].is_null());
    is_there
}

/// A session of the newer program, as this one has loaded it.
async fn loaded<S: Shop>(bench: &TestBench<S>, user: Option<&str>) -> Session<S> {
    let newer = bench.other::<S::Newer>().await;
    let session = newer.create(S::Newer::of(user, "tea")).await.unwrap();
    bench.store.load(session.id()).await.unwrap().unwrap()
}

async fn log_in<S: Shop>(store: &DynamoDbStore<S>, session: &mut Session<S>, user: &str) {
    *session.user() = Some(user.to_owned());
    store.log_in(session).await.unwrap();
}

async fn it_stays_with_its_user<S: Shop>() {
    let bench = TestBench::<S>::new().await;
    for user in [None, Some("alice")] {
        let mut session = loaded(&bench, user).await;
        // A guest logs in with what the session has, and a user logs in again.
        log_in(&bench.store, &mut session, "alice").await;
        assert!(is_there(&bench, &session).await);
        bench.store.cycle_id(&mut session).await.unwrap();
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert!(is_there(&bench, &session).await);
    }
}

async fn it_does_not_go_on_to_another_user<S: Shop>() {
    for way in ["log-in", "new id", "replaced", "log-out", "update"] {
        let bench = TestBench::<S>::new().await;
        let mut session = loaded(&bench, Some("alice")).await;
        match way {
            "log-in" => log_in(&bench.store, &mut session, "bob").await,
            "new id" => {
                *session.user() = Some("bob".into());
                bench.store.cycle_id(&mut session).await.unwrap();
            }
            "replaced" => {
                *session = S::of(Some("bob"), "coffee");
                bench.store.log_in(&mut session).await.unwrap();
            }
            "log-out" => {
                *session.user() = None;
                bench.store.save(&mut session).await.unwrap();
                assert!(!is_there(&bench, &session).await);
                log_in(&bench.store, &mut session, "bob").await;
            }
            _ => {
                let leave = |session: &mut S| *session.user() = None;
                bench.store.update(session.id(), leave).await.unwrap();
            }
        }
        assert!(!is_there(&bench, &session).await, "{way}");
        // The session goes on.
        bench.store.touch(&mut session).await.unwrap();
        let again = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(
            serde_json::to_value(&*again).unwrap()["user_id"],
            serde_json::to_value(match way {
                "update" => None,
                _ => Some("bob"),
            })
            .unwrap()
        );
    }
}

async fn a_save_beside_a_log_out_leaves_nothing_of_the_user<S: Shop>() {
    let bench = TestBench::<S>::new().await;
    let mut session = loaded(&bench, Some("alice")).await;
    // A newer program writes meanwhile.
    let newer = bench.other::<S::Newer>().await;
    let mut other = newer.load(session.id()).await.unwrap().unwrap();
    other.user();
    *other = S::Newer::of(Some("alice"), "coffee");
    newer.save(&mut other).await.unwrap();
    *session.user() = None;
    bench.store.save(&mut session).await.unwrap();
    assert!(!is_there(&bench, &session).await);
}

macro_rules! in_every_format {
    ($($test:ident)*) => {$(
        mod $test {
            #[tokio::test]
            async fn in_every_format() {
                super::$test::<super::AsMap>().await;
                super::$test::<super::AsBytes>().await;
                super::$test::<super::Compressed>().await;
            }
        }
    )*};
}

in_every_format! {
    it_stays_with_its_user
    it_does_not_go_on_to_another_user
    a_save_beside_a_log_out_leaves_nothing_of_the_user
}
