//! G11. Too large or not storable is known before the call: over 400 KB is `TooLarge`, which names the
//! largest fields; a value that DynamoDB refuses is `Encode`, which names the field.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes};
use session_store_tests::{TestBench, chain};

use crate::App;

/// A session with every kind of value that DynamoDB refuses.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Odd {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "device", index)]
    device: Option<Vec<u8>>,
    #[dynamo(attr = "raw", with = raw)]
    raw: String,
    #[dynamo(attr = "odd_key", index, with = raw, key = String)]
    odd_key: String,
    ratio: f64,
    small: f32,
    big: Option<u128>,
    list: Vec<f64>,
    map: BTreeMap<String, u8>,
    deep: Deep,
}

/// A set by its name, and any other text as a number.
fn raw(text: &str) -> Option<AttributeValue> {
    Some(match text {
        "" => return None,
        "empty set" => AttributeValue::Ss(vec![]),
        "numbers twice" => AttributeValue::Ns(vec!["1".into(), "1.0".into()]),
        "bytes twice" => AttributeValue::Bs(vec![Blob::new("a"), Blob::new("a")]),
        number => AttributeValue::N(number.into()),
    })
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Deep(Vec<Deep>);

impl Deep {
    fn levels(n: usize) -> Self {
        (1..n).fold(Self::default(), |inner, _| Self(vec![inner]))
    }
}

async fn expect_refused(bench: &TestBench<Odd>, path: &str, odd: impl Fn(&mut Odd)) {
    bench.wire.clear();
    let mut data = Odd::default();
    odd(&mut data);
    match bench.store.create(data).await {
        Err(error @ Error::Encode(_)) => {
            let Error::Encode(encode) = &error else {
                unreachable!()
            };
            assert_eq!(encode.path(), path, "{}", chain(&error));
        }
        created => panic!("{path}: {created:?}"),
    }
    assert!(
        bench.wire.calls().is_empty(),
        "{path} is refused before the call"
    );

    let mut session = bench.store.create(Odd::default()).await.unwrap();
    let item = bench.item(session.handle()).await;
    bench.wire.clear();
    odd(&mut session);
    let saved = bench.store.save(&mut session).await;
    assert!(matches!(saved, Err(Error::Encode(_))), "{path}: {saved:?}");
    assert!(bench.wire.calls().is_empty());
    assert_eq!(
        bench.item(session.handle()).await,
        item,
        "the stored session is unchanged"
    );
}

#[tokio::test]
async fn a_value_that_dynamodb_refuses_is_refused_before_the_call() {
    let bench = TestBench::<Odd>::new().await;
    expect_refused(&bench, "ratio", |odd| odd.ratio = f64::NAN).await;
    expect_refused(&bench, "ratio", |odd| odd.ratio = f64::INFINITY).await;
    expect_refused(&bench, "ratio", |odd| odd.ratio = 1e126).await;
    expect_refused(&bench, "ratio", |odd| odd.ratio = 1e-131).await;
    expect_refused(&bench, "small", |odd| odd.small = f32::NEG_INFINITY).await;
    expect_refused(&bench, "big", |odd| odd.big = Some(1)).await;
    expect_refused(&bench, "list[2]", |odd| odd.list = vec![0.0, 1.0, f64::NAN]).await;
    expect_refused(&bench, "map", |odd| {
        odd.map = BTreeMap::from([(String::new(), 1)])
    })
    .await;
    expect_refused(&bench, "user_id", |odd| odd.user_id = Some(String::new())).await;
    expect_refused(&bench, "user_id", |odd| {
        odd.user_id = Some("a".repeat(2049))
    })
    .await;
    expect_refused(&bench, "device", |odd| odd.device = Some(Vec::new())).await;
    expect_refused(&bench, "odd_key", |odd| odd.odd_key = "1".into()).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "1e126".into()).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "1".repeat(39)).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "one".into()).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "empty set".into()).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "numbers twice".into()).await;
    expect_refused(&bench, "raw", |odd| odd.raw = "bytes twice".into()).await;
    expect_refused(&bench, &format!("deep{}", "[0]".repeat(30)), |odd| {
        odd.deep = Deep::levels(31)
    })
    .await;
}

/// A value just within each limit is stored, and read back.
#[tokio::test]
async fn a_value_just_within_each_bound_is_stored() {
    let bench = TestBench::<Odd>::new().await;
    let data = Odd {
        user_id: Some("a".repeat(2048)),
        device: Some(vec![0]),
        raw: "9.9999999999999999999999999999999999999e125".into(),
        ratio: 1e-130,
        small: f32::MAX,
        list: vec![],
        map: BTreeMap::from([("k".to_owned(), 1)]),
        deep: Deep::levels(30),
        ..Odd::default()
    };
    let session = bench.store.create(data).await.unwrap();
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(stored.ratio, 1e-130);
    assert_eq!(stored.small, f32::MAX);
}

/// An anonymous user has no id; an empty text, list or map is allowed if it is not a key.
#[tokio::test]
async fn empty_values_outside_of_keys_are_stored() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::default()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert!(!item.contains_key("user_id") && !item.contains_key("roles"));
    assert_eq!(
        *bench.store.load(session.id()).await.unwrap().unwrap(),
        App::default()
    );
}

async fn create_with(store: &DynamoDbStore<App>, theme: usize) -> Result<(), Error> {
    let data = App {
        theme: "x".repeat(theme),
        roles: BTreeSet::from(["admin".into()]),
        ..App::of("u-17")
    };
    store.create(data).await.map(drop)
}

#[tokio::test]
async fn a_create_over_400_kb_is_refused_before_the_call() {
    let bench = TestBench::<App>::new().await;
    create_with(&bench.store, 399 * 1024).await.unwrap();
    bench.wire.clear();
    match create_with(&bench.store, 401 * 1024).await {
        Err(Error::TooLarge(error)) => {
            assert!(error.size().unwrap() > 401 * 1024);
            assert_eq!(error.largest()[0].0, "theme");
            assert_eq!(error.largest()[0].1, "theme".len() + 401 * 1024);
            assert!(error.to_string().contains("`theme`"));
        }
        created => panic!("{created:?}"),
    }
    assert!(bench.wire.calls().is_empty());
}

#[tokio::test]
async fn a_save_over_400_kb_is_refused_before_the_call() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let item = bench.item(session.handle()).await;
    bench.wire.clear();
    session.theme = "x".repeat(401 * 1024);
    assert!(matches!(
        bench.store.save(&mut session).await,
        Err(Error::TooLarge(_))
    ));
    assert!(bench.wire.calls().is_empty());
    assert_eq!(bench.item(session.handle()).await, item);
}

/// Each of two copies is small enough, but both together are too large. Only DynamoDB can see that.
#[tokio::test]
async fn a_save_onto_an_item_that_others_enlarged_is_too_large() {
    let bench = TestBench::<App>::new().await;
    let mut one = bench.store.create(App::of("u-17")).await.unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    one.theme = "x".repeat(300 * 1024);
    bench.store.save(&mut one).await.unwrap();
    two.cart = vec![crate::Line {
        sku: "y".repeat(200 * 1024),
        qty: 1,
    }];
    match bench.store.save(&mut two).await {
        Err(Error::TooLarge(error)) => {
            assert_eq!(error.size(), None);
            assert_eq!(error.largest()[0].0, "cart");
        }
        saved => panic!("{saved:?}"),
    }
}
