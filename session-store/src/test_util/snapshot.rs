//! The items of a table without what is random in them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::id::SessionHandle;
use crate::item::{Map, NOTE_DIGEST};
use crate::schema::{Attribute, SessionData};

use super::TestStore;

/// Items of a page at most.
const PAGE: i32 = 1_000;

impl<S: SessionData> TestStore<S> {
    /// All items of the table in DynamoDB's JSON, for a snapshot: sessions in the order of their creation, then the
    /// store's own items, each with its attributes in order of their names.
    ///
    /// A handle is `session-1`, `session-2`, and so on. What else is random, or depends on a handle, is left out: the
    /// marks of writes, the shard of a sharded index, and the digest in the note of a consistent one.
    /// Times are those of the [clock](Self::clock): [set](super::Clock::set) it to a fixed one first. Sessions that
    /// were created in the same millisecond are in the order of what they hold.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::SessionAttributes;
    /// use session_store::test_util::TestStore;
    ///
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # #[dynamo(idle_timeout = "30m")]
    /// # struct AppSession {
    /// #     cart: Vec<String>,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), session_store::Error> {
    /// let test = TestStore::<AppSession>::new().await;
    /// test.clock.set(1_800_000_000_000);
    /// test.store.create(AppSession::default()).await?;
    ///
    /// let items = test.snapshot().await;
    /// assert_eq!(items[0]["id"]["S"], "session-1");
    /// assert_eq!(items[0]["created_at"]["N"], "1800000000000");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the table cannot be read.
    pub async fn snapshot(&self) -> Value {
        // It is not one of the requests under test.
        let table = self.store.table().with_client(&self.client);
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let page = table.scan_page(start, PAGE).await.unwrap();
            items.extend(page.items);
            start = page.next;
            if start.is_none() {
                break;
            }
        }

        let mut items: Vec<(Option<SessionHandle>, Map)> = items
            .into_iter()
            .map(|item| (handle::<S>(&item), item))
            .collect();
        items.sort_by_cached_key(|(handle, item)| {
            let created_at = item.get(S::SCHEMA.names.created_at).cloned();
            let created_at = created_at.and_then(|at| at.as_n().ok()?.parse::<u64>().ok());
            let text = Steady::default().item::<S>(item).to_string();
            (handle.is_none(), created_at, text)
        });
        let handles = items.iter().filter_map(|(handle, _)| handle.as_ref());
        let names = handles.zip(1..);
        let names = names.map(|(handle, i)| (handle.to_string(), format!("session-{i}")));
        let names: HashMap<_, _> = names.collect();
        let items = items.iter().map(|(_, item)| {
            let is_session = item.contains_key(S::SCHEMA.names.data);
            let steady = Steady {
                names: names.clone(),
                keeps_others: is_session,
            };
            steady.item::<S>(item)
        });
        Value::Array(items.collect())
    }
}

/// The session whose item this is, or was.
fn handle<S: SessionData>(item: &Map) -> Option<SessionHandle> {
    let id = item.get(S::SCHEMA.names.id)?.as_s().ok()?;
    let start = id.len().checked_sub(SessionHandle::TEXT_LEN)?;
    SessionHandle::parse(id.get(start..)?).ok()
}

/// What the store keeps in place of a value that is random or depends on the handle.
fn of_no_session<S: SessionData>(name: &str, value: &AttributeValue) -> Option<AttributeValue> {
    let schema = S::SCHEMA;
    match value {
        AttributeValue::L(marks) if name == schema.names.writes => {
            let mark = AttributeValue::B(Blob::new([]));
            Some(AttributeValue::L(vec![mark; marks.len()]))
        }
        AttributeValue::B(note) if schema.rosters().any(|roster| roster.note.as_str() == name) => {
            let (_, kept) = note.as_ref().split_at_checked(NOTE_DIGEST)?;
            Some(AttributeValue::B(Blob::new(kept)))
        }
        AttributeValue::S(key) => {
            let shards = schema.attributes.iter().filter_map(Attribute::shards);
            let mut names = shards.map(|shards| shards.attribute);
            let (value, _) = key.rsplit_once('#')?;
            names
                .any(|shard| shard == name)
                .then(|| AttributeValue::S(value.to_owned()))
        }
        _ => None,
    }
}

/// What stands for the handles.
#[derive(Default)]
struct Steady {
    names: HashMap<String, String>,
    /// Data may have texts that look like a handle. Elsewhere it is one, also if its session has ended.
    keeps_others: bool,
}

impl Steady {
    fn item<S: SessionData>(&self, item: &Map) -> Value {
        let entries = item.iter().map(|(name, value)| {
            let drawn = of_no_session::<S>(name, value);
            (name.clone(), self.value(drawn.as_ref().unwrap_or(value)))
        });
        sorted(entries)
    }

    /// The text, with a name in place of a handle at its end.
    fn text(&self, text: &str) -> String {
        let start = text.len().checked_sub(SessionHandle::TEXT_LEN);
        let parts = start.and_then(|start| text.split_at_checked(start));
        let Some((before, end)) = parts else {
            return text.to_owned();
        };
        match self.names.get(end) {
            Some(name) => format!("{before}{name}"),
            None if !self.keeps_others && SessionHandle::parse(end).is_ok() => {
                format!("{before}session")
            }
            None => text.to_owned(),
        }
    }

    fn value(&self, value: &AttributeValue) -> Value {
        let texts = |texts: &[String]| {
            let mut texts: Vec<_> = texts.iter().map(|text| self.text(text)).collect();
            texts.sort();
            texts
        };
        match value {
            AttributeValue::S(text) => json!({ "S": self.text(text) }),
            AttributeValue::N(number) => json!({ "N": number }),
            AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
            AttributeValue::Bool(value) => json!({ "BOOL": value }),
            AttributeValue::Null(value) => json!({ "NULL": value }),
            AttributeValue::Ss(set) => json!({ "SS": texts(set) }),
            AttributeValue::Ns(set) => json!({ "NS": texts(set) }),
            AttributeValue::Bs(set) => {
                let mut set: Vec<_> = set.iter().map(|bytes| STANDARD.encode(bytes)).collect();
                set.sort();
                json!({ "BS": set })
            }
            AttributeValue::L(values) => {
                let values = values.iter().map(|value| self.value(value));
                json!({ "L": values.collect::<Vec<_>>() })
            }
            AttributeValue::M(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, value)| (self.text(name), self.value(value)));
                json!({ "M": sorted(entries) })
            }
            other => panic!("a value that DynamoDB does not have: {other:?}"),
        }
    }
}

/// A feature of serde_json keeps the order in which entries come.
fn sorted(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let entries: BTreeMap<_, _> = entries.collect();
    Value::Object(entries.into_iter().collect())
}
