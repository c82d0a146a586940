//! Cases in which data was lost.

use std::collections::BTreeMap;
use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::TestBench;

use super::formats::MAP;
use super::sessions::{Flat, Holds};
use super::values::{Verdict, verdict};

type Counts = BTreeMap<u8, u8>;

fn counts() -> Counts {
    BTreeMap::from([(7, 1)])
}

/// Stored and unreadable is the one verdict that no session may get.
fn is_readable_or_refused<T>(fields: &[&str], value: &T)
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    for field in fields {
        let mut session = Holds::plain(value.clone());
        session.put(field, value.clone());
        let verdict = verdict::<MAP, _>(&session).unwrap();
        assert!(
            !matches!(verdict, Verdict::Unreadable(_)),
            "{field}: {verdict:?}"
        );
    }
}

/// serde reads the keys of a buffered map as text, and a number is not made of text.
#[test]
fn a_map_with_numbers_as_keys_in_a_buffered_enum_is_refused_before_the_call() {
    is_readable_or_refused(&["internal", "untagged", "flattened"], &counts());
}

#[test]
fn a_flattened_map_of_such_maps_is_refused_before_the_call() {
    let rest = BTreeMap::from([("a".to_owned(), counts())]);
    let verdict = verdict::<MAP, _>(&Flat { own: 1, rest }).unwrap();
    assert!(!matches!(verdict, Verdict::Unreadable(_)), "{verdict:?}");
}

/// serde buffers the content of an adjacently tagged enum if it comes before the tag. The entries of a map
/// come in an order that differs each time.
#[test]
fn an_adjacently_tagged_enum_is_read_each_time() {
    let mut session = Holds::plain(counts());
    session.put("adjacent", counts());
    for _ in 0..40 {
        assert_eq!(verdict::<MAP, _>(&session).unwrap(), Verdict::ComesBack);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Measured {
    visits: u64,
    float: f64,
}

/// A save writes only the fields that changed, and a new id all of them.
#[tokio::test]
async fn a_new_id_keeps_the_digits_of_a_field_that_did_not_change() {
    let bench = TestBench::<Measured>::new().await;
    let created = bench.store.create(Measured::default()).await.unwrap();
    let mut item = bench.item(created.handle()).await.unwrap();
    let AttributeValue::M(data) = item.get_mut("data").unwrap() else {
        panic!("not a map");
    };
    let digits = AttributeValue::N("0.12345678901234567890123456789".to_owned());
    data.insert("float".to_owned(), digits.clone());
    bench.put(item).await;

    let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
    session.visits += 1;
    bench.store.save(&mut session).await.unwrap();
    let saved = bench.item(session.handle()).await.unwrap();
    assert_eq!(saved["data"].as_m().unwrap()["float"], digits);
    bench.store.cycle_id(&mut session).await.unwrap();
    let cycled = bench.item(session.handle()).await.unwrap();
    assert_eq!(cycled["data"].as_m().unwrap()["float"], digits);
}
