//! G11. The size that is computed before the call is the size that the engine bills, to the byte.
//!
//! An item is padded to a whole number of kilobytes by this crate's count, and to one byte more. If the
//! count were off by one in either direction, one of the two would cost another number of write units.

use std::cell::Cell;

use arbitrary::Unstructured;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};
use serde::{Deserialize, Serialize};
use session_store::{SessionAttributes, private};
use session_store_tests::{Item, TestBench, fuzz};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct App {
    visits: u64,
}

struct Scales {
    bench: TestBench<App>,
    count: Cell<u32>,
}

impl Scales {
    async fn new() -> Self {
        Self {
            bench: TestBench::new().await,
            count: Cell::new(0),
        }
    }

    /// The units for a new item. Each has another key of the same length, since the larger of the old and
    /// the new item is billed.
    async fn units(&self, mut item: Item) -> Result<f64, String> {
        self.count.set(self.count.get() + 1);
        item.insert("id".to_owned(), s(&format!("{:08}", self.count.get())));
        let put = self.bench.client.put_item().set_item(Some(item));
        let put = put
            .table_name(self.bench.store.table_name())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = put.send().await.map_err(|error| {
            let message = error.message().map(str::to_owned);
            message.unwrap_or_else(|| format!("{error:?}"))
        })?;
        Ok(answer.consumed_capacity.unwrap().capacity_units.unwrap())
    }

    /// Compares the computed size of an item with the engine's, and returns the difference.
    async fn weigh(&self, name: &str, value: AttributeValue) -> Result<(), String> {
        let padded = |by: usize| {
            Item::from([
                ("id".to_owned(), s("00000000")),
                (name.to_owned(), value.clone()),
                ("~pad".to_owned(), s(&"x".repeat(by))),
            ])
        };
        let size = private::item_size(&padded(0)).unwrap();
        let kilobytes = size / 1024 + 1;
        let exact = kilobytes * 1024 - size;
        let billed = (
            self.units(padded(exact)).await?,
            self.units(padded(exact + 1)).await?,
        );
        if billed == (kilobytes as f64, kilobytes as f64 + 1.0) {
            return Ok(());
        }
        Err(format!(
            "{name:?} = {value:?}: {size} bytes, billed as {billed:?} units for {kilobytes} KB and one byte more"
        ))
    }

    async fn weigh_all(&self, values: impl IntoIterator<Item = AttributeValue>) {
        let mut wrong = Vec::new();
        for value in values {
            wrong.extend(self.weigh("value", value).await.err());
        }
        assert!(
            wrong.is_empty(),
            "{} are wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: impl ToString) -> AttributeValue {
    AttributeValue::N(text.to_string())
}

fn b(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

fn m<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

#[tokio::test]
async fn texts_bytes_booleans_and_null_are_counted_as_billed() {
    let scales = Scales::new().await;
    scales
        .weigh_all([
            s(""),
            s("a"),
            s("zwölf"),
            s("€uro"),
            s("😀"),
            s("e\u{301}"),
            s(&"ä".repeat(3000)),
            b([]),
            b([0]),
            b([255; 100]),
            b(vec![7; 5000]),
            AttributeValue::Bool(true),
            AttributeValue::Bool(false),
            AttributeValue::Null(true),
        ])
        .await;
}

#[tokio::test]
async fn attribute_names_are_counted_as_billed() {
    let scales = Scales::new().await;
    let mut wrong = Vec::new();
    for name in [
        "a",
        "ab",
        "ä",
        "€",
        "😀",
        "name with spaces",
        &"n".repeat(255),
        &"ü".repeat(500),
    ] {
        wrong.extend(scales.weigh(name, s("v")).await.err());
        wrong.extend(scales.weigh(name, m([(name, n(1))])).await.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each number of digits, with the decimal point at each position near them and far away, with both signs.
#[tokio::test]
async fn numbers_are_counted_as_billed() {
    let scales = Scales::new().await;
    let digits = "12345678912345678912345678912345678912";
    let mut numbers = Vec::new();
    for count in [1, 2, 3, 4, 5, 6, 7, 18, 19, 20, 36, 37, 38] {
        for exponent in [
            -120, -41, -40, -39, -38, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 37, 38, 80, 81,
        ] {
            numbers.push(format!("{}e{exponent}", &digits[..count]));
        }
    }
    let negative: Vec<_> = numbers
        .iter()
        .step_by(3)
        .map(|number| format!("-{number}"))
        .collect();
    numbers.extend(negative);
    scales.weigh_all(numbers.iter().map(n)).await;
}

/// The same number in many spellings, and numbers with zeros outside, inside and alone.
#[tokio::test]
async fn zeros_and_other_spellings_of_numbers_are_counted_as_billed() {
    let scales = Scales::new().await;
    let numbers = [
        "0",
        "-0",
        "0.0",
        "0e10",
        "000",
        "1",
        "1.0",
        "1.000",
        "01",
        "+1",
        "1e0",
        "10e-1",
        "-1",
        "-1.0",
        "10",
        "100",
        "1000",
        "10000",
        "-100",
        "1e2",
        "1E+2",
        "1e100",
        "1e101",
        "-1e100",
        "9.99e125",
        "1e-130",
        "1e-129",
        "-1e-130",
        "0.1",
        "0.10",
        "0.01",
        "0.001",
        "0.0001",
        "0.00001",
        "-0.001",
        "1.01",
        "10.1",
        "100.1",
        "1.001",
        "10.01",
        "100.01",
        "1000.001",
        "101",
        "1001",
        "10001",
        "100100",
        "1001000",
        "-10.01",
        "12.34",
        "1.234",
        "123.4",
        "1234.5678",
        "3.14159",
        "1700000000",
        "1700000000000",
        "18446744073709551615",
        "9223372036854775807",
        "-9223372036854775808",
        "0.30000000000000004",
        "1.7976931348623157",
        "99999999999999999999999999999999999999",
        "-99999999999999999999999999999999999999",
        "0.12345678901234567890123456789012345678",
        "10000000000000000000000000000000000001",
        "1000000000000000000.0000000000000000001",
    ];
    scales.weigh_all(numbers.map(n)).await;
}

#[tokio::test]
async fn sets_are_counted_as_billed() {
    let scales = Scales::new().await;
    let texts =
        |texts: &[&str]| AttributeValue::Ss(texts.iter().map(ToString::to_string).collect());
    let numbers =
        |numbers: &[&str]| AttributeValue::Ns(numbers.iter().map(ToString::to_string).collect());
    let blobs =
        |blobs: &[&[u8]]| AttributeValue::Bs(blobs.iter().map(|&blob| Blob::new(blob)).collect());
    scales
        .weigh_all([
            texts(&["a"]),
            texts(&["a", "bc", "dß"]),
            texts(&["admin", "staff", "billing", "😀"]),
            numbers(&["1"]),
            numbers(&["1", "-22", "3.33", "1e50"]),
            numbers(&["0", "100", "0.001"]),
            blobs(&[b"a"]),
            blobs(&[b"a", b"bc", &[0; 300]]),
        ])
        .await;
}

#[tokio::test]
async fn lists_and_maps_are_counted_as_billed() {
    let scales = Scales::new().await;
    let list = AttributeValue::L;
    let deep = |levels| (0..levels).fold(n(1), |inner, _| list(vec![inner]));
    let deep_map =
        |levels| (0..levels).fold(s("x"), |inner, level| m([(&*format!("l{level}"), inner)]));
    let line = || {
        m([
            ("sku", s("größe-7")),
            ("qty", n(2)),
            ("gift", AttributeValue::Bool(false)),
        ])
    };
    scales
        .weigh_all([
            list(vec![]),
            list(vec![s("")]),
            list(vec![n(1), n(22), s("three")]),
            list(vec![AttributeValue::Null(true); 100]),
            list(vec![b([]); 4]),
            list(vec![list(vec![]), m([])]),
            list(vec![line(), line(), line()]),
            m([]),
            m([("k", s(""))]),
            m([("kö", n(-1)), ("l", list(vec![n("0.5")]))]),
            m([
                ("roles", AttributeValue::Ss(vec!["a".into(), "b".into()])),
                ("line", line()),
            ]),
            deep(1),
            deep(2),
            deep(15),
            deep(31),
            deep_map(3),
            deep_map(31),
        ])
        .await;
}

#[test]
fn random_values_are_counted_as_billed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let scales = runtime.block_on(Scales::new());
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    };
    // The same values each time, so that no run fails by chance where the engines differ.
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let bytes = prop::collection::vec(any::<u8>(), 0..400);
    let run = runner.run(&bytes, |bytes| {
        let value = fuzz::value(&mut Unstructured::new(&bytes), 10);
        let Ok(value) = value else {
            return Err(TestCaseError::reject("not enough bytes"));
        };
        let item = Item::from([("value".to_owned(), value.clone())]);
        prop_assume!(private::item_size(&item).is_ok());
        let weighed = runtime.block_on(scales.weigh("value", value));
        weighed.map_err(TestCaseError::fail)
    });
    run.unwrap();
}

/// The largest item by this crate's count is the largest that the engine accepts.
#[tokio::test]
async fn the_engine_takes_400_kb_by_our_count_and_not_a_byte_more() {
    let scales = Scales::new().await;
    let sized = |size: usize| {
        let item = |pad: usize| {
            Item::from([
                ("id".to_owned(), s("00000000")),
                ("pad".to_owned(), s(&"x".repeat(pad))),
            ])
        };
        let item = item(size - private::item_size(&item(0)).unwrap());
        assert_eq!(private::item_size(&item).unwrap(), size);
        item
    };
    assert_eq!(scales.units(sized(400 * 1024)).await, Ok(400.0));
    let refused = scales.units(sized(400 * 1024 + 1)).await.unwrap_err();
    assert!(refused.to_lowercase().contains("item size"), "{refused}");
}
