//! Every representation of an enum.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::scalars::{Bytes, bytes, float, name, single};
use crate::round_trips::losses::{Null, Nullable, is_same_number};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Enums {
    External(External),
    Internal(Internal),
    Adjacent(Adjacent),
    Loose(Loose),
    MaybeExternal(Option<External>),
    MaybeInternal(Option<Internal>),
    MaybeAdjacent(Option<Adjacent>),
    MaybeLoose(Nullable<Loose>),
    Externals(Vec<External>),
    Internals(BTreeMap<String, Internal>),
    Adjacents(Vec<Option<Adjacent>>),
    Looses(BTreeMap<String, Loose>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum External {
    Unit,
    New(f64),
    Pair(i64, String),
    Named { text: Option<String>, bytes: Bytes },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Internal {
    Unit,
    New(Entries),
    Map(BTreeMap<String, f32>),
    Named {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<char>,
        list: Vec<f32>,
        bytes: Bytes,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
pub(crate) enum Adjacent {
    Unit,
    New(f32),
    Pair(u8, Bytes),
    Named { text: Option<String>, wide: u64 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Loose {
    Unit,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Before the text, which takes bytes as well.
    Bytes(Bytes),
    Text(String),
    Named {
        named: bool,
    },
    Map(BTreeMap<String, Loose>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entries {
    number: u64,
    float: f64,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

/// A float that is an integer comes back as [`Loose::Int`].
impl PartialEq for Loose {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unit, Self::Unit) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Named { named: a }, Self::Named { named: b }) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Float(float), Self::Int(integer)) | (Self::Int(integer), Self::Float(float)) => {
                is_same_number(*float, *integer)
            }
            _ => false,
        }
    }
}

impl Null for Loose {
    fn is_null(&self) -> bool {
        matches!(self, Self::Unit)
    }
}

pub(crate) fn enums() -> impl Strategy<Value = Enums> {
    prop_oneof![
        8 => prop_oneof![
            external().prop_map(Enums::External),
            internal().prop_map(Enums::Internal),
            adjacent().prop_map(Enums::Adjacent),
            loose().prop_map(Enums::Loose),
            option::of(external()).prop_map(Enums::MaybeExternal),
            option::of(internal()).prop_map(Enums::MaybeInternal),
            option::of(adjacent()).prop_map(Enums::MaybeAdjacent),
            option::of(loose()).prop_map(|it| Enums::MaybeLoose(Nullable(it))),
        ],
        4 => prop_oneof![
            vec(external(), 0..3).prop_map(Enums::Externals),
            btree_map(name(), internal(), 0..3).prop_map(Enums::Internals),
            vec(option::of(adjacent()), 0..3).prop_map(Enums::Adjacents),
            btree_map(name(), loose(), 0..3).prop_map(Enums::Looses),
        ],
    ]
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of(".{0,6}")
}

fn external() -> impl Strategy<Value = External> {
    prop_oneof![
        Just(External::Unit),
        float().prop_map(External::New),
        (any::<i64>(), ".{0,6}").prop_map(|(a, b)| External::Pair(a, b)),
        (text(), bytes()).prop_map(|(text, bytes)| External::Named { text, bytes }),
    ]
}

pub(crate) fn internal() -> impl Strategy<Value = Internal> {
    prop_oneof![
        Just(Internal::Unit),
        entries().prop_map(Internal::New),
        btree_map(prop_oneof![12 => name(), 1 => "kind"], single(), 0..3).prop_map(Internal::Map),
        (any::<Option<char>>(), vec(single(), 0..3), bytes())
            .prop_map(|(text, list, bytes)| Internal::Named { text, list, bytes }),
    ]
}

pub(crate) fn entries() -> impl Strategy<Value = Entries> {
    // A name that a field beside it has as well, or the tag around it.
    let taken = "number|float|kind";
    let name = prop_oneof![12 => name(), 1 => taken];
    let rest = btree_map(name, any::<i64>(), 0..3);
    (any::<u64>(), float(), rest).prop_map(|(number, float, rest)| Entries {
        number,
        float,
        rest,
    })
}

fn adjacent() -> impl Strategy<Value = Adjacent> {
    prop_oneof![
        Just(Adjacent::Unit),
        single().prop_map(Adjacent::New),
        (any::<u8>(), bytes()).prop_map(|(a, b)| Adjacent::Pair(a, b)),
        (text(), any::<u64>()).prop_map(|(text, wide)| Adjacent::Named { text, wide }),
    ]
}

fn loose() -> impl Strategy<Value = Loose> {
    let leaf = prop_oneof![
        Just(Loose::Unit),
        any::<bool>().prop_map(Loose::Bool),
        any::<i64>().prop_map(Loose::Int),
        float().prop_map(Loose::Float),
        ".{0,6}".prop_map(Loose::Text),
        bytes().prop_map(Loose::Bytes),
        any::<bool>().prop_map(|named| Loose::Named { named }),
    ];
    // `Named` would take a map with its key.
    leaf.prop_recursive(2, 6, 3, |inner| {
        btree_map("[x-z]{1,3}", inner, 0..3).prop_map(Loose::Map)
    })
}
