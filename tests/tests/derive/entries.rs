//! The derived methods about the entries of `data`: which fields are equal, and what flattened fields write.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use session_store::{FlattenedEntries, SessionAttributes};

/// A type that cannot be compared.
#[derive(Clone, Default, Serialize, Deserialize)]
struct NoEq {
    /// Only so that two can differ.
    value: u8,
}

/// A type of its own for each `T`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Generic<T> {
    /// What it wraps.
    value: T,
}

/// Equal if the first number is, to tell `PartialEq` from another comparison.
#[derive(Clone, Default, Serialize, Deserialize)]
struct ByFirst(u8, u8);

impl PartialEq for ByFirst {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Fields of many types.
#[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
#[serde(rename_all = "camelCase", default)]
#[dynamo(attr = "computed", with = Fields::computed)]
struct Fields {
    a_float: f64,
    #[dynamo(attr = "tag-count", with = HashSet::len_attribute)]
    tags: HashSet<String>,
    not_eq: NoEq,
    option_not_eq: Option<NoEq>,
    vec_not_eq: Vec<NoEq>,
    generic: Generic<Vec<u8>>,
    generic_not_eq: Generic<[Option<NoEq>; 2]>,
    nested: HashMap<String, Box<[ByFirst]>>,
    borrowed: Option<Cow<'static, str>>,
    #[dynamo(attr = "uid", index(shards = 2))]
    r#type: String,
    itself: Option<Box<Fields>>,
    #[serde(skip)]
    function: Option<fn(u8) -> u8>,
    #[dynamo(attr = "r", with = ByFirst::last)]
    #[serde(rename = "by first")]
    by_first: ByFirst,
    /// The name of another field's attribute.
    r: u8,
}

impl Fields {
    /// Of the whole session.
    fn computed(&self) -> String {
        self.r#type.clone()
    }
}

impl ByFirst {
    /// A function for an attribute.
    fn last(&self) -> u8 {
        self.1
    }
}

/// A function of a trait.
trait LenAttribute {
    /// The length.
    fn len_attribute(&self) -> u64;
}

impl LenAttribute for HashSet<String> {
    fn len_attribute(&self) -> u64 {
        self.len() as u64
    }
}

/// A change of one field.
type Change<S> = fn(&mut S);

/// Compares the entry of this name in a session, and after this change.
fn compare<S: SessionAttributes + Clone>(
    session: &S,
    name: &str,
    change: Change<S>,
) -> Option<bool> {
    let mut changed = session.clone();
    change(&mut changed);
    session.is_same_entry(&changed, name)
}

#[test]
fn a_field_is_compared_by_its_own_equality() {
    let tags = || ["a", "b", "c", "d"].map(str::to_owned);
    let session = Fields {
        tags: tags().into(),
        ..Fields::default()
    };
    // Each with its name, and a change to another value.
    let comparable: [(&str, Change<Fields>); 7] = [
        ("aFloat", |s| s.a_float = 0.5),
        ("tags", |s| s.tags = HashSet::new()),
        ("tag-count", |s| s.tags = HashSet::new()),
        ("generic", |s| s.generic.value.push(1)),
        ("type", |s| s.r#type.push('x')),
        ("uid", |s| s.r#type.push('x')),
        ("uid-shard", |s| s.r#type.push('x')),
    ];
    for (name, change) in comparable {
        assert_eq!(compare(&session, name, |_| {}), Some(true), "{name}");
        assert_eq!(compare(&session, name, change), Some(false), "{name}");
        // No other name is about this field.
        for (other, _) in comparable {
            let is_same_field = [
                ["tags", "tag-count"].as_slice(),
                &["type", "uid", "uid-shard"],
            ]
            .iter()
            .any(|names| names.contains(&name) && names.contains(&other));
            let expected = name != other && !is_same_field;
            assert_eq!(
                compare(&session, other, change),
                Some(expected),
                "{name} {other}"
            );
        }
    }
    // In the order of another set.
    let reversed: HashSet<_> = tags().into_iter().rev().collect();
    let other = Fields {
        tags: reversed,
        ..Fields::default()
    };
    assert_eq!(session.is_same_entry(&other, "tags"), Some(true));
    let same: Change<Fields> = |s| s.by_first.1 = 1;
    assert_eq!(compare(&session, "by first", same), Some(true));
    let nan = Fields {
        a_float: f64::NAN,
        ..Fields::default()
    };
    assert_eq!(nan.is_same_entry(&nan, "aFloat"), Some(false));
}

#[test]
fn a_field_without_equality_is_not_compared() {
    let session = Fields::default();
    for name in [
        "notEq",
        "optionNotEq",
        "vecNotEq",
        "genericNotEq",
        // `Fields` has no `PartialEq`.
        "itself",
        // Of the whole session, of no field, and under other names.
        "computed",
        "function",
        "a_float",
        "r#type",
        "unknown",
        "",
    ] {
        assert_eq!(session.is_same_entry(&session, name), None, "{name}");
    }
}

/// The two cannot be told apart, so a change of either must be written.
#[test]
fn a_name_of_an_entry_and_of_an_attribute_stands_for_both() {
    let session = Fields::default();
    assert_eq!(compare(&session, "r", |_| {}), Some(true));
    assert_eq!(compare(&session, "r", |s| s.r = 1), Some(false));
    assert_eq!(compare(&session, "r", |s| s.by_first.0 = 1), Some(false));
}

/// A session with flattened fields.
#[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(attr = "computed", with = Flattened::computed)]
#[serde(default)]
struct Flattened {
    #[dynamo(attr = "uid")]
    #[serde(alias = "user")]
    user_id: u64,
    #[serde(flatten, with = "upper_case")]
    prefs: Prefs,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    #[serde(flatten, skip_serializing)]
    only_read: Prefs,
    #[serde(flatten)]
    r#rest: BTreeMap<String, u8>,
}

impl Flattened {
    /// Of the whole session.
    fn computed(&self) -> u64 {
        self.user_id
    }
}

/// Flattened.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Prefs {
    theme: String,
}

/// Flattened.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Device {
    name: String,
}

/// A function for serde: other keys than those of the type.
mod upper_case {
    use super::{BTreeMap, Deserialize, Prefs, Serialize};

    /// For serde.
    pub(super) fn serialize<S: serde::Serializer>(prefs: &Prefs, s: S) -> Result<S::Ok, S::Error> {
        BTreeMap::from([("THEME", &prefs.theme)]).serialize(s)
    }

    /// For serde.
    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Prefs, D::Error> {
        let mut map = BTreeMap::<String, String>::deserialize(d)?;
        let theme = map.remove("THEME").unwrap_or_default();
        Ok(Prefs { theme })
    }
}

/// The flattened fields and their keys, as `Debug` shows them.
fn flattened<S: SessionAttributes>(session: &S) -> String {
    let mut entries = FlattenedEntries::default();
    session.flattened(&mut entries);
    format!("{entries:?}")
}

#[test]
fn flattened_fields_have_the_keys_that_serde_writes() {
    let mut session = Flattened {
        rest: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]),
        ..Flattened::default()
    };
    assert_eq!(
        flattened(&session),
        r#"FlattenedEntries { fields: [("prefs", ["THEME"]), ("rest", ["a", "b"])] }"#
    );
    session.device = Some(Device::default());
    assert_eq!(
        flattened(&session),
        r#"FlattenedEntries { fields: [("prefs", ["THEME"]), ("device", ["name"]), ("rest", ["a", "b"])] }"#
    );
    assert_eq!(
        flattened(&Fields::default()),
        "FlattenedEntries { fields: [] }"
    );
}

#[test]
fn every_other_name_is_a_key_of_the_flattened_fields() {
    let session = Flattened::default();
    let name: Change<Flattened> = |s| s.device = Some(Device::default());
    let theme: Change<Flattened> = |s| s.prefs.theme.push('x');
    let rest: Change<Flattened> = |s| s.rest = BTreeMap::from([("uid".to_owned(), 1)]);
    for key in ["theme", "anything", ""] {
        assert_eq!(compare(&session, key, |s| s.user_id = 1), Some(true));
        for change in [name, theme, rest] {
            assert_eq!(compare(&session, key, change), Some(false));
        }
        // It is not written.
        assert_eq!(
            compare(&session, key, |s| s.only_read.theme.push('x')),
            Some(true)
        );
    }
    // An entry cannot have the name of a flattened one, but an attribute can.
    assert_eq!(compare(&session, "user_id", rest), Some(true));
    assert_eq!(compare(&session, "uid", rest), Some(false));
    assert_eq!(compare(&session, "uid", |s| s.user_id = 1), Some(false));
    for name in ["user", "computed"] {
        assert_eq!(session.is_same_entry(&session, name), None, "{name}");
    }
}

#[test]
fn flattened_fields_without_equality_are_not_compared() {
    /// A flattened field that cannot be compared, beside one that can.
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    struct Session {
        plain: u8,
        #[serde(flatten)]
        prefs: Prefs,
        #[serde(flatten)]
        not_eq: NoEq,
    }

    let session = Session::default();
    assert_eq!(session.is_same_entry(&session, "plain"), Some(true));
    assert_eq!(session.is_same_entry(&session, "theme"), None);
    assert_eq!(session.is_same_entry(&session, "value"), None);
}

#[test]
fn a_packed_struct_is_compared_too() {
    /// No field can be borrowed.
    #[derive(Clone, Copy, Serialize, Deserialize, SessionAttributes)]
    #[repr(C, packed)]
    struct Packed {
        small: u8,
        large: u64,
    }

    let session = Packed { small: 1, large: 2 };
    assert_eq!(compare(&session, "large", |_| {}), Some(true));
    assert_eq!(compare(&session, "large", |s| s.large = 3), Some(false));
    assert_eq!(compare(&session, "small", |s| s.large = 3), Some(true));
}

#[test]
fn a_field_that_serde_always_writes_is_required() {
    /// One field for each reason to be absent.
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[serde(default)]
    struct Session {
        option: Option<u8>,
        #[serde(with = "upper_case")]
        by_function: Prefs,
        #[serde(skip_deserializing)]
        only_written: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        #[serde(skip_serializing)]
        only_read: u8,
    }

    let entries = Session::SCHEMA
        .entries()
        .expect("the derive gives the fields");
    let required = entries.iter().filter(|field| field.is_required());
    let required: Vec<_> = required.map(session_store::Field::name).collect();
    assert_eq!(required, ["option", "by_function", "only_written"]);
    assert!(!session_store::Field::new("by_hand", &[]).is_required());
}
