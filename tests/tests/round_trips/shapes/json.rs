//! Values of serde_json.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::scalars::{float, name};
use crate::round_trips::losses::{Json, Nullable};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Jsons {
    One(Json),
    Maybe(Nullable<Json>),
    List(Vec<Json>),
    Map(BTreeMap<String, Json>),
}

pub(crate) fn jsons() -> impl Strategy<Value = Jsons> {
    prop_oneof![
        json().prop_map(|it| Jsons::One(Json(it))),
        option::of(json()).prop_map(|it| Jsons::Maybe(Nullable(it.map(Json)))),
        vec(json().prop_map(Json), 0..3).prop_map(Jsons::List),
        btree_map(name(), json().prop_map(Json), 0..3).prop_map(Jsons::Map),
    ]
}

pub(crate) fn json() -> impl Strategy<Value = Value> {
    prop_oneof![16 => shallow(), 1 => deep()]
}

/// Some of them in more lists than DynamoDB allows.
fn deep() -> impl Strategy<Value = Value> {
    (shallow(), 20..36)
        .prop_map(|(value, depth)| (0..depth).fold(value, |value, _| Value::Array(vec![value])))
}

fn shallow() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // JSON has no infinity.
        float().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(name(), inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}
