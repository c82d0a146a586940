//! The cases of values: data comes back as it was stored, or is refused.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use super::cases::present;
use super::{NoPass, Outcome, Subject};

/// A field of many types.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Values {
    floats: Vec<f64>,
    short_float: f32,
    unsigned: Vec<u64>,
    signed: Vec<i64>,
    long: Option<u128>,
    by_number: BTreeMap<u64, String>,
    by_signed: BTreeMap<i64, String>,
    by_bool: BTreeMap<bool, String>,
    by_char: BTreeMap<char, String>,
    by_variant: BTreeMap<Key, String>,
    bytes: Bytes,
    null: Vec<Option<u8>>,
    unit: (),
    any: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Key {
    One,
    Two,
}

/// Bytes as serde has them, which are a list of numbers in JSON.
#[derive(Clone, Debug, Default)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyForm;

        impl<'de> Visitor<'de> for AnyForm {
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

        deserializer.deserialize_byte_buf(AnyForm)
    }
}

pub(super) async fn numbers<S: Subject>(subject: S) -> Outcome {
    let floats = vec![
        1_500_000.25,
        f64::from(0.1_f32),
        0.1 + 0.2,
        9_007_199_254_740_993.0,
        1e21,
        1e-7,
        -9.99e125,
        f64::MIN_POSITIVE.sqrt().sqrt(),
    ];
    let values = Values {
        any: json!([1_500_000.25, f64::from(0.1_f32), 1e-7, u64::MAX, i64::MIN]),
        floats,
        short_float: 0.1,
        unsigned: vec![u64::MAX, (1 << 53) + 1],
        signed: vec![i64::MIN, i64::MAX],
        ..Values::default()
    };
    unchanged(&subject, &values).await
}

pub(super) async fn negative_zero<S: Subject>(subject: S) -> Outcome {
    let values = Values {
        floats: vec![-0.0],
        ..Values::default()
    };
    let read = read_back(&subject, &values).await?;
    is_same(&read, &values).map_err(|_| "the sign is lost".into())
}

/// A field that is an `f64` reads either of them; `numbers` has such fields.
pub(super) async fn whole<S: Subject>(subject: S) -> Outcome {
    let values = Values {
        any: json!([2.0]),
        ..Values::default()
    };
    let read = read_back(&subject, &values).await?;
    is_same(&read, &values).map_err(|_| "it is an integer".into())
}

pub(super) async fn beyond<S: Subject>(subject: S) -> Outcome {
    let float = |float| Values {
        floats: vec![float],
        ..Values::default()
    };
    let long = |long| Values {
        long: Some(long),
        ..Values::default()
    };
    let id = S::id(&subject.create().await?);
    let mut before = Values::default();
    for values in [
        float(1e300),
        float(f64::MIN_POSITIVE),
        long(u128::MAX),
        long(10_u128.pow(38) + 1),
    ] {
        let mut copy = present(&subject, &id).await?;
        // A framework that refuses it does not ask the store.
        if S::set_values(&mut copy, &values).is_err() {
            continue;
        }
        match subject.save(&mut copy).await {
            Ok(()) => before = values,
            Err(error) if error.contains("values") => {}
            Err(error) => return Err(format!("an error without the name: {error}").into()),
        }
        let read = present(&subject, &id).await?;
        is_same(&S::values(&read).unwrap_or_default(), &before)?;
    }
    Ok(())
}

pub(super) async fn keys<S: Subject>(subject: S) -> Outcome {
    let text = String::new;
    let values = Values {
        by_number: [(0, text()), (u64::MAX, text())].into(),
        by_signed: [(i64::MIN, text()), (-1, text())].into(),
        by_bool: [(true, text()), (false, text())].into(),
        by_char: [('ä', text()), ('1', text())].into(),
        by_variant: [(Key::One, text()), (Key::Two, text())].into(),
        ..Values::default()
    };
    unchanged(&subject, &values).await
}

pub(super) async fn bytes_and_null<S: Subject>(subject: S) -> Outcome {
    for bytes in [vec![], vec![0, 255, 10]] {
        let values = Values {
            bytes: Bytes(bytes),
            null: vec![None, Some(0), None],
            any: json!({ "null": null, "text": "", "list": [], "map": {}, "lists": [[null], [[]]] }),
            ..Values::default()
        };
        unchanged(&subject, &values).await?;
    }
    Ok(())
}

async fn unchanged<S: Subject>(subject: &S, values: &Values) -> Outcome {
    let read = read_back(subject, values).await?;
    is_same(&read, values)
}

async fn read_back<S: Subject>(subject: &S, values: &Values) -> Result<Values, NoPass> {
    let mut copy = subject.create().await?;
    S::set_values(&mut copy, values)?;
    subject.save(&mut copy).await?;
    trim_numbers(subject).await;
    let read = present(subject, &S::id(&copy)).await?;
    Ok(S::values(&read)?)
}

/// DynamoDB documents that it trims zeros, and the embedded engine has no negative one. DynamoDB Local keeps a
/// number as it was written.
async fn trim_numbers<S: Subject>(subject: &S) {
    for mut item in subject.bench().items().await {
        item.values_mut().for_each(trim);
        subject.bench().put(item).await;
    }
}

fn trim(value: &mut AttributeValue) {
    match value {
        AttributeValue::N(number) if matches!(&**number, "-0" | "-0.0") => *number = "0".into(),
        AttributeValue::N(number) => {
            if let Some(whole) = number.strip_suffix(".0") {
                *number = whole.to_owned();
            }
        }
        AttributeValue::M(map) => map.values_mut().for_each(trim),
        AttributeValue::L(list) => list.iter_mut().for_each(trim),
        _ => {}
    }
}

/// By their text, since -0.0 equals 0.0.
fn is_same(read: &Values, stored: &Values) -> Outcome {
    let (read, stored) = (format!("{read:?}"), format!("{stored:?}"));
    match read == stored {
        true => Ok(()),
        false => {
            let wrong = from_difference(&read, &stored);
            Err(format!("{wrong} and not {}", from_difference(&stored, &read)).into())
        }
    }
}

/// A part of this text, from where it differs.
fn from_difference(text: &str, other: &str) -> String {
    let same = text.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    let start = same.count().saturating_sub(12);
    text.chars().skip(start).take(40).collect()
}
