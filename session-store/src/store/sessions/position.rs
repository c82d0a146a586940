//! How far a list was read, and the token for a web page that goes on there.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::id::SessionHandle;
use crate::item::{Millis, Window, key_text};
use crate::schema::{IndexValue, Schema};

/// Where a session stands in a list.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) created_at: Millis,
    pub(super) handle: SessionHandle,
    /// The number of its partition in the index.
    pub(super) partition: u16,
}

/// How far a list was read: up to these sessions, which were created in one millisecond, the last of each
/// partition. A partition that has none of that millisecond was read up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) created_at: Millis,
    last: Vec<(u16, SessionHandle)>,
}

impl Position {
    /// That after this session, and those before it.
    pub(super) fn after(before: Option<Self>, place: Place) -> Self {
        let same_time = before.filter(|before| before.created_at == place.created_at);
        let mut last = same_time.map_or_else(Vec::new, |before| before.last);
        last.retain(|(partition, _)| *partition != place.partition);
        last.push((place.partition, place.handle));
        Self {
            created_at: place.created_at,
            last,
        }
    }

    /// The last session of this partition that was read, if it was created in that millisecond.
    pub(super) fn last_of(&self, partition: u16) -> Option<SessionHandle> {
        let mut last = self.last.iter();
        let (_, handle) = last.find(|(of, _)| *of == partition)?;
        Some(*handle)
    }
}

/// Where a web page of a list ended, for the "more" below it. Its text is made of letters, digits, `-` and `_`.
///
/// It has the time of creation and the handle of the last session that was shown, and no more. It is not signed: somebody
/// who makes one up begins at another place of the same list, since index and value come from the
/// application each time. For another list, or in another order, it is refused. Who has a token can check a guess of
/// the value of its index, and not read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    pub(super) position: Position,
    /// What list it is of.
    list: [u8; 2],
}

/// The first byte of a token.
const VERSION: u8 = 1;

/// The most entries of a token: one for each partition that a sharded index can have.
const MAX_ENTRIES: usize = 1_000;

/// The bytes of a partition and a handle.
const ENTRY: usize = 2 + 32;

impl PageToken {
    pub(super) fn new(
        schema: &Schema,
        of: &IndexValue,
        window: Window,
        position: Position,
    ) -> Self {
        Self {
            position,
            list: list(schema, of, window),
        }
    }

    pub(super) fn is_of(&self, schema: &Schema, of: &IndexValue, window: Window) -> bool {
        self.list == list(schema, of, window)
    }

    /// Reads the text that `Display` gives.
    ///
    /// # Errors
    ///
    /// [`InvalidPageToken`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPageToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or(InvalidPageToken(()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([version], bytes) = bytes.split_first_chunk()?;
        let (list, bytes) = bytes.split_first_chunk()?;
        let (created_at, entries) = bytes.split_first_chunk()?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        let is_of_page = (1..=MAX_ENTRIES).contains(&entries.len());
        if *version != VERSION || !rest.is_empty() || !is_of_page {
            return None;
        }
        let entry = |entry: &[u8; ENTRY]| {
            let (partition, handle) = entry.split_first_chunk()?;
            let handle = SessionHandle::from_bytes(handle.try_into().ok()?);
            Some((u16::from_be_bytes(*partition), handle))
        };
        Some(Self {
            position: Position {
                created_at: Millis(u64::from_be_bytes(*created_at)),
                last: entries.iter().map(entry).collect::<Option<_>>()?,
            },
            list: *list,
        })
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.list);
        bytes.extend(self.position.created_at.0.to_be_bytes());
        for (partition, handle) in &self.position.last {
            bytes.extend(partition.to_be_bytes());
            bytes.extend(handle.as_bytes());
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for PageToken {
    type Err = InvalidPageToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for PageToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PageToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// A text that is no page token, or the token of another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPageToken(pub(super) ());

impl fmt::Display for InvalidPageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the token of a page of this list; begin with the first page")
    }
}

impl std::error::Error for InvalidPageToken {}

/// What a token is bound to: a guard against a mix-up.
fn list(schema: &Schema, of: &IndexValue, window: Window) -> [u8; 2] {
    let mut digest = Sha256::new();
    for text in [
        schema.type_name.unwrap_or_default(),
        schema.key_prefix,
        of.attribute.name,
        &key_text(&of.value),
    ] {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    digest.update([u8::from(of.value.is_n()), u8::from(window.oldest_first)]);
    let digest: [u8; 32] = digest.finalize().into();
    let [a, b, ..] = digest;
    [a, b]
}
