//! G15. An entry that could not be read back as it is, is refused by name before the call. And a field that
//! the handler did not change is not written, however it is serialised (G3).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use session_store::{Error, SessionAttributes};
use session_store_tests::TestBench;

macro_rules! with_prefs {
    ($name:ident $(, $option:ident = $value:literal)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests" $(, $option = $value)*)]
        #[serde(default)]
        struct $name {
            #[dynamo(attr = "user_id", index)]
            #[serde(skip_serializing_if = "Option::is_none")]
            user_id: Option<String>,
            #[serde(rename = "colour", alias = "color")]
            theme: String,
            #[serde(flatten)]
            prefs: BTreeMap<String, String>,
        }

        impl $name {
            fn with(key: &str) -> Self {
                Self {
                    prefs: BTreeMap::from([(key.to_owned(), "u-99".to_owned())]),
                    ..Self::default()
                }
            }
        }
    };
}

with_prefs!(Prefs);
with_prefs!(Packed, data = "binary");
with_prefs!(Compressed, compress = "zstd");

fn names(error: Result<impl std::fmt::Debug, Error>, name: &str) {
    let Err(Error::Encode(error)) = error else {
        panic!("{name}: {error:?}");
    };
    assert_eq!(error.path(), name);
    let said = session_store_tests::chain(&*error);
    assert!(said.contains(&format!("`{name}`")), "{said}");
    assert!(!said.contains("u-99"), "{said}");
}

/// After the next load, the session would be somebody else's, while index and attribute say nobody.
macro_rules! collisions {
    ($($test:ident: $type:ident,)*) => {$(
        #[tokio::test]
        async fn $test() {
            let bench = TestBench::<$type>::new().await;
            for key in ["user_id", "colour", "color"] {
                bench.wire.clear();
                names(bench.store.create($type::with(key)).await, key);
                let mut session = bench.store.create($type::default()).await.unwrap();
                bench.wire.clear();
                *session = $type::with(key);
                names(bench.store.save(&mut session).await, key);
                names(bench.store.cycle_id(&mut session).await, key);
                assert!(bench.wire.operations().is_empty());
                let update = |data: &mut $type| *data = $type::with(key);
                names(bench.store.update(session.id(), update).await, key);
                assert_eq!(bench.wire.operations(), ["GetItem"]);
            }
            // A key with the name of an attribute or of a field of Rust is a key like any other.
            for key in ["theme", "version", "data", "prefs", "User_id"] {
                let session = bench.store.create($type::with(key)).await.unwrap();
                let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
                assert_eq!(*loaded, $type::with(key));
            }
        }
    )*};
}

collisions! {
    a_flattened_key_with_the_name_of_a_field_is_refused: Prefs,
    a_flattened_key_in_bytes_with_the_name_of_a_field_is_refused: Packed,
    a_flattened_key_in_compressed_data_with_the_name_of_a_field_is_refused: Compressed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct TwoMaps {
    #[serde(flatten)]
    one: HashMap<String, u64>,
    #[serde(flatten)]
    other: HashMap<String, u64>,
}

#[tokio::test]
async fn two_flattened_fields_cannot_write_one_entry() {
    let bench = TestBench::<TwoMaps>::new().await;
    let map = |key: &str| HashMap::from([(key.to_owned(), 1)]);
    let created = bench.store.create(TwoMaps {
        one: map("secret"),
        other: map("secret"),
    });
    let Err(Error::Encode(error)) = created.await else {
        panic!("it was stored");
    };
    let said = session_store_tests::chain(&*error);
    assert!(said.contains("`one`") && said.contains("`other`"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

/// Written by hand, so that the derive does not know what it writes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct ByHand {
    user: String,
    visits: u64,
    #[serde(skip)]
    wrong: u8,
}

impl Serialize for ByHand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(if self.wrong == 1 { "usr" } else { "user" }, &self.user)?;
        if self.wrong != 2 {
            map.serialize_entry("visits", &self.visits)?;
        }
        if self.wrong == 3 {
            map.serialize_entry("more", &1)?;
        }
        map.end()
    }
}

#[tokio::test]
async fn a_serialize_that_does_not_fit_the_schema_is_refused() {
    let bench = TestBench::<ByHand>::new().await;
    for (wrong, name) in [(1, "user"), (2, "visits"), (3, "more")] {
        let by_hand = ByHand {
            wrong,
            ..ByHand::default()
        };
        names(bench.store.create(by_hand.clone()).await, name);
        let mut session = bench.store.create(ByHand::default()).await.unwrap();
        session.wrong = wrong;
        session.visits = 1;
        names(bench.store.save(&mut session).await, name);
    }
}

/// A text that is encrypted with another nonce each time.
mod sealed {
    use super::*;

    static NONCE: AtomicU64 = AtomicU64::new(0);

    pub fn serialize<S: Serializer>(text: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        let nonce = NONCE.fetch_add(1, Ordering::Relaxed);
        (nonce, text.0.chars().rev().collect::<String>()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        let (_, text) = <(u64, String)>::deserialize(deserializer)?;
        Ok(Secret(text.chars().rev().collect()))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Secret(String);

macro_rules! nondeterministic {
    ($name:ident $(, $option:ident = $value:literal)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests" $(, $option = $value)*)]
        struct $name {
            roles: HashSet<String>,
            #[serde(with = "sealed")]
            token: Secret,
            #[dynamo(attr = "sealed")]
            #[serde(with = "sealed")]
            promoted: Secret,
            nested: HashMap<String, HashSet<u64>>,
            theme: String,
        }
    };
}

nondeterministic!(Changing);
nondeterministic!(ChangingBytes, data = "binary");

fn roles(names: impl IntoIterator<Item = u64>) -> HashSet<String> {
    names.into_iter().map(|n| format!("role-{n}")).collect()
}

#[tokio::test]
async fn a_field_that_is_serialised_differently_each_time_is_not_written_unless_it_changed() {
    let bench = TestBench::<Changing>::new().await;
    let data = Changing {
        roles: roles(0..20),
        token: Secret("abc".into()),
        promoted: Secret("def".into()),
        nested: HashMap::from([("a".into(), (0..20).collect())]),
        theme: String::new(),
    };
    let created = bench.store.create(data).await.unwrap();
    let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
    // A change that was taken back leaves the set in another order.
    session.roles = roles((0..40).rev());
    session.roles.retain(|role| roles(0..20).contains(role));
    let nested = session.nested.get_mut("a").unwrap();
    nested.extend(100..200);
    nested.retain(|n| *n < 100);
    bench.wire.clear();
    bench.store.save(&mut session).await.unwrap();
    assert!(bench.wire.operations().is_empty(), "it writes nothing");

    // Another request changes these fields, and this one another.
    let mut other = bench.store.load(created.id()).await.unwrap().unwrap();
    other.token = Secret("new".into());
    other.promoted = Secret("newer".into());
    other.roles.insert("admin".into());
    other.nested.clear();
    bench.store.save(&mut other).await.unwrap();
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    let stored = bench.store.load(created.id()).await.unwrap().unwrap();
    let expected = Changing {
        theme: "dark".into(),
        ..(*other).clone()
    };
    assert_eq!(*stored, expected);
}

#[tokio::test]
async fn in_bytes_too_nothing_is_written_if_nothing_changed() {
    let bench = TestBench::<ChangingBytes>::new().await;
    let data = ChangingBytes {
        roles: roles(0..20),
        token: Secret("abc".into()),
        ..ChangingBytes::default()
    };
    let created = bench.store.create(data).await.unwrap();
    let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
    session.roles = roles((0..20).rev());
    session.token = Secret("abc".into());
    bench.wire.clear();
    bench.store.save(&mut session).await.unwrap();
    assert!(bench.wire.operations().is_empty());
    session.token = Secret("abd".into());
    bench.store.save(&mut session).await.unwrap();
    let stored = bench.store.load(created.id()).await.unwrap().unwrap();
    assert_eq!(stored.token, Secret("abd".into()));
}

/// Without `PartialEq`, whether it changed cannot be known.
#[derive(Clone, Debug, Default)]
struct Opaque(String);

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        sealed::serialize(&Secret(self.0.clone()), serializer)
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        sealed::deserialize(deserializer).map(|secret| Self(secret.0))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct WithOpaque {
    opaque: Opaque,
    theme: String,
}

#[tokio::test]
async fn a_changing_form_without_partial_eq_is_refused_by_name() {
    let bench = TestBench::<WithOpaque>::new().await;
    let mut session = bench.store.create(WithOpaque::default()).await.unwrap();
    session.theme = "dark".into();
    bench.wire.clear();
    names(bench.store.save(&mut session).await, "opaque");
    assert!(bench.wire.operations().is_empty());
}

/// An attribute that is computed anew each time, as from a clock, is no field that changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
#[dynamo(attr = "tick", with = Ticking::tick)]
struct Ticking {
    theme: String,
}

impl Ticking {
    fn tick(&self) -> u64 {
        static TICKS: AtomicU64 = AtomicU64::new(0);
        TICKS.fetch_add(1, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_attribute_that_is_computed_anew_each_time_is_written_with_each_save() {
    let bench = TestBench::<Ticking>::new().await;
    let mut session = bench.store.create(Ticking::default()).await.unwrap();
    let tick = async |handle| bench.item(handle).await.unwrap()["tick"].clone();
    let before = tick(session.handle()).await;
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    assert_ne!(tick(session.handle()).await, before);
}

/// An order that matters is a change: the type's own `PartialEq` says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Lists {
    steps: Vec<u64>,
    part: Part,
}

/// Its `PartialEq` leaves out what is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Part {
    id: u64,
    note: String,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

#[tokio::test]
async fn a_change_that_partial_eq_or_the_form_tells_is_written() {
    let bench = TestBench::<Lists>::new().await;
    let steps = vec![1, 2, 3];
    let lists = Lists {
        steps,
        part: Part::default(),
    };
    let created = bench.store.create(lists).await.unwrap();
    let mut session = bench.store.load(created.id()).await.unwrap().unwrap();
    session.steps.reverse();
    session.part.note = "seen".into();
    bench.store.save(&mut session).await.unwrap();
    let stored = bench.store.load(created.id()).await.unwrap().unwrap();
    assert_eq!(stored.steps, [3, 2, 1]);
    assert_eq!(stored.part.note, "seen");
}
