//! Any item of DynamoDB's values: what this binary does not know, and what it knows in another form.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use session_store::{Attribute, Attributes, Error, Field, Session, SessionHandle, private};
use session_store_tests::{Item, TestBench, chain};

use super::formats::{BINARY, BINARY_COMPRESSED, COMPRESSED, Declared, In, MAP, data_of};
use super::losses::Json;
use super::{check, runtime};

/// Reads each of its fields in another way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    count: u64,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    float: Option<f64>,
    #[serde(default)]
    json: Json,
    #[serde(default)]
    list: Vec<Json>,
    /// This and the next are serialised differently each time.
    #[serde(default)]
    names: HashSet<String>,
    #[serde(with = "sealed")]
    sealed: String,
}

/// Text in another form each time, as if it were encrypted.
mod sealed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        (fastrand::u32(..), text).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        <(u32, String)>::deserialize(from).map(|(_, text)| text)
    }
}

impl Declared for Known {
    const FIELDS: &'static [Field] = &[
        Field::new("count", &[]).required(),
        Field::new("text", &[]).required(),
        Field::new("float", &[]).required(),
        Field::new("json", &[]).required(),
        Field::new("list", &[]).required(),
        Field::new("names", &[]).required(),
        Field::new("sealed", &[]).required(),
    ];
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::promoted("text")];

    fn give(&self, attributes: &mut Attributes) {
        attributes.serialize("text", &self.text);
    }

    fn is_same(&self, other: &Self, name: &str) -> Option<bool> {
        match name {
            "names" => Some(self.names == other.names),
            "sealed" => Some(self.sealed == other.sealed),
            _ => None,
        }
    }
}

/// The attributes that a write changes: those of the store itself, and the promoted one, which a save repairs
/// if it differs from its field.
const WRITTEN: [&str; 8] = [
    "text",
    "id",
    "data",
    "format",
    "version",
    "writes",
    "touched_at",
    "expires_at",
];

type Tested = Result<(), TestCaseError>;
type Entries = BTreeMap<String, AttributeValue>;

/// Entries of an item, that DynamoDB would take.
fn entries(names: &'static str) -> impl Strategy<Value = Entries> + use<> {
    btree_map(names, value(), 0..4).prop_filter("DynamoDB refuses it", |entries| {
        private::item_size(&entries.clone().into_iter().collect()).is_ok()
    })
}

fn value() -> impl Strategy<Value = AttributeValue> {
    let text = || ".{0,6}";
    let bytes = || vec(any::<u8>(), 0..6);
    let leaf = prop_oneof![
        text().prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        bytes().prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        btree_set(text(), 1..4).prop_map(|set| AttributeValue::Ss(set.into_iter().collect())),
        btree_set(number(), 1..4).prop_map(|set| AttributeValue::Ns(set.into_iter().collect())),
        btree_set(bytes(), 1..4)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().map(Blob::new).collect())),
    ];
    leaf.prop_recursive(8, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            btree_map(".{1,6}", inner, 0..4)
                .prop_map(|entries| AttributeValue::M(entries.into_iter().collect())),
        ]
    })
}

/// A number of up to 38 digits, in any spelling.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        "[-+]?[0-9]{1,38}",
        "-?[0-9]{0,19}\\.[0-9]{1,19}",
        ("-?[1-9][0-9]{0,37}", -130..126_i32).prop_map(|(digits, e)| format!("{digits}e{e}")),
        ("-?[0-9]\\.[0-9]{1,37}", -130..126_i32).prop_map(|(digits, e)| format!("{digits}E{e}")),
    ]
    .prop_filter("DynamoDB refuses it", |number| {
        let number = AttributeValue::N(number.clone());
        private::item_size(&Item::from([(String::new(), number)])).is_ok()
    })
}

/// A session in the store, and its item as this test sees it.
struct One<'a, const FORMAT: usize> {
    bench: &'a TestBench<In<FORMAT, Known>>,
    session: Session<In<FORMAT, Known>>,
}

impl<const FORMAT: usize> One<'_, FORMAT> {
    /// Everything is as it was, but for the count.
    async fn expect(&self, before: &Item, by: &str) -> Tested {
        let after = item(self.bench, self.session.handle()).await;
        let (data, data_before) = (data_of(&after), data_of(before));
        expect_same(&data, &data_before, &["count"], by)?;
        expect_same(&after, before, &WRITTEN, by)?;
        let count = AttributeValue::N(self.session.0.count.to_string());
        prop_assert_eq!(&data["count"], &count, "{}", by);
        Ok(())
    }
}

async fn item<const FORMAT: usize>(
    bench: &TestBench<In<FORMAT, Known>>,
    handle: SessionHandle,
) -> Item {
    bench.item(handle).await.unwrap()
}

fn expect_same(after: &Item, before: &Item, except: &[&str], by: &str) -> Tested {
    let names: BTreeSet<_> = after.keys().chain(before.keys()).collect();
    for name in names {
        if !except.contains(&name.as_str()) {
            let (was, is) = (before.get(name), after.get(name));
            let (was, is) = (was.map(in_order), is.map(in_order));
            prop_assert_eq!(was, is, "{} changed {:?}", by, name);
        }
    }
    Ok(())
}

/// A set has no order, and a number has one spelling: DynamoDB Local returns it as it was written.
fn in_order(value: &AttributeValue) -> AttributeValue {
    match value.clone() {
        AttributeValue::Ss(mut texts) => {
            texts.sort();
            AttributeValue::Ss(texts)
        }
        AttributeValue::N(number) => AttributeValue::N(spelled(&number)),
        AttributeValue::Ns(numbers) => {
            let mut numbers: Vec<_> = numbers.iter().map(|number| spelled(number)).collect();
            numbers.sort();
            AttributeValue::Ns(numbers)
        }
        AttributeValue::Bs(mut blobs) => {
            blobs.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
            AttributeValue::Bs(blobs)
        }
        AttributeValue::L(values) => AttributeValue::L(values.iter().map(in_order).collect()),
        AttributeValue::M(entries) => {
            let entries = entries.iter();
            AttributeValue::M(
                entries
                    .map(|(name, it)| (name.clone(), in_order(it)))
                    .collect(),
            )
        }
        value => value,
    }
}

/// All digits of a number, without zeros around them, and their exponent.
fn spelled(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let unsigned = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches('0').is_empty() {
        return "0".to_owned();
    }
    let zeros = (digits.len() - significant.len()) as i64;
    let exponent = exponent.parse::<i64>().unwrap() - fraction.len() as i64 + zeros;
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    format!("{sign}{}e{exponent}", significant.trim_start_matches('0'))
}

/// Puts entries beside those of a session, loads it, and writes it in each way.
async fn is_kept<const FORMAT: usize>(
    bench: &TestBench<In<FORMAT, Known>>,
    entries: Entries,
    attributes: Entries,
) -> Tested {
    let created = bench.store.create(In(Known::default())).await.unwrap();
    let mut stored = item(bench, created.handle()).await;
    let mut data = data_of(&stored);
    data.extend(entries);
    // As another binary may have stored it, which does not pack.
    stored.insert("data".to_owned(), AttributeValue::M(data));
    stored.remove("format");
    stored.extend(attributes);
    bench.put(stored).await;

    let session = match bench.store.load(created.id()).await {
        Ok(session) => session.unwrap(),
        Err(Error::Decode(error)) => {
            prop_assert!(chain(&error).contains(&created.handle().to_string()));
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(format!("a load fails: {error}"))),
    };
    let mut one = One { bench, session };
    let before = item(bench, created.handle()).await;
    bench.store.save(&mut one.session).await.unwrap();
    one.expect(&before, "a save without a change").await?;
    for by in ["a save", "another save"] {
        let known = &mut one.session.0;
        known.count += 1;
        // In another order.
        known.names = std::mem::take(&mut known.names).into_iter().collect();
        bench.store.save(&mut one.session).await.unwrap();
        one.expect(&before, by).await?;
    }
    bench.store.cycle_id(&mut one.session).await.unwrap();
    one.expect(&before, "a new id").await?;
    one.session.0.count += 1;
    bench.store.save(&mut one.session).await.unwrap();
    one.expect(&before, "a save under the new id").await
}

fn check_items<const FORMAT: usize>() {
    let runtime = runtime();
    let bench = runtime.block_on(TestBench::<In<FORMAT, Known>>::new());
    let names = prop_oneof![
        Just("other|more|.{6,9}"),
        Just("text|float|json|list|names|other"),
    ];
    let data = names.prop_flat_map(entries);
    let item = (data, entries("other|more|.{6,9}"));
    check(40, item, |(data, attributes)| {
        runtime.block_on(is_kept(&bench, data, attributes))
    });
}

#[test]
fn all_that_is_stored_is_kept_in_a_map() {
    check_items::<MAP>();
}

#[test]
fn all_that_is_stored_is_kept_in_binary_data() {
    check_items::<BINARY>();
}

#[test]
fn all_that_is_stored_is_kept_in_compressed_binary_data() {
    check_items::<BINARY_COMPRESSED>();
}

#[test]
fn all_that_is_stored_is_kept_in_compressed_data() {
    check_items::<COMPRESSED>();
}
