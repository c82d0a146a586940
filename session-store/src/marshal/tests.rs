use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;
use crate::error::EncodeError;

const MARKER: &str = "gho_SECRET";

/// Declares `cart`.
struct Declared;

impl FieldNames for Declared {
    fn field_name(&self, name: &str) -> Option<&'static str> {
        (name == "cart").then_some("cart")
    }
}

const SESSION: Subject<'_> = Subject::Session {
    data: "payload",
    fields: &Declared,
};

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

fn m(entries: &[(&str, AttributeValue)]) -> AttributeValue {
    AttributeValue::M(map(entries))
}

fn map(entries: &[(&str, AttributeValue)]) -> HashMap<String, AttributeValue> {
    let entries = entries.iter().cloned();
    entries
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn written<T: Serialize>(value: &T) -> AttributeValue {
    write(value, SESSION, Checks::All).unwrap()
}

/// Why a value cannot be written, as `path: reason`, with all that its error shows checked.
#[track_caller]
fn refused<T: Serialize>(value: &T) -> String {
    let failure = write(value, SESSION, Checks::All).expect_err("a failure");
    let shown = format!("{}: {}", failure.path, failure.reason);
    let error = EncodeError::from(failure);
    let source = std::error::Error::source(&error).unwrap();
    let all = format!("{error} {error:?} {source} {source:?}");
    assert!(!all.contains(MARKER), "{all}");
    shown
}

/// The same for entries that cannot be read.
#[track_caller]
fn unreadable<T: DeserializeOwned>(entries: &[(&str, AttributeValue)]) -> String {
    let failure = read_entries::<T>(&map(entries), SESSION)
        .err()
        .expect("a failure");
    let all = format!("{failure:?} {}", failure.reason);
    assert!(!all.contains(MARKER), "{all}");
    format!("{}: {}", failure.path, failure.reason)
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct One<T> {
    field: T,
}

mod keys {
    use super::*;

    /// A map with one key.
    struct With<K>(K);

    impl<K: Serialize> Serialize for With<K> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry(&self.0, &1)?;
            map.end()
        }
    }

    struct Bytes;

    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(MARKER.as_bytes())
        }
    }

    #[derive(Serialize)]
    struct Unit;
    #[derive(Serialize)]
    struct Newtype<T>(T);
    #[derive(Serialize)]
    struct Pair(u8, u8);
    #[derive(Serialize)]
    enum Choice {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }

    #[track_caller]
    fn expect_refused(key: impl Serialize) {
        let expected =
            "field: the key of a map is not a string, an integer, a boolean or a unit variant";
        assert_eq!(refused(&One { field: With(&key) }), expected);
        let promoted = write(&With(&key), Subject::Attribute("theme"), Checks::None);
        assert_eq!(promoted.err().unwrap().path, "theme");
    }

    #[test]
    fn a_key_that_has_no_text_is_refused_without_a_panic() {
        expect_refused(vec![1]);
        expect_refused((1, 2));
        expect_refused(Bytes);
        expect_refused(BTreeMap::from([(1, 2)]));
        expect_refused(One { field: 1 });
        expect_refused(1.5_f32);
        expect_refused(1.5_f64);
        expect_refused(Some("key"));
        expect_refused(None::<u8>);
        expect_refused(());
        expect_refused(Unit);
        expect_refused(Pair(1, 2));
        expect_refused(Newtype(vec![1]));
        expect_refused(Choice::Newtype(1));
        expect_refused(Choice::Tuple(1, 2));
        expect_refused(Choice::Struct { a: 1 });
    }

    #[test]
    fn a_key_that_has_a_text_is_written_as_that() {
        #[track_caller]
        fn expect(key: impl Serialize, text: &str) {
            assert_eq!(written(&With(key)), m(&[(text, n("1"))]));
        }
        expect("a", "a");
        expect('a', "a");
        expect(true, "true");
        expect(-1_i8, "-1");
        expect(u64::MAX, "18446744073709551615");
        expect(i128::MIN, "-170141183460469231731687303715884105728");
        expect(Choice::Unit, "Unit");
        expect(Newtype("a"), "a");
    }

    #[test]
    fn an_empty_key_is_refused_unless_the_value_is_only_compared() {
        assert_eq!(
            refused(&One { field: With("") }),
            "field: the key of a map is empty"
        );
        assert!(write(&With(""), SESSION, Checks::None).is_ok());
    }
}

#[test]
fn wrong_calls_of_a_serialize_are_refused_without_a_panic() {
    /// Announces lengths that no memory has.
    struct Long;
    impl Serialize for Long {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(usize::MAX))?;
            seq.serialize_element(&1)?;
            seq.end()
        }
    }
    assert_eq!(written(&Long), AttributeValue::L(vec![n("1")]));

    struct KeyTwice;
    impl Serialize for KeyTwice {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(usize::MAX))?;
            map.serialize_key(MARKER)?;
            map.serialize_key(MARKER)?;
            map.end()
        }
    }
    refused(&KeyTwice);

    struct ValueFirst;
    impl Serialize for ValueFirst {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_value(MARKER)?;
            map.end()
        }
    }
    refused(&ValueFirst);
}

#[test]
fn a_deserialize_that_asks_for_a_value_without_its_key_is_refused_without_a_panic() {
    struct Twice;
    impl<'de> Deserialize<'de> for Twice {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Asks;
            impl<'de> Visitor<'de> for Asks {
                type Value = Twice;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a map")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Twice, A::Error> {
                    map.next_key::<String>()?;
                    map.next_value::<IgnoredAny>()?;
                    map.next_value::<IgnoredAny>()?;
                    Ok(Twice)
                }
            }
            deserializer.deserialize_map(Asks)
        }
    }
    assert_eq!(
        unreadable::<Twice>(&[("a", n("1"))]),
        "payload: its `Deserialize` asks for a value without its key"
    );
}

mod json_numbers {
    use super::*;

    /// A number as serde_json has it with `arbitrary_precision`.
    #[derive(Serialize)]
    #[serde(rename = "$serde_json::private::Number")]
    struct Arbitrary {
        #[serde(rename = "$serde_json::private::Number")]
        digits: String,
    }

    fn arbitrary(digits: &str) -> One<Arbitrary> {
        let digits = digits.to_owned();
        One {
            field: Arbitrary { digits },
        }
    }

    #[test]
    fn a_number_is_stored_as_without_the_feature() {
        for digits in [
            "0",
            "1",
            "-1",
            "17",
            "18446744073709551615",
            "-9223372036854775808",
            "1.5",
            "-0.25",
            "0.1",
            "1.0",
            "100.50",
            "1e2",
            "1E-7",
            "-0",
            "-0.0",
            "1e100",
            "100000000000000000000",
            "0.30000000000000004",
            "1.7976931348623157e100",
            // Two texts as short and as close.
            "122348726371209.12",
            "122348726371209.13",
            "-122348726371209.62",
        ] {
            let number: serde_json::Number = serde_json::from_str(digits).unwrap();
            let without = written(&One { field: number });
            assert_eq!(written(&arbitrary(digits)), without, "{digits}");
        }
    }

    #[test]
    fn a_number_that_an_f64_cannot_hold_is_refused_by_its_path() {
        for digits in [
            "1.00000000000000000001",
            "123456789012345678901234567890",
            "18446744073709551617",
            "9007199254740993.0",
            "122348726371209.125",
            "0.30000000000000003",
            "1e126",
            "1e400",
            "1e-140",
            "one",
            "",
        ] {
            assert!(
                refused(&arbitrary(digits)).starts_with("field: "),
                "{digits}"
            );
        }
    }

    #[test]
    fn raw_json_is_refused() {
        #[derive(Serialize)]
        #[serde(rename = "$serde_json::private::RawValue")]
        struct Raw {
            #[serde(rename = "$serde_json::private::RawValue")]
            text: &'static str,
        }
        let raw = One {
            field: Raw { text: MARKER },
        };
        assert!(refused(&raw).starts_with("field: raw JSON cannot be read back"));
    }
}

#[test]
fn a_path_shows_fields_indexes_and_variants_and_hides_the_keys_of_maps() {
    #[derive(Serialize)]
    enum Choice {
        New(f64),
        Tuple(u8, f64),
        Struct { ratio: f64 },
    }
    let nan = f64::NAN;
    for (path, refused) in [
        ("field", refused(&One { field: nan })),
        (
            "field[1].field",
            refused(&One {
                field: [One { field: 1.0 }, One { field: nan }],
            }),
        ),
        (
            "field.*",
            refused(&One {
                field: BTreeMap::from([(MARKER, nan)]),
            }),
        ),
        (
            "field.*.field",
            refused(&One {
                field: BTreeMap::from([(MARKER, One { field: nan })]),
            }),
        ),
        (
            "field.New",
            refused(&One {
                field: Choice::New(nan),
            }),
        ),
        (
            "field.Tuple[1]",
            refused(&One {
                field: Choice::Tuple(1, nan),
            }),
        ),
        (
            "field.Struct.ratio",
            refused(&One {
                field: Choice::Struct { ratio: nan },
            }),
        ),
        ("cart", refused(&BTreeMap::from([("cart", nan)]))),
        ("*", refused(&BTreeMap::from([(MARKER, nan)]))),
        ("payload", refused(&nan)),
    ] {
        assert_eq!(refused, format!("{path}: not a finite decimal number"));
    }
    let theme = write(
        &One { field: nan },
        Subject::Attribute("theme"),
        Checks::All,
    );
    assert_eq!(theme.err().unwrap().path, "theme.field");
}

#[test]
fn the_fields_of_a_flattened_session_are_shown_and_its_other_keys_are_not() {
    #[derive(Serialize)]
    struct Flat {
        cart: f64,
        #[serde(flatten)]
        more: BTreeMap<String, f64>,
    }
    let flat = |cart, more| Flat {
        cart,
        more: BTreeMap::from([(MARKER.to_owned(), more)]),
    };
    assert!(refused(&flat(f64::NAN, 1.0)).starts_with("cart: "));
    assert!(refused(&flat(1.0, f64::NAN)).starts_with("*: "));
}

#[test]
fn a_float_that_dynamodb_refuses_is_refused_unless_it_is_only_compared() {
    for float in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e126,
        -1e126,
        1e-131,
        f64::MIN_POSITIVE,
    ] {
        assert!(
            refused(&One { field: float }).starts_with("field: "),
            "{float}"
        );
        assert!(write(&One { field: float }, SESSION, Checks::None).is_ok());
    }
    for float in [0.0, -0.0, 1e-130, -1e-130, 1e126_f64.next_down(), 0.1] {
        assert!(Number::parse(&float.to_string()).is_ok());
        written(&One { field: float });
    }
    refused(&One { field: f32::NAN });
    written(&One {
        field: [f32::MAX, f32::MIN_POSITIVE],
    });
    // Each float is judged as its text would be.
    for _ in 0..20_000 {
        let float = f64::from_bits(fastrand::u64(..));
        let written = write(&float, SESSION, Checks::All);
        assert_eq!(
            written.is_ok(),
            Number::parse(&float.to_string()).is_ok(),
            "{float:e}"
        );
    }
}

#[test]
fn an_i128_is_refused() {
    assert_eq!(
        refused(&One { field: 1_u128 }),
        "field: a `u128` has no form in DynamoDB"
    );
    assert_eq!(
        refused(&One { field: 1_i128 }),
        "field: an `i128` has no form in DynamoDB"
    );
}

#[test]
fn containers_within_containers_are_limited() {
    #[derive(Serialize)]
    struct Deep(Vec<Deep>);
    let deep = |levels| One {
        field: (1..levels).fold(Deep(vec![]), |inner, _| Deep(vec![inner])),
    };
    written(&deep(30));
    let path = format!("field{}", "[0]".repeat(30));
    assert_eq!(
        refused(&deep(31)),
        format!("{path}: nested more than 31 levels deep in the item")
    );
    assert!(write(&deep(31), SESSION, Checks::None).is_ok());
}

#[test]
fn a_set_is_still_a_set_and_an_empty_one_is_refused_by_its_path() {
    #[derive(Serialize)]
    struct Sets {
        #[serde(with = "serde_dynamo::string_set")]
        names: Vec<String>,
    }
    let sets = |names: &[&str]| One {
        field: Sets {
            names: names.iter().map(|&name| name.to_owned()).collect(),
        },
    };
    let set = AttributeValue::Ss(vec!["a".to_owned()]);
    assert_eq!(
        written(&sets(&["a"])),
        m(&[("field", m(&[("names", set)]))])
    );
    assert_eq!(
        refused(&sets(&[])),
        "field.names: a set is empty; leave it out with `None`"
    );
}

#[test]
fn the_message_of_a_serialize_is_dropped() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom(format_args!(
                "cannot write {MARKER}"
            )))
        }
    }
    assert_eq!(
        refused(&One { field: Refuses }),
        "field: its `Serialize` refused it"
    );
}

#[test]
fn a_failure_that_a_type_replaces_does_not_hide_a_later_one() {
    /// Tries a value that cannot be written, and then another.
    struct Tries;
    impl Serialize for Tries {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Tries", 2)?;
            let _ = fields.serialize_field("first", &f64::NAN);
            fields.serialize_field("second", &1_u128)?;
            fields.end()
        }
    }
    assert!(refused(&One { field: Tries }).starts_with("field.second: "));
}

mod reading {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "they are only read")]
    enum Choice {
        Unit,
        New(u8),
        Tuple(u8, u8),
        Struct { left: u8 },
    }

    fn one<T: DeserializeOwned>(value: AttributeValue) -> String {
        unreadable::<One<T>>(&[("field", value)])
    }

    fn list(values: &[AttributeValue]) -> AttributeValue {
        AttributeValue::L(values.to_vec())
    }

    #[test]
    fn an_error_names_the_path_the_kind_and_what_was_expected() {
        let secret = || s(MARKER);
        for (error, expected) in [
            (one::<u8>(secret()), "field: it is not a number"),
            (
                one::<u8>(n("300")),
                "field: it is a number that its type cannot hold",
            ),
            (one::<bool>(secret()), "field: it is not a boolean"),
            (one::<String>(n("1")), "field: it is not a string"),
            (one::<char>(secret()), "field: it is not a single character"),
            (one::<()>(secret()), "field: it is not null"),
            (one::<Vec<u8>>(secret()), "field: it is not a list"),
            (
                one::<[u8; 2]>(list(&[n("1")])),
                "field: it has another length, expected an array of length 2",
            ),
            (
                one::<Vec<u8>>(list(&[n("1"), secret()])),
                "field[1]: it is not a number",
            ),
            (one::<One<u8>>(secret()), "field: it is not a map"),
            (one::<One<u8>>(m(&[])), "field.field: it is missing"),
            (
                one::<One<u8>>(m(&[("field", secret())])),
                "field.field: it is not a number",
            ),
            (
                one::<BTreeMap<String, u8>>(m(&[(MARKER, secret())])),
                "field.*: it is not a number",
            ),
            (
                one::<BTreeMap<u8, u8>>(m(&[(MARKER, n("1"))])),
                "field.*: it is not a number",
            ),
            (one::<Option<u8>>(secret()), "field: it is not a number"),
            (
                one::<Choice>(secret()),
                "field: it is an unknown variant, expected one of `Unit`, `New`, `Tuple`, `Struct`",
            ),
            (
                one::<Choice>(m(&[("New", secret())])),
                "field.New: it is not a number",
            ),
            (
                one::<Choice>(m(&[("Tuple", list(&[n("1"), secret()]))])),
                "field.Tuple[1]: it is not a number",
            ),
            (
                one::<Choice>(m(&[("Struct", m(&[("left", secret())]))])),
                "field.Struct.left: it is not a number",
            ),
            (
                one::<Choice>(m(&[("Struct", m(&[]))])),
                "field.Struct.left: it is missing",
            ),
            (
                one::<Choice>(m(&[("Struct", secret())])),
                "field.Struct: it is not a map",
            ),
            (
                one::<Choice>(m(&[])),
                "field: it is not a map with one variant",
            ),
            (unreadable::<One<u8>>(&[]), "field: it is missing"),
            (
                unreadable::<BTreeMap<String, u8>>(&[(MARKER, secret())]),
                "*: it is not a number",
            ),
            (
                unreadable::<BTreeMap<String, u8>>(&[("cart", secret())]),
                "cart: it is not a number",
            ),
            (
                unreadable::<u8>(&[(MARKER, secret())]),
                "payload: it is not a number",
            ),
        ] {
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn an_unknown_field_is_not_shown() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "it is only read")]
        struct Strict {
            known: u8,
        }
        assert_eq!(
            one::<Strict>(m(&[(MARKER, n("1"))])),
            "field.*: it has an unknown field, expected one of `known`"
        );
    }

    #[test]
    fn the_message_of_a_deserialize_is_dropped() {
        #[derive(Debug)]
        struct Refuses;
        impl<'de> Deserialize<'de> for Refuses {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Err(serde::de::Error::custom(format_args!("cannot read {text}")))
            }
        }
        assert_eq!(
            one::<Refuses>(s(MARKER)),
            "field: its `Deserialize` refused it"
        );
    }

    #[test]
    fn untagged_and_tagged_enums_and_flattened_structs_show_no_value() {
        #[derive(Debug, Deserialize)]
        #[serde(untagged)]
        #[allow(dead_code, reason = "it is only read")]
        enum Untagged {
            A(u8),
            B { b: u8 },
        }
        #[derive(Debug, Deserialize)]
        #[serde(tag = "type")]
        #[allow(dead_code, reason = "it is only read")]
        enum Tagged {
            A { a: u8 },
        }
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "it is only read")]
        struct Flat {
            #[serde(flatten)]
            inner: One<u8>,
        }
        one::<Untagged>(s(MARKER));
        one::<Untagged>(m(&[("b", s(MARKER)), (MARKER, s(MARKER))]));
        one::<Tagged>(m(&[("type", s(MARKER))]));
        one::<Tagged>(m(&[("type", s("A")), ("a", s(MARKER))]));
        assert_eq!(one::<Flat>(m(&[])), "field.field: it is missing");
        one::<Flat>(m(&[("field", s(MARKER)), (MARKER, s(MARKER))]));
    }

    #[test]
    fn a_value_of_json_that_cannot_be_read_shows_kinds_only() {
        let value = serde_json::json!({ "field": { MARKER: MARKER } });
        let failure = read::<One<BTreeMap<String, u8>>, _>(value, SESSION).unwrap_err();
        assert_eq!(failure.path, "field.*");
        assert_eq!(
            failure.reason.to_string(),
            "it is a string, and its type is another"
        );
    }

    #[test]
    fn a_failure_that_a_type_replaces_does_not_hide_a_later_one() {
        fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
            Ok(u8::deserialize(deserializer).unwrap_or_default())
        }
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "it is only read")]
        struct Two {
            #[serde(deserialize_with = "lenient")]
            first: u8,
            second: u8,
        }
        let bad = || s(MARKER);
        let entries = m(&[("first", bad()), ("second", bad())]);
        assert_eq!(one::<Two>(entries), "field.second: it is not a number");
        let read: One<Two> = read_entries(
            &map(&[("field", m(&[("first", bad()), ("second", n("2"))]))]),
            SESSION,
        )
        .unwrap();
        assert_eq!(read.field.first, 0);
    }

    #[test]
    fn everything_that_is_written_is_read_back() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct All {
            small: i8,
            large: u64,
            ratio: f64,
            letter: char,
            none: Option<u8>,
            some: Option<String>,
            unit: (),
            pair: (u8, String),
            numbers: BTreeMap<i32, Vec<u8>>,
            flags: BTreeMap<bool, u8>,
            big: BTreeMap<i128, u8>,
            json: serde_json::Value,
        }
        let all = All {
            small: -1,
            large: u64::MAX,
            ratio: 0.1,
            letter: 'ß',
            none: None,
            some: Some("text".to_owned()),
            unit: (),
            pair: (1, "b".to_owned()),
            numbers: BTreeMap::from([(-7, vec![1, 2])]),
            flags: BTreeMap::from([(true, 1)]),
            big: BTreeMap::from([(i128::MIN, 1)]),
            json: serde_json::json!({ "a": [1, -1, 1.5, null, "x", { "b": true }] }),
        };
        let AttributeValue::M(entries) = written(&all) else {
            panic!("not a map");
        };
        assert_eq!(read_entries::<All>(&entries, SESSION).unwrap(), all);
    }
}
