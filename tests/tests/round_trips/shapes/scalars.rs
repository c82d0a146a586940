//! Values that no enum and no map is around, and the plain containers of them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::num::NonZeroU64;

use proptest::collection::{btree_map, hash_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::round_trips::losses::Nullable;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Scalar {
    Unit(()),
    UnitStruct(UnitStruct),
    Bool(bool),
    Char(char),
    Text(String),
    Bytes(Bytes),
    I8(i8),
    I64(i64),
    U64(u64),
    NonZero(NonZeroU64),
    Uuid(Uuid),
    #[serde(with = "uuid::serde::compact")]
    UuidBytes(Uuid),
    I128(i128),
    U128(u128),
    F32(f32),
    F64(f64),
    Newtype(Newtype),
    Tuple((u8, char, f32)),
    TupleStruct(TupleStruct),
    Array([i16; 3]),
    List(Vec<u8>),
    Floats(Vec<f32>),
    Blobs(Vec<Bytes>),
    MaybeChar(Option<char>),
    MaybeFloat(Option<f64>),
    MaybeList(Option<Vec<Option<bool>>>),
    MaybeTwice(Nullable<Option<bool>>),
    MaybeUnit(Nullable<()>),
    MaybeUnitStruct(Nullable<UnitStruct>),
    Maps(BTreeMap<String, BTreeMap<String, f64>>),
    Skipping(Skipping),
    Set(HashSet<Option<char>>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitStruct;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newtype(Option<f32>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TupleStruct(u8, String);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skipping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    option: Option<char>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<i32>,
    #[serde(default)]
    number: u16,
}

/// Bytes as serde's own, such as those of the crate `serde_bytes`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfBytes;

        impl<'de> Visitor<'de> for OfBytes {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_byte_buf(OfBytes)
    }
}

pub(crate) fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        10 => alone(),
        5 => prop_oneof![
            option::of(single()).prop_map(|it| Scalar::Newtype(Newtype(it))),
            (any::<u8>(), any::<char>(), single()).prop_map(Scalar::Tuple),
            (any::<u8>(), ".{0,4}").prop_map(|(a, b)| Scalar::TupleStruct(TupleStruct(a, b))),
            any::<[i16; 3]>().prop_map(Scalar::Array),
            vec(any::<u8>(), 0..6).prop_map(Scalar::List),
            vec(single(), 0..4).prop_map(Scalar::Floats),
            vec(bytes(), 0..3).prop_map(Scalar::Blobs),
        ],
        5 => prop_oneof![
            any::<Option<char>>().prop_map(Scalar::MaybeChar),
            option::of(float()).prop_map(Scalar::MaybeFloat),
            option::of(vec(any::<Option<bool>>(), 0..4)).prop_map(Scalar::MaybeList),
            any::<Option<Option<bool>>>().prop_map(|it| Scalar::MaybeTwice(Nullable(it))),
            any::<Option<()>>().prop_map(|it| Scalar::MaybeUnit(Nullable(it))),
            option::of(Just(UnitStruct)).prop_map(|it| Scalar::MaybeUnitStruct(Nullable(it))),
            btree_map(name(), btree_map(name(), float(), 0..3), 0..3).prop_map(Scalar::Maps),
            skipping().prop_map(Scalar::Skipping),
            hash_set(any::<Option<char>>(), 0..4).prop_map(Scalar::Set),
        ],
    ]
}

fn alone() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        3 => prop_oneof![
            Just(Scalar::Unit(())),
            Just(Scalar::UnitStruct(UnitStruct)),
            any::<bool>().prop_map(Scalar::Bool),
        ],
        9 => prop_oneof![
            any::<char>().prop_map(Scalar::Char),
            ".{0,12}".prop_map(Scalar::Text),
            bytes().prop_map(Scalar::Bytes),
            any::<i8>().prop_map(Scalar::I8),
            any::<i64>().prop_map(Scalar::I64),
            any::<u64>().prop_map(Scalar::U64),
            nonzero().prop_map(Scalar::NonZero),
            prop_oneof![
                uuid().prop_map(Scalar::Uuid),
                uuid().prop_map(Scalar::UuidBytes)
            ],
            single().prop_map(Scalar::F32),
            float().prop_map(Scalar::F64),
        ],
        2 => prop_oneof![
            any::<i128>().prop_map(Scalar::I128),
            (-9..9_i128).prop_map(Scalar::I128),
            any::<u128>().prop_map(Scalar::U128),
            (0..9_u128).prop_map(Scalar::U128),
        ],
    ]
}

fn skipping() -> impl Strategy<Value = Skipping> {
    let list = vec(any::<i32>(), 0..2);
    (any::<Option<char>>(), list, any::<u16>()).prop_map(|(option, list, number)| Skipping {
        option,
        list,
        number,
    })
}

/// A key of a map, which is seldom empty.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![20 => ".{1,6}", 10 => "[a-c]", 1 => Just(String::new())]
}

pub(crate) fn nonzero() -> impl Strategy<Value = NonZeroU64> {
    any::<u64>().prop_map(|n| NonZeroU64::new(n).unwrap_or(NonZeroU64::MIN))
}

pub(crate) fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..9).prop_map(Bytes)
}

/// Any float: integers, those that an `f32` has as well, and in fewer digits, those that DynamoDB does not have,
/// and those that are no number.
pub(crate) fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-20..20_i32).prop_map(f64::from),
        6 => any::<i64>().prop_map(|n| n as f64),
        6 => prop::num::f32::NORMAL.prop_map(f64::from),
        6 => -1e15..1e15,
        // Many are in the middle of two texts, each as short as the other.
        6 => any::<i64>().prop_map(|n| (n >> 16) as f64 / 8.0),
        6 => (1.0..9.99_f64, -129..125_i32).prop_map(|(m, e)| m * 10_f64.powi(e)),
        1 => Just(-0.0),
        1 => prop::num::f64::ANY,
    ]
}

pub(crate) fn single() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => (-20..20_i16).prop_map(f32::from),
        16 => prop::num::f32::NORMAL,
        1 => Just(-0.0),
        1 => prop::num::f32::ANY,
    ]
}
