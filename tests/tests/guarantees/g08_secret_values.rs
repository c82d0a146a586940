//! G8. An error, its `Debug`, all its causes and the log of this crate name kinds and declared fields. They
//! hold no value of a session, no key of a map in it, and no item that DynamoDB answered with. (The SDK's own
//! log of requests and answers, at the levels debug and trace, has the items.)

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::COOKIE;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use serde::de::DeserializeOwned;
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer};
use session_store::{Error, SessionAttributes, Unreadable};
use session_store_tests::{Fault, TestBench};
use tower::ServiceExt as _;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// A value that a session holds, and a key of its maps.
const SECRET: &str = "gho_SECRET";

/// All that an error shows.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(shown, " {inner} {inner:?}");
        cause = inner.source();
    }
    shown
}

#[track_caller]
fn assert_secret(shown: &str, of: &dyn std::fmt::Debug) {
    assert!(!shown.contains(SECRET), "{of:?}: {shown}");
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
enum Choice {
    #[default]
    None,
    One(u8),
    Two {
        left: u8,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    A { a: u8 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    A(u8),
    B { b: u8 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    qty: u8,
}

/// Says in its error what it was given.
#[derive(Clone, Debug, Serialize)]
struct Talks(u8);

impl<'de> Deserialize<'de> for Talks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Err(serde::de::Error::custom(format_args!("no {value}")))
    }
}

/// In each format, a type that takes any entries, and one that reads them as other types.
macro_rules! formats {
    ($($loose:ident $strict:ident: $data:literal $(, $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", data = $data $(, compress = $compress)?)]
        struct $loose {
            #[serde(flatten)]
            entries: BTreeMap<String, Value>,
        }

        impl From<BTreeMap<String, Value>> for $loose {
            fn from(entries: BTreeMap<String, Value>) -> Self {
                Self { entries }
            }
        }

        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", data = $data $(, compress = $compress)?)]
        #[serde(default)]
        struct $strict {
            number: u8,
            flag: bool,
            letter: Option<char>,
            pair: (u8, bool),
            choice: Choice,
            tagged: Option<Tagged>,
            untagged: Option<Untagged>,
            lines: Vec<Line>,
            by_number: BTreeMap<u32, u8>,
            by_name: BTreeMap<String, BTreeMap<String, u8>>,
            talks: Option<Talks>,
        }
    )*};
}

formats! {
    LooseMap StrictMap: "map";
    LooseBytes StrictBytes: "binary";
    LooseCompressed StrictCompressed: "binary", "zstd";
}

/// Entries of which no field of the strict types is one.
fn unreadable_entries() -> Vec<(&'static str, Value)> {
    let fields = [
        "number",
        "flag",
        "letter",
        "pair",
        "choice",
        "tagged",
        "untagged",
        "lines",
        "by_number",
        "by_name",
        "talks",
    ];
    let values = [
        json!(SECRET),
        json!([SECRET]),
        json!([[SECRET]]),
        json!({ SECRET: SECRET }),
        json!({ SECRET: { SECRET: SECRET } }),
        json!([{ SECRET: SECRET }]),
        json!([{ "qty": SECRET }]),
        json!([{ "qty": 1, SECRET: SECRET }]),
        json!({ "One": SECRET }),
        json!({ "Two": { "left": SECRET } }),
        json!({ "Two": { SECRET: SECRET } }),
        json!({ "type": SECRET }),
        json!({ "type": "A", "a": SECRET }),
        json!({ "b": SECRET }),
        json!({ "17": SECRET }),
    ];
    let pairs = fields.map(|field| values.iter().map(move |value| (field, value.clone())));
    pairs.into_iter().flatten().collect()
}

/// The log of this crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Captures what this thread logs.
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }
}

struct Lines(Option<Log>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(log) = &self.0 {
            log.0.lock().unwrap().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        Lines(Some(self.clone()))
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Lines {
        Lines(
            meta.target()
                .starts_with("session_store")
                .then(|| self.clone()),
        )
    }
}

async fn no_error_of_reading_shows_a_value<L, S>()
where
    L: SessionAttributes + From<BTreeMap<String, Value>>,
    L: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    S: SessionAttributes + Clone + Default + std::fmt::Debug,
    S: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let log = Log::default();
    let _guard = log.capture();
    let bench = TestBench::<L>::new().await;
    let builder = || {
        let client = bench.store.client().clone();
        let builder = session_store::DynamoDbStore::<S>::builder().client(client);
        builder.table_name(bench.store.table_name())
    };
    let strict = builder()
        .unreadable(Unreadable::Error)
        .build()
        .await
        .unwrap();
    let absent = builder()
        .unreadable(Unreadable::Absent)
        .build()
        .await
        .unwrap();
    let handler = async |_: CurrentSession<S>| "read";
    let layer = SessionLayer::new(strict.clone()).cookie(SessionCookie::dev());
    let app = Router::new().route("/", get(handler)).layer(layer);

    let mut refused = 0;
    for (field, value) in unreadable_entries() {
        let filler = json!("a text that makes it worth to be compressed; ".repeat(30));
        let entries = [
            (field, value.clone()),
            ("filler", filler),
            (SECRET, json!(SECRET)),
        ];
        let entries = entries.map(|(name, value)| (name.to_owned(), value));
        let session = bench.store.create(L::from(entries.into())).await.unwrap();
        // Some values are of some fields: these are read.
        let Err(error) = strict.load(session.id()).await else {
            continue;
        };
        refused += 1;
        let Error::Decode(decode) = &error else {
            panic!("{field}: {error:?}");
        };
        assert!(decode.path().starts_with(field), "{}", decode.path());
        assert_secret(&shown(&error), &(field, &value));
        assert!(absent.load(session.id()).await.unwrap().is_none());

        let cookie = format!("session-app={}", session.id().expose());
        let request = Request::get("/").header(COOKIE, cookie);
        let request = request.body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(refused > 130, "{refused}");
    let log = log.text();
    assert!(log.contains("cannot be decoded at `number`"), "{log}");
    assert!(log.contains("treated as absent"), "{log}");
    assert_secret(&log, &"the log");
}

#[tokio::test]
async fn no_error_of_reading_a_map_shows_a_value() {
    no_error_of_reading_shows_a_value::<LooseMap, StrictMap>().await;
}

#[tokio::test]
async fn no_error_of_reading_bytes_shows_a_value() {
    no_error_of_reading_shows_a_value::<LooseBytes, StrictBytes>().await;
}

#[tokio::test]
async fn no_error_of_reading_compressed_data_shows_a_value() {
    no_error_of_reading_shows_a_value::<LooseCompressed, StrictCompressed>().await;
}

/// A value that cannot be stored.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Nothing,
    Float,
    TooLong,
    KeyOfBytes,
    KeyOfList,
    KeyOfFloat,
    EmptyKey,
    EmptySet,
    Talks,
    RawJson,
    TooDeep,
}

#[derive(Serialize)]
#[serde(rename = "$serde_json::private::RawValue")]
struct Raw {
    #[serde(rename = "$serde_json::private::RawValue")]
    text: &'static str,
}

struct Key(Bad);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Bad::KeyOfBytes => serializer.serialize_bytes(SECRET.as_bytes()),
            Bad::KeyOfList => [SECRET].serialize(serializer),
            Bad::KeyOfFloat => serializer.serialize_f64(1.5),
            Bad::EmptyKey => serializer.serialize_str(""),
            _ => serializer.serialize_str(SECRET),
        }
    }
}

impl Serialize for Bad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // Not the key of the entry below: two of one name are refused for that.
        map.serialize_entry(&format!("{SECRET} beside"), SECRET)?;
        match self {
            Self::Float => map.serialize_entry(SECRET, &f64::NAN)?,
            Self::TooLong => map.serialize_entry(SECRET, &SECRET.repeat(50_000))?,
            Self::EmptySet => {
                let set = serde_dynamo::string_set::StringSet(Vec::<String>::new());
                map.serialize_entry(SECRET, &set)?;
            }
            Self::Talks => return Err(S::Error::custom(format_args!("no {SECRET}"))),
            Self::RawJson => map.serialize_entry(SECRET, &Raw { text: SECRET })?,
            Self::TooDeep => {
                let deep = (0..40).fold(json!(SECRET), |inner, _| json!({ SECRET: inner }));
                map.serialize_entry(SECRET, &deep)?;
            }
            bad => map.serialize_entry(&Key(*bad), SECRET)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Bad {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self::Nothing)
    }
}

macro_rules! writers {
    ($($name:ident: $data:literal $(, $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", data = $data $(, compress = $compress)?)]
        struct $name {
            field: Bad,
            #[dynamo(attr = "promoted")]
            promoted: Option<Bad>,
        }

        impl From<(Bad, Option<Bad>)> for $name {
            fn from((field, promoted): (Bad, Option<Bad>)) -> Self {
                Self { field, promoted }
            }
        }
    )*};
}

writers! {
    WritesMap: "map";
    WritesBytes: "binary";
    WritesCompressed: "map", "zstd";
}

async fn no_error_of_writing_shows_a_value<S>()
where
    S: SessionAttributes + From<(Bad, Option<Bad>)>,
    S: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let log = Log::default();
    let _guard = log.capture();
    let bench = TestBench::<S>::new().await;
    for bad in [
        Bad::Float,
        Bad::KeyOfBytes,
        Bad::KeyOfList,
        Bad::KeyOfFloat,
        Bad::EmptyKey,
        Bad::EmptySet,
        Bad::Talks,
        Bad::RawJson,
        Bad::TooDeep,
    ] {
        for data in [(bad, None), (Bad::Nothing, Some(bad))] {
            let mut session = bench
                .store
                .create((Bad::Nothing, None).into())
                .await
                .unwrap();
            bench.wire.clear();
            let created = bench.store.create(data.into()).await.unwrap_err();
            *session = data.into();
            let saved = bench.store.save(&mut session).await.unwrap_err();
            for error in [created, saved] {
                assert!(matches!(error, Error::Encode(_)), "{bad:?}: {error:?}");
                assert!(shown(&error).contains("field") || shown(&error).contains("promoted"));
                assert_secret(&shown(&error), &bad);
            }
            assert!(bench.wire.calls().is_empty(), "{bad:?}");
        }
    }
    assert_secret(&log.text(), &"the log");
}

#[tokio::test]
async fn no_error_of_writing_shows_a_value_in_any_format() {
    no_error_of_writing_shows_a_value::<WritesMap>().await;
    no_error_of_writing_shows_a_value::<WritesBytes>().await;
    no_error_of_writing_shows_a_value::<WritesCompressed>().await;
}

#[tokio::test]
async fn the_error_of_a_too_large_session_shows_declared_fields_only() {
    let bench = TestBench::<WritesMap>::new().await;
    let data = (Bad::TooLong, Some(Bad::TooLong));
    let error = bench.store.create(data.into()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)));
    assert_secret(&shown(&error), &"fields");

    let bench = TestBench::<LooseMap>::new().await;
    let entries = BTreeMap::from([(SECRET.to_owned(), json!(SECRET.repeat(50_000)))]);
    let error = bench.store.create(entries.into()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)));
    assert_secret(&shown(&error), &"keys");
}

/// A fault that has this item or this message.
type Injected = fn(Value, &'static str) -> Fault;

/// DynamoDB answers a refused write with the item, and some errors with what was sent.
#[tokio::test]
async fn no_error_of_dynamodb_shows_an_item_or_a_message_that_can_quote_a_value() {
    let log = Log::default();
    let _guard = log.capture();
    let bench = TestBench::<LooseMap>::new().await;
    let entries = |value: &str| BTreeMap::from([("name".to_owned(), json!(value))]).into();
    let mut session = bench.store.create(entries(SECRET)).await.unwrap();
    let item = json!({ "name": { "S": SECRET } });
    let message = "The parameter cannot be converted to a numeric value: gho_SECRET";
    let faults: [(&str, Injected); 6] = [
        ("ValidationException", |_, message| {
            Fault::Answer(400, "ValidationException", message)
        }),
        ("SerializationException", |_, message| {
            Fault::Answer(400, "SerializationException", message)
        }),
        ("SomethingNew", |_, message| {
            Fault::Answer(400, "SomethingNew", message)
        }),
        ("500", |item, message| {
            Fault::Body(500, json!({ "Item": item, "message": message }))
        }),
        ("200", |item, _| {
            Fault::Body(200, json!({ "Item": [item], "Attributes": 17 }))
        }),
        ("404", |item, _| Fault::Body(404, item)),
    ];
    for (name, fault) in faults {
        for operation in ["GetItem", "PutItem", "UpdateItem", "DeleteItem"] {
            bench.wire.clear();
            for _ in 0..5 {
                bench.wire.next(operation, fault(item.clone(), message));
            }
            let error = match operation {
                "GetItem" => bench.store.load(session.id()).await.err(),
                "PutItem" => bench.store.create(entries(SECRET)).await.err(),
                "DeleteItem" => bench.store.delete(session.id()).await.err(),
                _ => {
                    *session = entries(&format!("{SECRET} {name}"));
                    bench.store.save(&mut session).await.err()
                }
            };
            bench.wire.clear();
            let Some(error) = error else {
                assert_eq!(name, "200");
                continue;
            };
            let shown = shown(&error);
            assert!(
                shown.contains("Service") && shown.contains(operation),
                "{shown}"
            );
            assert_secret(&shown, &(name, operation));
        }
    }
    // The codes are there to search for, and messages about the caller or the table.
    bench.wire.next(
        "GetItem",
        Fault::Answer(
            400,
            "AccessDeniedException",
            "User: arn:aws:iam::17:user/app is not authorized",
        ),
    );
    let denied = shown(&bench.store.load(session.id()).await.unwrap_err());
    assert!(denied.contains("arn:aws:iam::17:user/app") && denied.contains("HTTP status 400"));
    assert_secret(&log.text(), &"the log");
}

/// A refused change of id is answered with the items of both sessions.
#[tokio::test]
async fn the_error_of_a_transaction_shows_no_item() {
    let bench = TestBench::<LooseMap>::new().await;
    let entries = BTreeMap::from([("name".to_owned(), json!(SECRET))]);
    let mut session = bench.store.create(entries.into()).await.unwrap();
    let item = json!({ "name": { "S": SECRET } });
    let reasons = json!([
        { "Code": "ConditionalCheckFailed", "Item": item, "Message": "The conditional request failed" },
        { "Code": "ValidationError", "Message": "cannot be converted to a numeric value: gho_SECRET" },
    ]);
    bench
        .wire
        .next("TransactWriteItems", Fault::cancelled(reasons));
    let error = bench.store.cycle_id(&mut session).await.unwrap_err();
    let shown = shown(&error);
    assert!(shown.contains("ValidationError"), "{shown}");
    assert_secret(&shown, &"a transaction");
}
