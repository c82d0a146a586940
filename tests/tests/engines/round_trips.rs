//! Any data is read as it was written. The Ring store, from which this store began, behaved so.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use session_store::{SessionAttributes, SessionId};
use session_store_tests::TestBench;

use crate::App;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Any {
    Unit,
    Flag(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Char(char),
    Text(String),
    Maybe(Option<Box<Any>>),
    List(Vec<Any>),
    Map(BTreeMap<String, Any>),
    Pair(Box<Any>, u8),
    Named {
        left: Box<Any>,
        right: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Sack {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    any: Any,
    more: BTreeMap<String, Any>,
}

fn anything() -> impl Strategy<Value = Any> {
    // DynamoDB stores 38 digits, and magnitudes from 1e-130 to 9.99e125.
    let float = prop_oneof![
        Just(0.0),
        -1e15..1e15,
        (1.0..9.0_f64, -120..120_i32).prop_map(|(m, e)| m * 10_f64.powi(e))
    ];
    let leaf = prop_oneof![
        Just(Any::Unit),
        any::<bool>().prop_map(Any::Flag),
        any::<i64>().prop_map(Any::Signed),
        any::<u64>().prop_map(Any::Unsigned),
        float.prop_map(Any::Float),
        any::<char>().prop_map(Any::Char),
        ".{0,20}".prop_map(Any::Text),
        Just(Any::Maybe(None)),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = ".{1,8}";
        prop_oneof![
            inner
                .clone()
                .prop_map(|any| Any::Maybe(Some(Box::new(any)))),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Any::List),
            prop::collection::btree_map(key, inner.clone(), 0..5).prop_map(Any::Map),
            (inner.clone(), any::<u8>()).prop_map(|(any, n)| Any::Pair(Box::new(any), n)),
            (inner, prop::option::of(".{0,5}")).prop_map(|(left, right)| Any::Named {
                left: Box::new(left),
                right
            }),
        ]
    })
}

fn sack() -> impl Strategy<Value = Sack> {
    let user = prop::option::of(".{1,20}");
    let more = prop::collection::btree_map(".{1,8}", anything(), 0..4);
    (user, anything(), more).prop_map(|(user_id, any, more)| Sack { user_id, any, more })
}

/// Runs cases of one property on one table; proptest does not support async.
fn check(
    cases: u32,
    property: impl AsyncFn(&TestBench<Sack>, Sack, Sack) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bench = runtime.block_on(TestBench::<Sack>::new());
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let run = runner.run(&(sack(), sack()), |(one, two)| {
        runtime.block_on(property(&bench, one, two))
    });
    run.unwrap();
}

#[test]
fn any_data_is_read_as_it_was_created() {
    check(64, async |bench, data, _| {
        let created = bench.store.create(data.clone()).await.unwrap();
        let loaded = bench.store.load(created.id()).await.unwrap().unwrap();
        prop_assert_eq!(&*loaded, &data);
        prop_assert_eq!(loaded.created_at(), created.created_at());
        prop_assert_eq!(loaded.expires_at(), created.expires_at());
        Ok(())
    });
}

#[test]
fn any_data_is_absent_after_delete() {
    check(16, async |bench, data, _| {
        let session = bench.store.create(data).await.unwrap();
        bench.store.delete(session.id()).await.unwrap();
        prop_assert!(bench.store.load(session.id()).await.unwrap().is_none());
        Ok(())
    });
}

/// From any state to any other, only by the changes.
#[test]
fn any_data_is_read_as_it_was_saved() {
    check(64, async |bench, one, two| {
        let mut session = bench.store.create(one).await.unwrap();
        *session = two.clone();
        bench.store.save(&mut session).await.unwrap();
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        prop_assert_eq!(&*loaded, &two);
        let item = bench.item(session.handle()).await.unwrap();
        prop_assert_eq!(
            item.get("user_id").map(|id| id.as_s().unwrap()),
            two.user_id.as_ref()
        );
        Ok(())
    });
}

#[tokio::test]
async fn an_unknown_id_has_no_session_and_may_be_deleted() {
    let bench = TestBench::<App>::new().await;
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    assert!(bench.store.load(&id).await.unwrap().is_none());
    bench.store.delete(&id).await.unwrap();
}

#[tokio::test]
async fn a_new_session_gets_its_id_from_the_store() {
    let bench = TestBench::<App>::new().await;
    let one = bench.store.create(App::of("u-17")).await.unwrap();
    let two = bench.store.create(App::of("u-17")).await.unwrap();
    assert_ne!(one.id(), two.id());
    assert_eq!(one.version(), 1);
}

#[tokio::test]
async fn a_promoted_field_is_a_native_attribute_beside_the_data() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["user_id"].as_s().unwrap(), "u-17");
    assert_eq!(
        item["data"].as_m().unwrap()["user_id"].as_s().unwrap(),
        "u-17"
    );
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "created_at",
            "data",
            "expires_at",
            "id",
            "session_type",
            "touched_at",
            "user_id",
            "version",
            "writes"
        ]
    );
    assert_eq!(item["id"].as_s().unwrap(), &session.handle().to_string());
    assert_eq!(item["version"].as_n().unwrap(), "1");
    assert_eq!(item["created_at"], item["touched_at"]);
    assert_eq!(
        item["created_at"].as_n().unwrap(),
        &bench.clock.millis().to_string()
    );
}
