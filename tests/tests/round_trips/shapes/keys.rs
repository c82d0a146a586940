//! Maps with keys of every kind.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::num::NonZeroU64;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::scalars::{Bytes, bytes, float, name, nonzero, uuid};
use crate::round_trips::losses::{Key, Untagged};

type Map<K> = BTreeMap<K, u8>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Keyed {
    Text(Map<String>),
    Char(Map<char>),
    Bool(Map<bool>),
    I8(Map<i8>),
    U64(Map<u64>),
    I128(Map<i128>),
    U128(Map<u128>),
    NonZero(Map<NonZeroU64>),
    Uuid(Map<Uuid>),
    Variant(Map<Color>),
    Name(Map<Name>),
    Number(Map<Number>),
    Unit(Map<()>),
    Float(Map<Float>),
    Tuple(Map<(u8, u8)>),
    List(Map<Vec<u8>>),
    Bytes(Map<Bytes>),
    Option(Map<Option<u8>>),
    Struct(Map<Point>),
    Choice(Map<Choice>),
    Untagged(Untagged),
    Nested(BTreeMap<u8, BTreeMap<Color, Option<u8>>>),
}

impl Keyed {
    /// Whether a key has no form as the name of an entry, or that of another key, so that the map has to be refused.
    pub(crate) fn has_bad_key(&self) -> bool {
        match self {
            Self::Text(map) => map.contains_key(""),
            Self::Name(map) => map.contains_key(&Name(String::new())),
            Self::Unit(map) => !map.is_empty(),
            Self::Float(map) => !map.is_empty(),
            Self::Tuple(map) => !map.is_empty(),
            Self::List(map) => !map.is_empty(),
            Self::Bytes(map) => !map.is_empty(),
            Self::Option(map) => !map.is_empty(),
            Self::Struct(map) => !map.is_empty(),
            Self::Untagged(Untagged(map)) => {
                let texts: BTreeSet<_> = map.keys().map(ToString::to_string).collect();
                texts.len() < map.len() || texts.contains("")
            }
            Self::Choice(map) => map.keys().any(|key| *key != Choice::Unit),
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Color {
    #[serde(rename = "0")]
    Red,
    Green,
    #[serde(alias = "Azure")]
    Blue,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Name(String);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Number(i32);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Point {
    x: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Choice {
    Unit,
    New(u8),
    Pair(u8, u8),
    Named { x: u8 },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Float(f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

pub(crate) fn keyed() -> impl Strategy<Value = Keyed> {
    prop_oneof![
        8 => prop_oneof![
            map(name()).prop_map(Keyed::Text),
            map(any::<char>()).prop_map(Keyed::Char),
            map(any::<bool>()).prop_map(Keyed::Bool),
            map(any::<i8>()).prop_map(Keyed::I8),
            map(any::<u64>()).prop_map(Keyed::U64),
            map(any::<i128>()).prop_map(Keyed::I128),
            map(any::<u128>()).prop_map(Keyed::U128),
            map(nonzero()).prop_map(Keyed::NonZero),
            map(uuid()).prop_map(Keyed::Uuid),
        ],
        5 => prop_oneof![
            map(color()).prop_map(Keyed::Variant),
            map(name().prop_map(Name)).prop_map(Keyed::Name),
            map(any::<i32>().prop_map(Number)).prop_map(Keyed::Number),
            map(choice()).prop_map(Keyed::Choice),
            map(key()).prop_map(|map| Keyed::Untagged(Untagged(map))),
            btree_map(any::<u8>(), btree_map(color(), any::<Option<u8>>(), 0..3), 0..3)
                .prop_map(Keyed::Nested),
        ],
        3 => prop_oneof![
            map(any::<()>()).prop_map(Keyed::Unit),
            map(float().prop_map(Float)).prop_map(Keyed::Float),
            map(any::<(u8, u8)>()).prop_map(Keyed::Tuple),
            map(vec(any::<u8>(), 0..3)).prop_map(Keyed::List),
            map(bytes()).prop_map(Keyed::Bytes),
            map(any::<Option<u8>>()).prop_map(Keyed::Option),
            map(any::<u8>().prop_map(|x| Point { x })).prop_map(Keyed::Struct),
        ],
    ]
}

fn map<K: Ord + Debug>(key: impl Strategy<Value = K>) -> impl Strategy<Value = Map<K>> {
    btree_map(key, any::<u8>(), 0..4)
}

pub(crate) fn color() -> impl Strategy<Value = Color> {
    prop_oneof![Just(Color::Red), Just(Color::Green), Just(Color::Blue)]
}

/// Keys of which some have the same text.
fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        (0..3_u8).prop_map(Key::Number),
        any::<bool>().prop_map(Key::Bool),
        "[0-3]|true|".prop_map(Key::Text),
    ]
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        3 => Just(Choice::Unit),
        1 => any::<u8>().prop_map(Choice::New),
        1 => any::<(u8, u8)>().prop_map(|(a, b)| Choice::Pair(a, b)),
        1 => any::<u8>().prop_map(|x| Choice::Named { x }),
    ]
}
