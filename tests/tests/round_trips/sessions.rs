//! A session with a value in every position that serde reads in its own way.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::subsequence;
use serde::{Deserialize, Serialize};
use session_store::{Attribute, Attributes, Field, FlattenedEntries};

use super::formats::Declared;
use super::shapes::any::{Any, anything};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Holds<T> {
    plain: T,
    option: Option<T>,
    list: Vec<T>,
    map: BTreeMap<String, T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<Box<T>>,
    pair: Option<(u8, T)>,
    adjacent: Vec<Adjacent<T>>,
    internal: Vec<Internal<T>>,
    untagged: Vec<Untagged<T>>,
    flattened: Option<Flattened<T>>,
    /// Makes it worth to be compressed.
    pad: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent<T> {
    New(T),
    Pair(T, u8),
    Named { it: T },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal<T> {
    New(Wrapper<T>),
    Named { it: T },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged<T> {
    Number(u8),
    Named { it: T },
    List([T; 1]),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flattened<T> {
    own: u8,
    #[serde(flatten)]
    it: Wrapper<T>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapper<T> {
    it: T,
}

const REQUIRED: [&str; 9] = [
    "plain",
    "option",
    "list",
    "map",
    "pair",
    "adjacent",
    "internal",
    "untagged",
    "flattened",
];

impl<T: Serialize> Declared for Holds<T> {
    const FIELDS: &'static [Field] = &[
        Field::new("plain", &[]).required(),
        Field::new("option", &[]).required(),
        Field::new("list", &[]).required(),
        Field::new("map", &[]).required(),
        Field::new("skipped", &[]),
        Field::new("pair", &[]).required(),
        Field::new("adjacent", &[]).required(),
        Field::new("internal", &[]).required(),
        Field::new("untagged", &[]).required(),
        Field::new("flattened", &[]).required(),
        Field::new("pad", &[]).required(),
    ];
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::promoted("plain")];

    fn give(&self, attributes: &mut Attributes) {
        attributes.serialize("plain", &self.plain);
    }
}

impl<T> Holds<T> {
    pub(crate) fn plain(plain: T) -> Self {
        Self {
            plain,
            option: None,
            list: Vec::new(),
            map: BTreeMap::new(),
            skipped: None,
            pair: None,
            adjacent: Vec::new(),
            internal: Vec::new(),
            untagged: Vec::new(),
            flattened: None,
            pad: String::new(),
        }
    }

    /// Puts a value into this field. Each call for a list adds one of another kind.
    pub(crate) fn put(&mut self, field: &str, it: T) {
        match field {
            "plain" => self.plain = it,
            "option" => self.option = Some(it),
            "list" => self.list.push(it),
            "map" => drop(self.map.insert(format!("key {}", self.map.len()), it)),
            "skipped" => self.skipped = Some(Box::new(it)),
            "pair" => self.pair = Some((7, it)),
            "adjacent" => self.adjacent.push(match self.adjacent.len() {
                0 => Adjacent::New(it),
                1 => Adjacent::Pair(it, 7),
                _ => Adjacent::Named { it },
            }),
            "internal" => self.internal.push(match self.internal.len() {
                0 => Internal::New(Wrapper { it }),
                _ => Internal::Named { it },
            }),
            "untagged" => self.untagged.push(match self.untagged.len() {
                0 => Untagged::Named { it },
                1 => Untagged::List([it]),
                _ => Untagged::Number(7),
            }),
            "flattened" => {
                let it = Wrapper { it };
                self.flattened = Some(Flattened { own: 7, it });
            }
            _ => panic!("no field {field}"),
        }
    }
}

/// A session with a value in some fields, and the names of these.
pub(crate) fn holds() -> impl Strategy<Value = (Holds<Any>, Vec<&'static str>)> {
    let value = anything();
    let fields: Vec<_> = REQUIRED.into_iter().skip(1).chain(["skipped"]).collect();
    let fields = prop_oneof![
        3 => subsequence(fields.clone(), 1),
        1 => subsequence(fields, 2..4),
    ];
    let values = prop::collection::vec(value.clone(), 1..4);
    (value, fields, values, any::<bool>()).prop_map(|(plain, mut fields, values, padded)| {
        let mut session = Holds::plain(plain);
        for field in &fields {
            for value in &values {
                session.put(field, value.clone());
            }
        }
        session.pad = "pad ".repeat(if padded { 300 } else { 0 });
        fields.push("plain");
        (session, fields)
    })
}

/// A session with a flattened field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat<T> {
    pub(crate) own: u8,
    #[serde(flatten)]
    pub(crate) rest: T,
}

impl<T: Serialize> Declared for Flat<T> {
    const FIELDS: &'static [Field] = &[Field::new("own", &[]).required()];
    const FLATTENED: bool = true;

    fn give_flattened(&self, entries: &mut FlattenedEntries) {
        entries.field("rest", &self.rest);
    }
}
