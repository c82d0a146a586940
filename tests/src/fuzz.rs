//! The functions of the fuzz targets in `fuzz/`, which `tests/fuzz.rs` also runs on fewer bytes. Nothing
//! panics, whatever the bytes are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::OnceLock;

use arbitrary::{Arbitrary as _, Result, Unstructured};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde::{Deserialize, Serialize};
use session_store::{SessionAttributes, SessionHandle, SessionId, as_string_set, private};

use crate::{Item, chain, on_loopback};

/// A session with a field of every kind that serde handles differently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "fuzz", idle_timeout = "30m", absolute_timeout = "12h")]
pub struct Fuzzed {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "roles", with = as_string_set)]
    #[serde(default)]
    roles: BTreeSet<String>,
    #[serde(alias = "colour")]
    theme: String,
    visits: u64,
    #[serde(default)]
    ratio: f64,
    #[serde(default)]
    choice: Choice,
    #[serde(default)]
    carts: BTreeMap<String, Vec<(String, i32)>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Choice {
    #[default]
    None,
    One(char),
    Two {
        left: Option<bool>,
        right: [u8; 2],
    },
}

/// Reads an item in which any part can be missing or replaced.
pub fn decode(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    let (Ok(now), Ok(item)) = (now(&mut u), item(&mut u)) else {
        return;
    };
    match private::decode::<Fuzzed>(&id, item, now) {
        Ok(Some(session)) => {
            assert!(session.expires_at() >= session_store_time(now / 1000));
            let shown = format!("{session:?} {:?}", session.created_at());
            assert!(!shown.contains(&id.expose()));
        }
        Ok(None) => {}
        Err(error) => assert!(chain(&error).contains(&id.handle().to_string())),
    }
}

/// Reads an id from a text: an accepted text is the one that the id gives back.
pub fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = SessionId::parse(&text) {
        assert_eq!(id.expose(), text);
    }
    if let Ok(handle) = SessionHandle::parse(&text) {
        assert_eq!(handle.to_string(), text);
    }
}

/// Unpacks bytes as CBOR: any bytes, and those that a store writes with some of them replaced.
pub fn cbor(bytes: &[u8]) {
    let _ = private::unpack(bytes);
    let mut spoiled = packed::<Binary>();
    private::unpack(&spoiled).unwrap();
    spoil_bytes(bytes, &mut spoiled);
    if let Ok(data) = private::unpack(&spoiled) {
        // Not all of it can be stored again: sets can have a member twice.
        let _ = private::item_size(&data);
    }
}

/// The same for the frames of zstd around it.
pub fn frame(bytes: &[u8]) {
    const MAX: usize = 16 << 20;
    let mut spoiled = packed::<Compressed>();
    let unpacked = private::decompress(&spoiled).unwrap();
    private::unpack(&unpacked).unwrap();
    spoil_bytes(bytes, &mut spoiled);
    for frame in [bytes, &spoiled] {
        if let Ok(unpacked) = private::decompress(frame) {
            assert!(unpacked.len() <= MAX);
            let _ = private::unpack(&unpacked);
        }
    }
}

/// Two types of the same entries, in both packed formats.
macro_rules! packed {
    ($($name:ident $(: $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "fuzz", data = "binary" $(, compress = $compress)?)]
        struct $name {
            text: String,
            numbers: Vec<f64>,
            large: Vec<i64>,
            carts: BTreeMap<String, Vec<(String, Option<bool>)>>,
        }

        impl Packed for $name {
            fn sample() -> Self {
                Self {
                    text: "a text that makes it worth to be compressed; ".repeat(20),
                    numbers: vec![0.1, 1.5, 1e100, -1e-100, 123_456_789.123],
                    large: vec![0, 23, -24, 65_536, i64::MAX, i64::MIN],
                    carts: BTreeMap::from([
                        ("a".to_owned(), vec![("b".to_owned(), Some(true))]),
                        ("c".to_owned(), vec![("d".to_owned(), None); 3]),
                    ]),
                }
            }
        }
    )*};
}

packed! {
    Binary;
    Compressed: "zstd";
}

trait Packed: SessionAttributes + Serialize {
    fn sample() -> Self;
}

/// The bytes of `data` in the item of a session.
fn packed<S: Packed>() -> Vec<u8> {
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    let item = private::encode(&id, &S::sample(), TIME * 1000).unwrap();
    item["data"].as_b().unwrap().clone().into_inner()
}

/// Replaces, removes or adds as many bytes as there are triples.
fn spoil_bytes(bytes: &[u8], spoiled: &mut Vec<u8>) {
    for triple in bytes.chunks_exact(3).take(20) {
        let at = usize::from(triple[0]) * 256 + usize::from(triple[1]);
        let at = at % spoiled.len().max(1);
        match triple[2] {
            0 => spoiled.truncate(at),
            1 => spoiled.insert(at, triple[1]),
            byte if !spoiled.is_empty() => spoiled[at] = byte,
            _ => {}
        }
    }
}

/// Computes the size of a value: within another value it has the same size as alone, and a number has the
/// same size in any spelling.
pub fn size(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let Ok(value) = value(&mut u, 40) else {
        return;
    };
    let alone = size_of(value.clone());
    let listed = size_of(AttributeValue::L(vec![value.clone()]));
    match (alone, listed) {
        (Some(alone), Some(listed)) => assert_eq!(listed, 3 + 1 + alone),
        (None, listed) => assert_eq!(listed, None),
        (Some(_), None) => assert!(value.is_l() || value.is_m(), "only depth adds up"),
    }
    if let (AttributeValue::N(number), Some(size)) = (&value, alone) {
        let unsigned = number.trim_start_matches(['-', '+']);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let point = if mantissa.contains('.') { "" } else { "." };
        let spelled = |sign| {
            size_of(AttributeValue::N(format!(
                "{sign}00{mantissa}{point}00E{exponent}"
            )))
        };
        let sign = if number.starts_with('-') { "-" } else { "" };
        assert_eq!(spelled(sign), Some(size));
        assert!(size <= 21);
    }
}

fn size_of(value: AttributeValue) -> Option<usize> {
    private::item_size(&Item::from([(String::new(), value)])).ok()
}

fn session_store_time(seconds: u64) -> std::time::SystemTime {
    const YEAR_9999: u64 = 253_402_300_799;
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.min(YEAR_9999))
}

const TIME: u64 = 1_800_000_000;

fn now(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(if u.ratio(7, 8)? {
        TIME * 1000
    } else {
        u64::arbitrary(u)?
    })
}

/// An item of [`Fuzzed`] in which any part can be missing or replaced.
pub fn item(u: &mut Unstructured<'_>) -> Result<Item> {
    let mut item = whole_item();
    let mut names: Vec<String> = item.keys().cloned().collect();
    names.extend(["idle", "format", "roles"].map(str::to_owned));
    names.sort_unstable();
    for name in names {
        spoil(u, &mut item, name)?;
    }
    if let Some(AttributeValue::M(data)) = item.get_mut("data") {
        let mut names: Vec<String> = data.keys().cloned().collect();
        names.extend(["colour", "choice", "carts", "ratio"].map(str::to_owned));
        names.sort_unstable();
        for name in names {
            spoil(u, data, name)?;
        }
    }
    // When no bytes are left, every ratio is true.
    while !u.ratio(3, 4)? {
        item.insert(String::arbitrary(u)?, value(u, 8)?);
    }
    Ok(item)
}

fn spoil(u: &mut Unstructured<'_>, entries: &mut Item, name: String) -> Result<()> {
    match u.int_in_range(0..=15)? {
        1 => drop(entries.remove(&name)),
        2 | 3 => drop(entries.insert(name, value(u, 8)?)),
        _ => {}
    }
    Ok(())
}

fn whole_item() -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u64| AttributeValue::N(number.to_string());
    let mark = AttributeValue::B(Blob::new([]));
    let data = Item::from([
        ("user_id".to_owned(), text("u-17")),
        ("theme".to_owned(), text("dark")),
        ("visits".to_owned(), number(3)),
    ]);
    Item::from(
        [
            ("id", text(&"A".repeat(43))),
            ("data", AttributeValue::M(data)),
            ("created_at", number(TIME * 1000)),
            ("touched_at", number(TIME * 1000)),
            ("expires_at", number(TIME + 1800)),
            ("version", number(1)),
            ("writes", AttributeValue::L(vec![mark; 4])),
            ("user_id", text("u-17")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Any value up to this depth, including one of a type that this version of the SDK does not know.
pub fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<AttributeValue> {
    Ok(match u.int_in_range(0..=if depth == 0 { 8 } else { 12 })? {
        0 => AttributeValue::S(String::arbitrary(u)?),
        1 | 2 => AttributeValue::N(number(u)?),
        3 => AttributeValue::B(Blob::new(Vec::arbitrary(u)?)),
        4 => AttributeValue::Bool(bool::arbitrary(u)?),
        5 => AttributeValue::Null(u.ratio(7, 8)?),
        6 => AttributeValue::Ss(Vec::arbitrary(u)?),
        7 => AttributeValue::Ns(several(u, number)?),
        8 if u.ratio(1, 4)? => unknown(),
        8 => AttributeValue::Bs(several(u, |u| Ok(Blob::new(Vec::arbitrary(u)?)))?),
        9 | 10 => AttributeValue::L(several(u, |u| value(u, depth - 1))?),
        _ => {
            let entries = several(u, |u| Ok((String::arbitrary(u)?, value(u, depth - 1)?)))?;
            AttributeValue::M(entries.into_iter().collect())
        }
    })
}

fn several<T>(
    u: &mut Unstructured<'_>,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=4)?).map(|_| one(u)).collect()
}

/// A number in some spelling, and sometimes a text that is not a number.
fn number(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 16)? {
        return String::arbitrary(u);
    }
    let mut text = u.choose(&["", "", "-", "+"])?.to_string();
    digits(u, &mut text)?;
    if bool::arbitrary(u)? {
        text.push('.');
        digits(u, &mut text)?;
    }
    if u.ratio(1, 3)? {
        let exponent = u.int_in_range(-140..=140)?;
        let _ = write!(text, "e{exponent}");
    }
    Ok(text)
}

fn digits(u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    for _ in 0..u.int_in_range(0..=20)? {
        text.push(*u.choose(&['0', '0', '1', '2', '5', '9'])?);
    }
    Ok(())
}

/// A value of a type that the SDK does not know. The only way to get one is to read it.
fn unknown() -> AttributeValue {
    static UNKNOWN: OnceLock<AttributeValue> = OnceLock::new();
    let read = || {
        let config = on_loopback("http://127.0.0.1:1").http_client(FromTheFuture);
        let client = Client::from_conf(config.build());
        let get = client.get_item().table_name("fuzz");
        let get = get.key("id", AttributeValue::S("id".to_owned())).send();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let item = runtime.unwrap().block_on(get).unwrap().item.unwrap();
        let value = item["later"].clone();
        assert!(value.is_unknown());
        value
    };
    UNKNOWN.get_or_init(read).clone()
}

/// Answers every request with an item as from a DynamoDB with one more type.
#[derive(Clone, Debug)]
struct FromTheFuture;

impl HttpClient for FromTheFuture {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for FromTheFuture {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(r#"{"Item":{"later":{"VECTOR":[1,2]}}}"#);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}
