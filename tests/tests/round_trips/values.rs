//! Any value of any type: the same verdict in each format.

use std::collections::BTreeMap;
use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_store::{Error, SessionAttributes, SessionId, private};
use session_store_tests::{Item, TestBench};

use super::formats::{BINARY, BINARY_COMPRESSED, COMPRESSED, Declared, In, MAP};
use super::losses::Json;
use super::sessions::{Flat, Holds, holds};
use super::shapes::any::{Any, anything};
use super::shapes::enums::{entries, internal};
use super::shapes::json::json;
use super::shapes::keys::{color, keyed};
use super::shapes::scalars::name;
use super::{check, runtime};

const NOW: u64 = 1_800_000_000_000;

/// How a session was received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    ComesBack,
    /// Before the call, by the path of a value.
    Refused(String),
    /// It was stored, and cannot be read.
    Unreadable(String),
}

type Tested<T> = Result<T, TestCaseError>;

/// Stores a session as a value, and reads it.
pub(crate) fn verdict<const FORMAT: usize, S>(session: &S) -> Tested<Verdict>
where
    S: Declared + Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    let session = In::<FORMAT, S>(session.clone());
    let checked = private::check_reads_back(&id, &session);
    let mut item = match checked.and_then(|()| private::encode(&id, &session, NOW)) {
        Ok(item) => item,
        Err(error) => return refused(error),
    };
    as_dynamodb_returns(&mut item);
    match private::decode::<In<FORMAT, S>>(&id, item, NOW) {
        Ok(loaded) => comes_back(loaded.as_deref(), &session),
        Err(error) => Ok(Verdict::Unreadable(error.path().to_owned())),
    }
}

/// The same by a store.
async fn verdict_of_store<S>(bench: &TestBench<S>, session: &S) -> Tested<Verdict>
where
    S: SessionAttributes + Clone + Debug + PartialEq + Serialize + DeserializeOwned,
    S: Send + Sync + 'static,
{
    bench.wire.clear();
    let created = match bench.store.create(session.clone()).await {
        Ok(created) => created,
        Err(error) => {
            let sent = bench.wire.operations();
            prop_assert!(sent.is_empty(), "{sent:?} was sent, and then {error}");
            return refused(error);
        }
    };
    match bench.store.load(created.id()).await {
        Ok(loaded) => comes_back(loaded.as_deref(), session),
        Err(Error::Decode(error)) => Ok(Verdict::Unreadable(error.path().to_owned())),
        Err(error) => Err(TestCaseError::fail(format!("a load fails: {error}"))),
    }
}

fn comes_back<S: PartialEq + Debug>(loaded: Option<&S>, stored: &S) -> Tested<Verdict> {
    prop_assert_eq!(loaded, Some(stored));
    Ok(Verdict::ComesBack)
}

fn refused(error: Error) -> Tested<Verdict> {
    match error {
        Error::Encode(error) => Ok(Verdict::Refused(error.path().to_owned())),
        error => Err(TestCaseError::fail(format!(
            "not an error of encoding: {error}"
        ))),
    }
}

/// All formats agree about a session.
fn verdict_of_all<S>(session: &S) -> Tested<Verdict>
where
    S: Declared + Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let verdict_of_map = verdict::<MAP, S>(session)?;
    prop_assert_eq!(&verdict::<BINARY, S>(session)?, &verdict_of_map, "binary");
    let both = verdict::<BINARY_COMPRESSED, S>(session)?;
    prop_assert_eq!(&both, &verdict_of_map, "binary and compressed");
    let compressed = verdict::<COMPRESSED, S>(session)?;
    prop_assert_eq!(&compressed, &verdict_of_map, "compressed");
    Ok(verdict_of_map)
}

/// A refused session is refused by the name of a field that has the value.
fn is_by_name(verdict: &Verdict, fields: &[&str]) -> Tested<()> {
    match verdict {
        Verdict::ComesBack => Ok(()),
        Verdict::Refused(path) => {
            let field = path.split(['.', '[']).next().unwrap();
            prop_assert!(fields.contains(&field), "refused for `{path}`");
            Ok(())
        }
        Verdict::Unreadable(path) => {
            prop_assert!(false, "it is stored, and `{path}` cannot be read");
            Ok(())
        }
    }
}

/// DynamoDB returns a number in one spelling, and the item is a copy.
pub(crate) fn as_dynamodb_returns(entries: &mut Item) {
    entries.values_mut().for_each(normalize);
}

fn normalize(value: &mut AttributeValue) {
    match value {
        AttributeValue::N(text) if text == "-0" => *text = "0".to_owned(),
        AttributeValue::L(values) => values.iter_mut().for_each(normalize),
        AttributeValue::M(entries) => as_dynamodb_returns(entries),
        _ => {}
    }
}

#[test]
fn any_value_comes_back_or_is_refused_by_name_in_all_formats() {
    check(800, holds(), |(session, fields)| {
        is_by_name(&verdict_of_all(&session)?, &fields)
    });
}

#[test]
fn a_map_is_refused_if_and_only_if_a_key_has_no_text_or_that_of_another() {
    check(300, keyed(), |keyed| {
        let expected = match keyed.has_bad_key() {
            true => Verdict::Refused("plain.Keyed".to_owned()),
            false => Verdict::ComesBack,
        };
        let session = Holds::plain(Any::Keyed(keyed));
        let verdict = verdict_of_all(&session)?;
        match (&verdict, &expected) {
            (Verdict::Refused(path), Verdict::Refused(begin)) => {
                prop_assert!(path.starts_with(begin), "{}", path);
            }
            _ => prop_assert_eq!(verdict, expected),
        }
        Ok(())
    });
}

/// A session with a flattened field of this type.
fn check_flat<T>(rest: impl Strategy<Value = T>)
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    check(80, (any::<u8>(), rest), |(own, rest)| {
        // The entries of a flattened field are those of the session, and so are their paths.
        is_by_name(
            &verdict_of_all(&Flat { own, rest })?,
            &["own", "rest", "*", "data"],
        )
    });
}

#[test]
fn a_flattened_map_comes_back_or_is_refused() {
    check_flat(btree_map(name(), anything(), 0..3));
    check_flat(btree_map(name(), json().prop_map(Json), 0..3));
    check_flat(btree_map("own|[a-c]", any::<u8>(), 0..3));
    check_flat(btree_map(any::<char>(), any::<f32>(), 0..3));
    check_flat(btree_map(color(), any::<Option<u8>>(), 0..3));
}

#[test]
fn a_flattened_type_comes_back_or_is_refused() {
    check_flat(entries());
    check_flat(option::of(entries()));
    check_flat(internal());
    check_flat(Just(()));
    check_flat(Just(BTreeMap::<String, u8>::new()));
}

/// Fewer values, by a store on its engine.
fn check_store<const FORMAT: usize>() {
    let runtime = runtime();
    let bench = runtime.block_on(TestBench::<In<FORMAT, _>>::new());
    check(40, holds(), |(session, fields)| {
        let expected = verdict::<FORMAT, _>(&session)?;
        let verdict = runtime.block_on(verdict_of_store(&bench, &In(session)))?;
        prop_assert_eq!(&verdict, &expected);
        is_by_name(&verdict, &fields)
    });
}

#[test]
fn a_store_of_maps_has_the_same_verdict() {
    check_store::<MAP>();
}

#[test]
fn a_store_of_binary_data_has_the_same_verdict() {
    check_store::<BINARY>();
}

#[test]
fn a_store_of_compressed_binary_data_has_the_same_verdict() {
    check_store::<BINARY_COMPRESSED>();
}

#[test]
fn a_store_of_compressed_data_has_the_same_verdict() {
    check_store::<COMPRESSED>();
}
