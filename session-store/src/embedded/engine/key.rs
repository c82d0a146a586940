//! The keys of items and of index entries: their attributes, their types and their order.
//!
//! As in DynamoDB, partitions are in the order of a hash, so that a scan shows no order to rely on, and items within
//! a partition are in the order of their sort keys.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use super::error::{EngineError, Outcome};
use super::number::Number;
use super::value::{Item, Value};

const MAX_PARTITION_KEY: usize = 2048;
const MAX_SORT_KEY: usize = 1024;

/// The attributes that make a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySchema {
    pub(crate) partition: KeyAttribute,
    pub(crate) sort: Option<KeyAttribute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: String,
    /// `S`, `N` or `B`.
    pub(crate) type_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    hash: u64,
    partition: KeyValue,
    sort: SortKey,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum KeyValue {
    S(String),
    N(Number),
    B(Vec<u8>),
}

/// `First` is also that of an item without a sort key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    First,
    At(KeyValue),
    Last,
}

/// Why an item has no key.
pub(crate) enum Flaw<'a> {
    Missing(&'a str),
    WrongType(&'a KeyAttribute, &'static str),
    Empty(&'a str),
    TooLong(&'a str, usize),
}

impl KeySchema {
    /// The names of the attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes().map(|attribute| attribute.name.as_str())
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    pub(crate) fn sort_name(&self) -> Option<&str> {
        self.sort.as_ref().map(|sort| sort.name.as_str())
    }

    /// The key of this item.
    pub(crate) fn key_of(&self, item: &Item) -> Result<Key, Flaw<'_>> {
        let partition = self.partition.value_in(item, MAX_PARTITION_KEY)?;
        let sort = match &self.sort {
            Some(sort) => SortKey::At(sort.value_in(item, MAX_SORT_KEY)?),
            None => SortKey::First,
        };
        Ok(Key::of(partition, sort))
    }

    /// The key of which these are all attributes.
    pub(crate) fn exact_key(&self, attributes: &Item) -> Outcome<Key> {
        const MISMATCH: &str = "The provided key element does not match the schema";
        if attributes.len() != self.attributes().count() {
            return Err(EngineError::validation(MISMATCH));
        }
        self.key_of(attributes).map_err(|flaw| match flaw {
            Flaw::Missing(_) | Flaw::WrongType(..) => EngineError::validation(MISMATCH),
            flaw => flaw.into_error(),
        })
    }

    /// The keys before and after all of this partition.
    pub(crate) fn partition(&self, value: &Value) -> Outcome<(Key, Key)> {
        let item = Item::from([(self.partition.name.clone(), value.clone())]);
        let value = self.partition.value_in(&item, MAX_PARTITION_KEY);
        let value = value.map_err(|flaw| match flaw {
            Flaw::WrongType(..) => wrong_parameter_type(),
            flaw => flaw.into_error(),
        })?;
        let last = Key::of(value.clone(), SortKey::Last);
        Ok((Key::of(value, SortKey::First), last))
    }

    /// Refuses a bound of another type than the sort key's.
    pub(crate) fn check_bound(&self, bound: &Value) -> Outcome<()> {
        match &self.sort {
            Some(sort) if sort.type_name != bound.type_name() => Err(wrong_parameter_type()),
            _ => Ok(()),
        }
    }

    /// The attributes of the key, out of an item that has more.
    pub(crate) fn part_of(&self, item: &Item) -> Item {
        let part = self.names().filter_map(|name| item.get_key_value(name));
        part.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl KeyAttribute {
    fn value_in(&self, item: &Item, max: usize) -> Result<KeyValue, Flaw<'_>> {
        let value = item.get(&self.name).ok_or(Flaw::Missing(&self.name))?;
        if value.type_name() != self.type_name {
            return Err(Flaw::WrongType(self, value.type_name()));
        }
        let (value, len) = match value {
            Value::S(text) => (KeyValue::S(text.clone()), text.len()),
            Value::B(bytes) => (KeyValue::B(bytes.clone()), bytes.len()),
            Value::N(number) => (KeyValue::N(*number), 1),
            other => return Err(Flaw::WrongType(self, other.type_name())),
        };
        match len {
            0 => Err(Flaw::Empty(&self.name)),
            len if len > max => Err(Flaw::TooLong(&self.name, max)),
            _ => Ok(value),
        }
    }
}

impl Key {
    fn of(partition: KeyValue, sort: SortKey) -> Self {
        let mut hasher = DefaultHasher::new();
        partition.hash(&mut hasher);
        Self {
            hash: hasher.finish(),
            partition,
            sort,
        }
    }

    /// Before all others.
    pub(crate) fn lowest() -> Self {
        Self {
            hash: 0,
            partition: KeyValue::S(String::new()),
            sort: SortKey::First,
        }
    }

    pub(crate) fn is_in_partition_of(&self, other: &Self) -> bool {
        self.partition == other.partition
    }

    /// Which of so many segments of a scan it is in.
    pub(crate) fn segment(&self, total: u64) -> u64 {
        // Less than `total`.
        ((u128::from(self.hash) * u128::from(total)) >> 64) as u64
    }
}

impl Flaw<'_> {
    /// The error of a write of such an item into the table.
    pub(crate) fn into_error(self) -> EngineError {
        EngineError::validation(match self {
            Self::Missing(name) => format!("{INVALID}: Missing the key {name} in the item"),
            Self::WrongType(KeyAttribute { name, type_name }, actual) => format!(
                "{INVALID}: Type mismatch for key {name} expected: {type_name} actual: {actual}"
            ),
            Self::Empty(name) => {
                return EngineError::empty_key(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
                     contain an empty string value. Key: {name}"
                ));
            }
            Self::TooLong(name, max) => format!(
                "{INVALID}: Size of the key {name} has exceeded the maximum size limit of {max} bytes"
            ),
        })
    }
}

const INVALID: &str = "One or more parameter values were invalid";

fn wrong_parameter_type() -> EngineError {
    EngineError::validation(
        "One or more parameter values were invalid: Condition parameter type does not match schema type",
    )
}
