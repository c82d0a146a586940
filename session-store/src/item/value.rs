//! The values that DynamoDB accepts, and the number of bytes that it counts for each.
//!
//! One walk over a value finds both, before the call. The rules of size are those of "DynamoDB item sizes
//! and formats" in AWS's developer guide; the digits of a number are counted as AWS's own emulator bills
//! them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::EncodeError;
use crate::marshal::{FieldNames as _, HIDDEN, MAX_DEPTH, Number};
use crate::schema::{KeyType, Schema};

/// An item, or the map inside a value.
pub(crate) type Map = HashMap<String, AttributeValue>;

pub(crate) const MAX_PARTITION_KEY: usize = 2048;

/// The bytes that a write is billed by.
const WRITE_UNIT: usize = 1024;

/// The bytes of an attribute with its name, for a value that is known to be storable. For any other, the
/// result has no meaning.
pub(crate) fn attribute_size(name: &str, value: &AttributeValue) -> usize {
    name.len() + measure(value, 0).unwrap_or(0)
}

/// The bytes of a value at the top of an item, or why DynamoDB would refuse it.
pub(crate) fn checked_size(name: &str, value: &AttributeValue) -> Result<usize, EncodeError> {
    measure(value, 0).map_err(|invalid| invalid.within(name))
}

/// The bytes of `data`, or why DynamoDB would refuse an entry, under its path within the session.
///
/// A map and a struct look the same here, so that the path shows the name of the entry, and no name below it.
/// If an entry can be that of a flattened map, only a declared field is shown.
pub(crate) fn checked_data_size(schema: &Schema, data: &Map) -> Result<usize, EncodeError> {
    // An entry beside the fields of any other type is one that an application behind a framework named.
    let is_named = schema.fields.is_some() && !schema.flattened;
    let shown = |name| match schema.field_name(name) {
        None if !is_named => HIDDEN,
        _ => name,
    };
    let mut size = CONTAINER;
    for (name, value) in data {
        if name.is_empty() {
            return Err(Invalid::new("the name of a field is empty").within(schema.names.data));
        }
        size += ENTRY + name.len();
        size += measure(value, 1).map_err(|invalid| invalid.within(shown(name.as_str())))?;
    }
    Ok(size)
}

/// Whether an item is larger than 1 KB, so that a write of it is billed as more than one unit. The walk ends as soon
/// as that is known.
pub(crate) fn is_large(item: &Map) -> bool {
    fn rest(left: usize, value: &AttributeValue) -> Option<usize> {
        match value {
            AttributeValue::M(map) => {
                let mut entries = map.iter();
                entries.try_fold(left.checked_sub(CONTAINER)?, |left, (name, value)| {
                    rest(left.checked_sub(ENTRY + name.len())?, value)
                })
            }
            AttributeValue::L(list) => {
                let mut elements = list.iter();
                elements.try_fold(left.checked_sub(CONTAINER)?, |left, value| {
                    rest(left.checked_sub(ENTRY)?, value)
                })
            }
            value => left.checked_sub(measure(value, 0).unwrap_or(0)),
        }
    }
    let mut attributes = item.iter();
    let rest = attributes.try_fold(WRITE_UNIT, |left, (name, value)| {
        rest(left.checked_sub(name.len())?, value)
    });
    rest.is_none()
}

/// The rules that hold for the key of an index beyond those for any value.
pub(crate) fn check_key(
    name: &str,
    value: &AttributeValue,
    key: KeyType,
) -> Result<(), EncodeError> {
    let length = match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 1,
    };
    let reason = if !key.is_type_of(value) {
        format!("its index has keys of type {key:?}, and this value has another type")
    } else if length == 0 {
        "the key of an index cannot be empty; leave it out with `None`".to_owned()
    } else if length > MAX_PARTITION_KEY {
        format!("the key of an index has at most {MAX_PARTITION_KEY} bytes, and this has {length}")
    } else {
        return Ok(());
    };
    Err(Invalid::new(reason).within(name))
}

/// Whether two values are equal to DynamoDB, which keeps neither the order of a set nor the spelling of a
/// number.
pub(crate) fn is_same(a: &AttributeValue, b: &AttributeValue) -> bool {
    fn members<T: Eq + std::hash::Hash>(
        a: impl Iterator<Item = T>,
        b: impl Iterator<Item = T>,
    ) -> bool {
        a.collect::<HashSet<_>>() == b.collect()
    }
    let number = |text: &String| Number::parse(text).ok();
    match (a, b) {
        (AttributeValue::N(a), AttributeValue::N(b)) => number(a) == number(b),
        (AttributeValue::Ns(a), AttributeValue::Ns(b)) => {
            members(a.iter().map(number), b.iter().map(number))
        }
        (AttributeValue::Ss(a), AttributeValue::Ss(b)) => members(a.iter(), b.iter()),
        (AttributeValue::Bs(a), AttributeValue::Bs(b)) => members(
            a.iter().map(AsRef::<[u8]>::as_ref),
            b.iter().map(AsRef::as_ref),
        ),
        (AttributeValue::L(a), AttributeValue::L(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (AttributeValue::M(a), AttributeValue::M(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        (a, b) => a == b,
    }
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key of an index as a part of another key.
pub(crate) fn key_text(value: &AttributeValue) -> Cow<'_, str> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.into(),
        AttributeValue::B(bytes) => URL_SAFE_NO_PAD.encode(bytes).into(),
        // No other type can be a key: `check_key` refuses it.
        _ => "".into(),
    }
}

/// Overhead of a list or map, and of each of its entries.
pub(super) const CONTAINER: usize = 3;
const ENTRY: usize = 1;

fn measure(value: &AttributeValue, depth: usize) -> Result<usize, Invalid> {
    match value {
        AttributeValue::S(text) => Ok(text.len()),
        AttributeValue::B(bytes) => Ok(bytes.as_ref().len()),
        AttributeValue::Bool(_) | AttributeValue::Null(true) => Ok(1),
        AttributeValue::N(text) => Ok(number_of(text)?.size()),
        AttributeValue::Ss(texts) => {
            is_set(texts.iter())?;
            Ok(texts.iter().map(String::len).sum())
        }
        AttributeValue::Bs(blobs) => {
            is_set(blobs.iter().map(AsRef::as_ref))?;
            Ok(blobs.iter().map(|blob| blob.as_ref().len()).sum())
        }
        AttributeValue::Ns(numbers) => {
            let numbers: Vec<_> = numbers
                .iter()
                .map(|text| number_of(text))
                .collect::<Result<_, _>>()?;
            is_set(numbers.iter())?;
            Ok(numbers.iter().map(Number::size).sum())
        }
        AttributeValue::L(values) => {
            let depth = deeper(depth)?;
            values
                .iter()
                .enumerate()
                .try_fold(CONTAINER, |size, (i, value)| {
                    let value = measure(value, depth).map_err(|invalid| invalid.at(i))?;
                    Ok(size + ENTRY + value)
                })
        }
        AttributeValue::M(entries) => {
            let depth = deeper(depth)?;
            entries.iter().try_fold(CONTAINER, |size, (name, value)| {
                if name.is_empty() {
                    return Err(Invalid::new("the key of a map is empty"));
                }
                let value = measure(value, depth).map_err(|invalid| invalid.below())?;
                Ok(size + ENTRY + name.len() + value)
            })
        }
        _ => Err(Invalid::new(
            "a value of a type that this version does not know",
        )),
    }
}

fn deeper(depth: usize) -> Result<usize, Invalid> {
    if depth == MAX_DEPTH {
        return Err(Invalid::new(format!(
            "nested more than {MAX_DEPTH} levels deep in the item"
        )));
    }
    Ok(depth + 1)
}

fn is_set<T: Eq + std::hash::Hash>(
    values: impl ExactSizeIterator<Item = T>,
) -> Result<(), Invalid> {
    let count = values.len();
    if count == 0 {
        return Err(Invalid::new("a set is empty; leave it out with `None`"));
    }
    if values.collect::<HashSet<_>>().len() != count {
        return Err(Invalid::new("a set has the same value twice"));
    }
    Ok(())
}

fn number_of(text: &str) -> Result<Number, Invalid> {
    Number::parse(text).map_err(Invalid::new)
}

/// Why DynamoDB would refuse a value, with the path to it, innermost step first.
struct Invalid {
    reason: String,
    path: Vec<Step>,
}

enum Step {
    Index(usize),
    /// A name that may come from the session.
    Name,
}

impl Invalid {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            path: Vec::new(),
        }
    }

    fn at(mut self, index: usize) -> Self {
        self.path.push(Step::Index(index));
        self
    }

    fn below(mut self) -> Self {
        self.path.push(Step::Name);
        self
    }

    fn within(self, name: &str) -> EncodeError {
        let path: String = self.path.iter().rev().map(Step::to_string).collect();
        EncodeError::new(format!("{name}{path}"), self.reason)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Name => write!(f, ".{HIDDEN}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::primitives::Blob;

    const SCHEMA: Schema = Schema::new("sessions");

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn nested(levels: usize) -> AttributeValue {
        (0..levels).fold(n("1"), |inner, _| AttributeValue::L(vec![inner]))
    }

    fn size(value: AttributeValue) -> usize {
        checked_size("", &value).unwrap()
    }

    fn refused(value: AttributeValue) -> String {
        let error = checked_size("field", &value).unwrap_err();
        format!("{}: {}", error.path, error.cause)
    }

    #[test]
    fn sizes_are_those_of_dynamodb() {
        assert_eq!(size(AttributeValue::S("zwölf".into())), 6);
        assert_eq!(size(AttributeValue::B(Blob::new([0; 7]))), 7);
        assert_eq!(size(AttributeValue::Bool(false)), 1);
        assert_eq!(size(AttributeValue::Null(true)), 1);
        assert_eq!(size(AttributeValue::Ss(vec!["ab".into(), "c".into()])), 3);
        assert_eq!(size(AttributeValue::L(vec![])), 3);
        assert_eq!(
            size(AttributeValue::L(vec![n("1"), n("22")])),
            3 + 2 + 2 + 2
        );
        let map = Map::from([("key".to_owned(), n("1"))]);
        assert_eq!(size(AttributeValue::M(map)), 3 + 1 + 3 + 2);
    }

    #[test]
    fn a_number_costs_a_byte_for_two_digits_on_each_side_of_the_point() {
        for (number, bytes) in [
            ("0", 1),
            ("-0", 1),
            ("0.000", 1),
            ("1", 2),
            ("-1", 3),
            ("100", 2),
            ("120", 3),
            ("1200", 2),
            ("123", 3),
            ("12.3", 3),
            ("1.2", 3),
            ("0.05", 2),
            ("0.012", 3),
            ("0.0012", 2),
            ("1e100", 2),
            ("99999999999999999999999999999999999999", 20),
            ("-99999999999999999999999999999999999999", 21),
            ("-99999999999999999999999999999999999999e1", 21),
        ] {
            assert_eq!(size(n(number)), bytes, "{number}");
        }
    }

    #[test]
    fn an_item_is_large_from_the_first_byte_beyond_a_write_unit() {
        let item = |text: usize| {
            let line = Map::from([("qty".to_owned(), n("17"))]);
            let data = Map::from([
                ("text".to_owned(), AttributeValue::S("a".repeat(text))),
                (
                    "cart".to_owned(),
                    AttributeValue::L(vec![AttributeValue::M(line)]),
                ),
                (
                    "set".to_owned(),
                    AttributeValue::Ns(vec!["1".into(), "2.5".into()]),
                ),
            ]);
            Map::from([
                ("id".to_owned(), AttributeValue::S("b".repeat(43))),
                ("version".to_owned(), n("1")),
                ("data".to_owned(), AttributeValue::M(data)),
            ])
        };
        let bytes = |item: &Map| -> usize {
            let attributes = item.iter();
            attributes
                .map(|(name, value)| attribute_size(name, value))
                .sum()
        };
        let rest = bytes(&item(0));
        for (text, expected) in [
            (0, false),
            (WRITE_UNIT - rest, false),
            (WRITE_UNIT - rest + 1, true),
            (100 * WRITE_UNIT, true),
        ] {
            assert_eq!(is_large(&item(text)), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_dynamodb_refuses() {
        for number in [
            "NaN",
            "inf",
            "-inf",
            "",
            "-",
            ".",
            "1e",
            "e5",
            "0x10",
            "1 ",
            "1e126",
            "1e2147483648",
            "1e-131",
            "123456789012345678901234567890123456789",
        ] {
            assert!(checked_size("field", &n(number)).is_err(), "{number:?}");
        }
        for number in [
            "9.99e125",
            "1e-130",
            "-9.99e125",
            "1e38",
            "0e999",
            "1.e2",
            "00012",
        ] {
            assert!(checked_size("field", &n(number)).is_ok(), "{number:?}");
        }
    }

    #[test]
    fn an_error_has_the_path_of_the_value_without_names_that_may_be_keys_of_a_map() {
        let line = Map::from([("qty".to_owned(), n("NaN"))]);
        let cart = AttributeValue::L(vec![n("1"), AttributeValue::M(line)]);
        assert_eq!(refused(cart), "field[1].*: not a finite decimal number");

        let map = Map::from([(String::new(), n("1"))]);
        assert_eq!(
            refused(AttributeValue::M(map)),
            "field: the key of a map is empty"
        );
    }

    #[test]
    fn empty_sets_and_repeated_members_are_refused() {
        assert!(refused(AttributeValue::Ss(vec![])).contains("empty"));
        assert!(refused(AttributeValue::Ns(vec!["1".into(), "1.0".into()])).contains("twice"));
        assert!(
            refused(AttributeValue::Bs(vec![Blob::new("a"), Blob::new("a")])).contains("twice")
        );
    }

    #[test]
    fn spelling_and_order_make_no_difference() {
        let set = |members: &[&str]| members.iter().map(|&m| m.to_owned()).collect::<Vec<_>>();
        assert!(is_same(&n("1.50"), &n("15e-1")));
        assert!(!is_same(&n("1"), &n("-1")));
        assert!(is_same(
            &AttributeValue::Ss(set(&["a", "b"])),
            &AttributeValue::Ss(set(&["b", "a"]))
        ));
        assert!(!is_same(
            &AttributeValue::Ss(set(&["a"])),
            &AttributeValue::Ss(set(&["a", "b"]))
        ));
        assert!(is_same(
            &AttributeValue::Ns(set(&["1", "2"])),
            &AttributeValue::Ns(set(&["2.0", "1"]))
        ));
        assert!(is_same(
            &AttributeValue::L(vec![n("1.0")]),
            &AttributeValue::L(vec![n("1")])
        ));
        assert!(!is_same(&n("1"), &AttributeValue::S("1".into())));
    }

    #[test]
    fn nesting_is_limited() {
        assert!(checked_size("field", &nested(31)).is_ok());
        assert!(refused(nested(32)).contains("nested"));
        let data = |levels| Map::from([("field".to_owned(), nested(levels))]);
        assert!(checked_data_size(&SCHEMA, &data(30)).is_ok());
        assert!(checked_data_size(&SCHEMA, &data(31)).is_err());
    }

    #[test]
    fn a_key_has_the_type_of_its_index_and_a_limited_length() {
        let check = |value, key| check_key("user_id", &value, key).map_err(|e| e.cause.to_string());
        assert_eq!(
            check(AttributeValue::S("a".repeat(2048)), KeyType::S),
            Ok(())
        );
        assert!(check(AttributeValue::S("a".repeat(2049)), KeyType::S).is_err());
        assert!(check(AttributeValue::S(String::new()), KeyType::S).is_err());
        assert!(check(AttributeValue::B(Blob::new([])), KeyType::B).is_err());
        assert!(check(n("1"), KeyType::S).is_err());
        assert_eq!(check(n("1"), KeyType::N), Ok(()));
    }
}
