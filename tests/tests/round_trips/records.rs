//! Any map of JSON behind the frameworks' traits.

use std::collections::HashMap;

use actix_session::storage::SessionStore as _;
use proptest::collection::hash_map;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_store::SessionAttributes;
use session_store::frameworks::actix_session::ActixSessions;
use session_store::frameworks::tower_sessions::{RESERVED_KEY, TowerSessions};
use session_store_tests::TestBench;

use super::losses::is_same_json;
use super::shapes::json::json;
use super::shapes::scalars::name;
use super::{check, runtime};

/// The part of the framework's map that the application knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
#[serde(default)]
struct App {
    #[dynamo(attr = "any")]
    any: Value,
}

type Data = HashMap<String, Value>;
type Tested = Result<(), TestCaseError>;

fn data() -> impl Strategy<Value = Data> {
    hash_map(
        prop_oneof![3 => name(), 1 => Just("any".to_owned())],
        json(),
        0..4,
    )
}

fn is_same(stored: &Data, read: &Data) -> Tested {
    let is_same = |name: &String| {
        let pair = stored.get(name).zip(read.get(name));
        pair.is_some_and(|(stored, read)| is_same_json(stored, read))
    };
    prop_assert!(
        stored.len() == read.len() && stored.keys().all(is_same),
        "{:?} is read as {:?}",
        stored,
        read
    );
    Ok(())
}

/// Only what DynamoDB has no form of is refused, with a path, and nothing was sent.
fn is_refused_by_name(bench: &TestBench<App>, data: &Data, error: &str) -> Tested {
    let sent = bench.wire.operations();
    prop_assert!(sent.is_empty(), "{sent:?} was sent, and then {error}");
    let is_refused = |name: &String, value: &Value| {
        name.is_empty() || has_no_form(value) || depth(value) >= MAX_DEPTH
    };
    prop_assert!(
        data.iter().any(|(name, value)| is_refused(name, value)),
        "{}",
        error
    );
    // The names of entries are the application's own. An empty one is of the whole.
    let is_named = |name: &String| error.contains(&format!("`{name}"));
    let is_named = data.keys().any(is_named) || error.contains("`data`");
    prop_assert!(is_named, "{}", error);
    Ok(())
}

fn has_no_form(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|float| {
            let size = float.abs();
            size >= 1e126 || size > 0.0 && size < 1e-130
        }),
        Value::Array(values) => values.iter().any(has_no_form),
        Value::Object(entries) => entries
            .iter()
            .any(|(name, value)| name.is_empty() || has_no_form(value)),
        _ => false,
    }
}

/// The lists and maps in one another. The record itself is in some of DynamoDB's 32 levels.
const MAX_DEPTH: usize = 28;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

macro_rules! tower {
    ($name:ident, $core:ident) => {
        #[test]
        fn $name() {
            use $core::SessionStore as _;
            use $core::session::{Id, Record};

            let runtime = runtime();
            let bench = runtime.block_on(TestBench::<App>::new());
            let store = TowerSessions::new(bench.store.clone());
            check(40, (data(), data()), |(one, two)| {
                runtime.block_on(async {
                    bench.wire.clear();
                    let ends = (bench.clock.millis() / 1000 + 1800) as i64;
                    let mut record = Record {
                        id: Id::default(),
                        data: one.clone(),
                        expiry_date: time::OffsetDateTime::from_unix_timestamp(ends).unwrap(),
                    };
                    if let Err(error) = store.create(&mut record).await {
                        return is_refused_by_name(&bench, &one, &error.to_string());
                    }
                    let mut loaded = store.load(&record.id).await.unwrap().unwrap();
                    let base = loaded.data.remove(RESERVED_KEY).unwrap();
                    is_same(&one, &loaded.data)?;

                    loaded.data = two.clone();
                    loaded.data.insert(RESERVED_KEY.to_owned(), base);
                    bench.wire.clear();
                    if let Err(error) = store.save(&loaded).await {
                        return is_refused_by_name(&bench, &two, &error.to_string());
                    }
                    let mut loaded = store.load(&record.id).await.unwrap().unwrap();
                    loaded.data.remove(RESERVED_KEY);
                    is_same(&two, &loaded.data)
                })
            });
        }
    };
}

tower!(
    any_map_comes_back_behind_tower_sessions_0_15,
    tower_sessions_core
);
tower!(
    any_map_comes_back_behind_tower_sessions_0_14,
    tower_sessions_core_0_14
);

/// The framework's error has its own text, and the store's as its source.
fn whole(error: &dyn std::error::Error) -> String {
    session_store_tests::chain(error)
}

#[test]
fn any_map_comes_back_behind_actix_session() {
    const RESERVED: &str = "session-store";
    let runtime = runtime();
    let bench = runtime.block_on(TestBench::<App>::new());
    let store = ActixSessions::new(bench.store.clone());
    let texts = |data: &Data| -> HashMap<String, String> {
        let entries = data.iter();
        entries
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect()
    };
    let values = |state: &HashMap<String, String>| -> Data {
        let entries = state.iter();
        entries
            .map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap()))
            .collect()
    };
    let ttl = time::Duration::minutes(30);
    check(40, (data(), data()), |(one, two)| {
        runtime.block_on(async {
            bench.wire.clear();
            let key = match store.save(texts(&one), &ttl).await {
                Ok(key) => key,
                Err(error) => return is_refused_by_name(&bench, &one, &whole(&error)),
            };
            let mut state = store.load(&key).await.unwrap().unwrap();
            let base = state.remove(RESERVED).unwrap();
            is_same(&one, &values(&state))?;

            let mut state = texts(&two);
            state.insert(RESERVED.to_owned(), base);
            bench.wire.clear();
            let key = match store.update(key, state, &ttl).await {
                Ok(key) => key,
                Err(error) => return is_refused_by_name(&bench, &two, &whole(&error)),
            };
            let mut state = store.load(&key).await.unwrap().unwrap();
            state.remove(RESERVED);
            is_same(&two, &values(&state))
        })
    });
}
