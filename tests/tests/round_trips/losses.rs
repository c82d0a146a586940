//! All that may be another value when it is read. The types here are equal where that is so, and no others.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes::scalars::UnitStruct;

/// An option whose `Some` can be null as well.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "Option<T>: Deserialize<'de>"))]
pub(crate) struct Nullable<T>(pub(crate) Option<T>);

/// A value that can be null.
pub(crate) trait Null {
    fn is_null(&self) -> bool;
}

impl<T: Null + PartialEq> PartialEq for Nullable<T> {
    fn eq(&self, other: &Self) -> bool {
        let not_null = |it: &Self| it.0.as_ref().filter(|it| !it.is_null()).is_some();
        self.0 == other.0 || !not_null(self) && !not_null(other)
    }
}

impl Null for Option<bool> {
    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl Null for () {
    fn is_null(&self) -> bool {
        true
    }
}

impl Null for UnitStruct {
    fn is_null(&self) -> bool {
        true
    }
}

/// A value of JSON, in which a number has no kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Json(pub(crate) Value);

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        is_same_json(&self.0, &other.0)
    }
}

impl Null for Json {
    fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

pub(crate) fn is_same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            // Two integers are equal to the digit.
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let is_same = |(name, a)| b.get(name).is_some_and(|b| is_same_json(a, b));
            a.len() == b.len() && a.iter().all(is_same)
        }
        (a, b) => a == b,
    }
}

/// The key of a map whose type depends on its value. It is text in the item, and stays that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    Number(u8),
    Bool(bool),
    Text(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Bool(bool) => bool.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Untagged(pub(crate) BTreeMap<Key, u8>);

impl PartialEq for Untagged {
    fn eq(&self, other: &Self) -> bool {
        let texts = |it: &Self| -> BTreeMap<_, _> {
            let entries = it.0.iter();
            entries
                .map(|(key, value)| (key.to_string(), *value))
                .collect()
        };
        self.0.len() == other.0.len() && texts(self) == texts(other)
    }
}

/// A float that is read as an integer.
pub(crate) fn is_same_number(float: f64, integer: i64) -> bool {
    float == integer as f64
}

mod table {
    use session_store::{SessionId, private};

    use super::super::formats::{In, MAP};
    use super::super::sessions::Holds;
    use super::super::shapes::any::Any;
    use super::super::shapes::enums::{Enums, Loose};
    use super::super::shapes::json::Jsons;
    use super::super::shapes::keys::Keyed;
    use super::super::shapes::scalars::Scalar;
    use super::*;

    struct Loss {
        because: &'static str,
        /// The beginning of its row in the docs of the crate.
        row: &'static str,
        stored: fn() -> Any,
        read: fn() -> Any,
    }

    const LOSSES: [Loss; 8] = [
        Loss {
            because: "an option is its value or null, so that a null within it has no form of its own",
            row: "`Some` of what is null",
            stored: || Any::Scalar(Scalar::MaybeTwice(Nullable(Some(None)))),
            read: || Any::Scalar(Scalar::MaybeTwice(Nullable(None))),
        },
        Loss {
            because: "a unit is null",
            row: "`Some` of what is null",
            stored: || Any::Scalar(Scalar::MaybeUnit(Nullable(Some(())))),
            read: || Any::Scalar(Scalar::MaybeUnit(Nullable(None))),
        },
        Loss {
            because: "a unit variant without a tag is null",
            row: "`Some` of what is null",
            stored: || Any::Enums(Enums::MaybeLoose(Nullable(Some(Loose::Unit)))),
            read: || Any::Enums(Enums::MaybeLoose(Nullable(None))),
        },
        Loss {
            because: "JSON has its own null",
            row: "`Some` of what is null",
            stored: || Any::Json(Jsons::Maybe(Nullable(Some(Json(Value::Null))))),
            read: || Any::Json(Jsons::Maybe(Nullable(None))),
        },
        Loss {
            because: "DynamoDB has one type of numbers, so a number without a type is an integer if it can be",
            row: "`2.0` in a `serde_json::Value`, or in an untagged enum",
            stored: || Any::Json(Jsons::One(Json(Value::from(2.0)))),
            read: || Any::Json(Jsons::One(Json(Value::from(2)))),
        },
        Loss {
            because: "the same, where the type of the number depends on the number",
            row: "`2.0` in a `serde_json::Value`, or in an untagged enum",
            stored: || Any::Enums(Enums::Loose(Loose::Float(2.0))),
            read: || Any::Enums(Enums::Loose(Loose::Int(2))),
        },
        Loss {
            because: "DynamoDB has no negative zero",
            row: "`-0.0`",
            stored: || Any::Scalar(Scalar::F64(-0.0)),
            read: || Any::Scalar(Scalar::F64(0.0)),
        },
        Loss {
            because: "the key of a map is text, and an untagged enum takes it as that",
            row: "a number or boolean as a key of an untagged enum",
            stored: || Any::Keyed(Keyed::Untagged(Untagged([(Key::Number(1), 2)].into()))),
            read: || {
                let text = Key::Text("1".to_owned());
                Any::Keyed(Keyed::Untagged(Untagged([(text, 2)].into())))
            },
        },
    ];

    #[test]
    fn every_loss_is_in_the_docs() {
        const DOCS: &str = include_str!("../../../session-store/src/lib.rs");
        for loss in LOSSES {
            assert!(
                DOCS.contains(&format!("//! | {}", loss.row)),
                "{}",
                loss.row
            );
        }
    }

    #[test]
    fn every_loss_is_as_its_reason_says() {
        let id = SessionId::parse(&"A".repeat(43)).unwrap();
        for loss in LOSSES {
            let session = In::<MAP, _>(Holds::plain((loss.stored)()));
            let mut item = private::encode(&id, &session, 1_800_000_000_000).unwrap();
            super::super::values::as_dynamodb_returns(&mut item);
            let read = private::decode(&id, item, 1_800_000_000_000).unwrap();
            let read: &In<MAP, _> = &read.unwrap();
            // Not by `PartialEq`, which has the losses.
            let expected = In::<MAP, _>(Holds::plain((loss.read)()));
            assert_eq!(
                format!("{read:?}"),
                format!("{expected:?}"),
                "{}",
                loss.because
            );
            assert_eq!(*read, session, "{}", loss.because);
        }
    }
}
