//! G4, the exception: what a type declares as forgotten is removed by its next write of any kind, whatever the format
//! of `data`, and is not kept as unknown.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{
    DynamoDbStore, Error, Index, Session, SessionAttributes, SessionData, SessionId, Touch,
};
use session_store_tests::{Fault, Item, TestBench};

macro_rules! versions {
    ($($module:ident: $($format:ident = $value:literal),*;)*) => {$(
        mod $module {
            use super::*;

            /// As it was.
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests", type_name = "App", $($format = $value),*)]
            #[serde(default)]
            pub struct Before {
                #[dynamo(attr = "team", index)]
                pub team: Option<String>,
                pub theme: String,
                pub email: Option<String>,
                #[dynamo(attr = "address", index(shards = 2))]
                pub address: Option<String>,
                #[dynamo(attr = "user_id", index(consistent))]
                pub user_id: Option<String>,
                pub wishes: Vec<String>,
            }

            /// It forgets what names a person. The wishes are unknown to it, and are kept.
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests", type_name = "App", $($format = $value),*)]
            #[dynamo(forget("email", "address"), forget("user_id"))]
            #[serde(default)]
            pub struct After {
                #[dynamo(attr = "team", index)]
                pub team: Option<String>,
                pub theme: String,
            }

            impl super::Before for Before {
                fn of(theme: String) -> Self {
                    Self {
                        team: Some("t-1".into()),
                        theme,
                        email: Some("secret-email".into()),
                        address: Some("secret-address".into()),
                        user_id: Some("secret-user".into()),
                        wishes: vec!["a bicycle".into()],
                    }
                }

                fn is_forgotten(&self) -> bool {
                    let Self { email, address, user_id, .. } = self;
                    email.is_none() && address.is_none() && user_id.is_none()
                }

                fn wishes(&self) -> usize {
                    self.wishes.len()
                }

                fn set_email(&mut self) {
                    self.email = Some("secret-again".into());
                }

                fn set_theme(&mut self, theme: &str) {
                    self.theme = theme.into();
                }
            }

            impl super::After for After {
                type Before = Before;
                const TEAM: Index<Self, String> = Self::TEAM;

                fn theme(&mut self) -> &mut String {
                    &mut self.theme
                }
            }
        }
    )*};
}

versions! {
    map: data = "map";
    binary: data = "binary";
    zstd: data = "binary", compress = "zstd";
    zstd_map: compress = "zstd";
}

trait Before: SessionData {
    fn of(theme: String) -> Self;
    fn is_forgotten(&self) -> bool;
    fn wishes(&self) -> usize;
    fn set_email(&mut self);
    fn set_theme(&mut self, theme: &str);
}

trait After: SessionData + Default {
    type Before: Before;
    const TEAM: Index<Self, String>;
    fn theme(&mut self) -> &mut String;
}

struct Bench<S: After> {
    bench: TestBench<S>,
    before: DynamoDbStore<S::Before>,
}

impl<S: After> Bench<S> {
    async fn new() -> Self {
        let bench = TestBench::<S>::new().await;
        let before = bench.other().await;
        Self { bench, before }
    }

    /// A session that the binary of before has stored, of so many bytes that it is compressed.
    async fn session(&self) -> SessionId {
        let session = S::Before::of("light ".repeat(200));
        let created = self.before.create(session).await.unwrap();
        let item = self.bench.item(created.handle()).await.unwrap();
        assert!(!lacks(&item));
        created.id().clone()
    }

    async fn load(&self, id: &SessionId) -> Session<S> {
        self.bench.store.load(id).await.unwrap().unwrap()
    }

    /// Nothing of it is in the item, and what the type does not know otherwise is.
    async fn forgot(&self, id: &SessionId) -> bool {
        let item = self.bench.item(id.handle()).await.unwrap();
        let read = self.before.load(id).await.unwrap().unwrap();
        assert_eq!(read.wishes(), 1, "the rest is kept");
        assert_eq!(item["team"].as_s().unwrap(), "t-1");
        assert_eq!(lacks(&item), read.is_forgotten());
        lacks(&item)
    }
}

/// Whether an item has nothing of what is forgotten; all of it otherwise. Compressed data does not show it.
fn lacks(item: &Item) -> bool {
    let attributes = ["address", "address-shard", "user_id", "user_id-roster"];
    let attributes = attributes.iter().filter(|name| item.contains_key(**name));
    let attributes = attributes.count();
    let entries = ["email", "address", "user_id"].iter();
    let entries = match &item["data"] {
        AttributeValue::M(data) => Some(entries.filter(|name| data.contains_key(**name)).count()),
        AttributeValue::B(data) if item["format"].as_s().unwrap() == "cbor" => {
            let data = String::from_utf8_lossy(data.as_ref());
            Some(entries.filter(|name| data.contains(**name)).count())
        }
        AttributeValue::B(_) => None,
        other => panic!("{other:?}"),
    };
    match (attributes, entries) {
        (0, Some(0) | None) => true,
        (4, Some(3) | None) => false,
        other => panic!("a part of it: {other:?}"),
    }
}

async fn every_write<S: After>() {
    let bench = Bench::<S>::new().await;
    let store = &bench.bench.store;

    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    assert!(!bench.forgot(&id).await, "a load writes nothing");
    *session.theme() = "dark".into();
    store.save(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await, "a save");
    assert_eq!(*bench.load(&id).await.theme(), "dark");

    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    store.save(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await, "a save without a change");

    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    store.touch(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await, "a touch");

    for which in ["cycle_id", "log_in", "reauthenticated"] {
        let id = bench.session().await;
        let mut session = bench.load(&id).await;
        match which {
            "cycle_id" => store.cycle_id(&mut session).await.unwrap(),
            "log_in" => store.log_in(&mut session).await.unwrap(),
            _ => store.reauthenticated(&mut session).await.unwrap(),
        }
        assert!(bench.forgot(session.id()).await, "{which}");
    }

    let id = bench.session().await;
    store.update(&id, |_| ()).await.unwrap();
    assert!(bench.forgot(&id).await, "an update without a change");
    let id = bench.session().await;
    let change = |session: &mut S| *session.theme() = "dark".into();
    store.update(&id, change).await.unwrap();
    assert!(bench.forgot(&id).await, "an update");

    let id = bench.session().await;
    store.update_handle(id.handle(), |_| ()).await.unwrap();
    assert!(bench.forgot(&id).await, "a change by the handle");

    let id = bench.session().await;
    let changed = store.update_all(S::TEAM, "t-1", |_| ()).await.unwrap();
    assert!(changed.failed().is_empty());
    assert!(bench.forgot(&id).await, "a change of all");

    let id = bench.session().await;
    assert_eq!(store.reindex().await.unwrap().mended(), 1);
    assert!(bench.forgot(&id).await, "a reindex");
    assert_eq!(store.reindex().await.unwrap().mended(), 0);
}

#[tokio::test]
async fn every_write_removes_it_from_a_map() {
    every_write::<map::After>().await;
}

#[tokio::test]
async fn every_write_removes_it_from_binary_data() {
    every_write::<binary::After>().await;
}

#[tokio::test]
async fn every_write_removes_it_from_compressed_data() {
    every_write::<zstd::After>().await;
    every_write::<zstd_map::After>().await;
}

/// G14: one write, once. What has nothing to forget costs what it did.
async fn costs<S: After>() {
    let bench = Bench::<S>::new().await;
    let (store, wire) = (&bench.bench.store, &bench.bench.wire);
    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    wire.clear();
    store.touch(&mut session).await.unwrap();
    assert_eq!(wire.operations(), ["UpdateItem"]);
    wire.clear();
    store.touch(&mut session).await.unwrap();
    store.save(&mut session).await.unwrap();
    let mut again = bench.load(&id).await;
    store.touch(&mut again).await.unwrap();
    store.save(&mut again).await.unwrap();
    assert_eq!(wire.operations(), ["GetItem"]);

    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    wire.clear();
    store.save(&mut session).await.unwrap();
    store.save(&mut session).await.unwrap();
    assert_eq!(wire.operations(), ["UpdateItem"]);
    wire.clear();
    store.update(&id, |_| ()).await.unwrap();
    assert_eq!(wire.operations(), ["GetItem"]);
}

#[tokio::test]
async fn g14_it_is_one_write_once() {
    costs::<map::After>().await;
    costs::<binary::After>().await;
    costs::<zstd::After>().await;
}

/// A touch leaves unsaved changes unsaved, and the copy is good for the next save.
async fn touched_copies<S: After>() {
    let bench = Bench::<S>::new().await;
    let store = &bench.bench.store;
    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    let mut other = bench.load(&id).await;
    *session.theme() = "dark".into();
    store.touch(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await);
    assert_ne!(*bench.load(&id).await.theme(), "dark");
    bench.bench.wire.clear();
    store.save(&mut session).await.unwrap();
    assert_eq!(
        bench.bench.wire.operations(),
        ["UpdateItem"],
        "it is not behind"
    );
    assert_eq!(*bench.load(&id).await.theme(), "dark");
    // A copy from before the touch has it to forget, too.
    *other.theme() = "blue".into();
    store.save(&mut other).await.unwrap();
    assert_eq!(*bench.load(&id).await.theme(), "blue");
    assert!(bench.forgot(&id).await);
    let version = bench.bench.item(id.handle()).await.unwrap()["version"].clone();
    assert_eq!(version.as_n().unwrap(), "4", "each write of data counts");
}

#[tokio::test]
async fn a_copy_that_was_touched_is_good_for_a_save() {
    touched_copies::<map::After>().await;
    touched_copies::<binary::After>().await;
    touched_copies::<zstd::After>().await;
}

/// While both run: an older binary that changes something else does not bring it back, and one that writes the field
/// does, until the next write.
#[tokio::test]
async fn an_older_binary_brings_it_back_with_its_next_write_of_it() {
    let bench = Bench::<map::After>::new().await;
    let store = &bench.bench.store;
    let id = bench.session().await;
    let mut older = bench.before.load(&id).await.unwrap().unwrap();
    let mut session = bench.load(&id).await;
    store.touch(&mut session).await.unwrap();
    older.set_theme("old");
    bench.before.save(&mut older).await.unwrap();
    let item = bench.bench.item(id.handle()).await.unwrap();
    assert!(!item["data"].as_m().unwrap().contains_key("email"));

    older.set_email();
    bench.before.save(&mut older).await.unwrap();
    let item = bench.bench.item(id.handle()).await.unwrap();
    assert!(item["data"].as_m().unwrap().contains_key("email"));

    let mut session = bench.load(&id).await;
    store.touch(&mut session).await.unwrap();
    let item = bench.bench.item(id.handle()).await.unwrap();
    assert!(!item["data"].as_m().unwrap().contains_key("email"));
}

/// A copy that is saved onto the state of others, who have it to forget as well.
async fn overtaken<S: After>() {
    let bench = Bench::<S>::new().await;
    let store = &bench.bench.store;
    let id = bench.session().await;
    let mut session = bench.load(&id).await;
    let mut older = bench.before.load(&id).await.unwrap().unwrap();
    older.set_email();
    bench.before.save(&mut older).await.unwrap();
    *session.theme() = "dark".into();
    store.save(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await);
    assert_eq!(*bench.load(&id).await.theme(), "dark");
}

#[tokio::test]
async fn it_is_removed_from_what_others_have_stored_meanwhile() {
    overtaken::<map::After>().await;
    overtaken::<binary::After>().await;
    overtaken::<zstd::After>().await;
}

/// G13: the answer is lost, and the repetition is the same write.
async fn lost_answer<S: After>() {
    for by_touch in [true, false] {
        let bench = Bench::<S>::new().await;
        let (store, wire) = (&bench.bench.store, &bench.bench.wire);
        let id = bench.session().await;
        let mut session = bench.load(&id).await;
        wire.next("UpdateItem", Fault::LoseResponse);
        match by_touch {
            true => store.touch(&mut session).await.unwrap(),
            false => store.save(&mut session).await.unwrap(),
        }
        assert!(bench.forgot(&id).await);
        let item = bench.bench.item(id.handle()).await.unwrap();
        assert_eq!(item["version"].as_n().unwrap(), "2");
        assert_eq!(session.version(), 2);
        *session.theme() = "dark".into();
        store.save(&mut session).await.unwrap();
        assert_eq!(*bench.load(&id).await.theme(), "dark");
    }
}

#[tokio::test]
async fn g13_a_lost_answer_is_one_write() {
    lost_answer::<map::After>().await;
    lost_answer::<binary::After>().await;
}

/// G1: a touch or save that would only forget brings no session back.
#[tokio::test]
async fn g1_a_session_that_has_ended_is_not_brought_back() {
    let bench = Bench::<map::After>::new().await;
    let store = &bench.bench.store;
    let id = bench.session().await;
    let (mut touched, mut saved) = (bench.load(&id).await, bench.load(&id).await);
    store.delete(&id).await.unwrap();
    assert!(matches!(
        store.touch(&mut touched).await,
        Err(Error::Gone(_))
    ));
    assert!(matches!(store.save(&mut saved).await, Err(Error::Gone(_))));
    assert!(bench.bench.item(id.handle()).await.is_none());
}

/// With a policy that never touches, a visit still removes it, and does not extend the session.
#[tokio::test]
async fn a_visit_removes_it_whatever_the_policy_of_touches() {
    let bench = Bench::<map::After>::new().await;
    let builder = DynamoDbStore::<map::After>::builder();
    let builder = builder.client(bench.bench.store.client().clone());
    let builder = builder.table_name(bench.bench.store.table_name());
    let store = builder.touch(Touch::Never).build().await.unwrap();
    let id = bench.session().await;
    let mut session = store.load(&id).await.unwrap().unwrap();
    let ends = session.expires_at();
    bench.bench.clock.advance(Duration::from_secs(60));
    store.touch(&mut session).await.unwrap();
    assert!(bench.forgot(&id).await);
    assert_eq!(bench.load(&id).await.expires_at(), ends);
}

/// The keys of a flattened map are not known to the compiler.
#[tokio::test]
async fn a_flattened_map_neither_reads_nor_writes_it() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(
        table = "tests",
        type_name = "App",
        forget("email", "address", "user_id")
    )]
    #[serde(default)]
    struct Flat {
        #[dynamo(attr = "team", index)]
        team: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, serde_json::Value>,
    }

    let bench = TestBench::<Flat>::new().await;
    let before = bench.other::<map::Before>().await;
    let created = before
        .create(map::Before::of("light".into()))
        .await
        .unwrap();
    let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
    let keys: Vec<_> = session.rest.keys().map(String::as_str).collect();
    assert_eq!(keys, ["theme", "wishes"]);
    session.rest.insert("theme".into(), "dark".into());
    bench.store.save(&mut session).await.unwrap();
    assert!(lacks(&bench.item(created.handle()).await.unwrap()));
    assert_eq!(
        before.load(created.id()).await.unwrap().unwrap().theme,
        "dark"
    );

    session.rest.insert("email".into(), "new".into());
    bench.wire.clear();
    match bench.store.save(&mut session).await {
        Err(Error::Encode(error)) => {
            let message = session_store_tests::chain(&error);
            assert!(
                message.contains("email") && message.contains("forget"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.wire.operations(), Vec::<String>::new());
}

/// The format changes in the same deploy.
#[tokio::test]
async fn it_goes_from_data_in_an_earlier_format() {
    async fn between<S: After, B: Before>() {
        for by_touch in [true, false] {
            let bench = TestBench::<S>::new().await;
            let before = bench.other::<B>().await;
            let created = before.create(B::of("light ".repeat(200))).await.unwrap();
            let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
            match by_touch {
                true => bench.store.touch(&mut session).await.unwrap(),
                false => bench.store.save(&mut session).await.unwrap(),
            }
            let item = bench.item(created.handle()).await.unwrap();
            assert!(!item.contains_key("user_id"));
            let read = before.load(created.id()).await.unwrap().unwrap();
            assert!(read.is_forgotten());
            assert_eq!(read.wishes(), 1);
            *session.theme() = "dark".into();
            bench.store.save(&mut session).await.unwrap();
            let mut read = bench.store.load(created.id()).await.unwrap().unwrap();
            assert_eq!(*read.theme(), "dark");
        }
    }
    between::<map::After, zstd::Before>().await;
    between::<map::After, binary::Before>().await;
    between::<binary::After, map::Before>().await;
    between::<zstd::After, binary::Before>().await;
}
