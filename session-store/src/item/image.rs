//! Between a session and its item: what is written, what is read, and what is left alone.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Track;

use crate::error::{DecodeError, EncodeError, Error, TooLargeError};
use crate::id::{SessionHandle, SessionId, random};
use crate::item::format::{Packed, is_packed, pack, unpack};
use crate::item::lifetime::{Millis, is_live};
use crate::item::roster::Roster;
use crate::item::shards::{key_text, with_shards};
use crate::item::value::{
    MAX_PARTITION_KEY, Map, attribute_size, check_key, checked_data_size, checked_size,
};
use crate::schema::{Attribute, Schema};
use crate::schema::{Attributes, SessionAttributes};
use crate::session::{Session, State, Unknown};

/// How many writes an item remembers.
pub(crate) const WRITES: usize = 4;

/// The mark by which a write recognises itself when its response was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonce([u8; 8]);

impl Nonce {
    pub(crate) fn mint() -> Result<Self, Error> {
        random().map(Self)
    }

    pub(crate) fn value(self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0))
    }
}

impl From<[u8; 8]> for Nonce {
    fn from(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

/// A session struct in the values of DynamoDB, each known to be storable.
#[derive(Default)]
pub(crate) struct Image {
    pub(crate) data: Map,
    pub(crate) attributes: Vec<(&'static str, Option<AttributeValue>)>,
    /// The bytes of `data` as a map, and of the attributes, names included.
    pub(crate) data_size: usize,
    pub(crate) attributes_size: usize,
}

impl Image {
    /// That of a session under this handle.
    pub(crate) fn of<S: SessionAttributes + Serialize>(
        handle: SessionHandle,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let data = match session.serialize(serde_dynamo::Serializer) {
            Ok(serde_dynamo::AttributeValue::M(data)) => data
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
            Ok(_) => {
                return Err(EncodeError::new(
                    "data",
                    "the session is not serialised as a map",
                ));
            }
            Err(_) => return Err(locate(session)),
        };
        Self::new(S::SCHEMA, handle, data, session)
    }

    /// The same for data that is a map already, with the attributes that `session` gives.
    pub(crate) fn new<S: SessionAttributes>(
        schema: &Schema,
        handle: SessionHandle,
        data: Map,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let mut attributes = Attributes::default();
        session.attributes(&mut attributes);
        if let Some(error) = attributes.error {
            return Err(error);
        }
        let data_size = checked_data_size(&data)?;
        for (name, value) in &attributes.values {
            let Some(value) = value else { continue };
            checked_size(name, value)?;
            let declared = schema
                .attributes
                .iter()
                .find(|attribute| attribute.name == *name);
            match declared {
                None => return Err(EncodeError::new(*name, "the schema has no such attribute")),
                Some(attribute) => {
                    if let Some(index) = attribute.index {
                        check_key(name, value, index.key)?;
                        check_key_text(schema, attribute, value)?;
                    }
                }
            }
        }
        let attributes = with_shards(schema, handle, attributes.values);
        let present = attributes.iter();
        let sizes = present.filter_map(|(name, value)| Some(attribute_size(name, value.as_ref()?)));
        let attributes_size = sizes.sum();
        Ok(Self {
            data,
            attributes,
            data_size,
            attributes_size,
        })
    }

    /// The promoted attributes that an item of this image has.
    pub(crate) fn promoted(&self) -> Map {
        let present = self.attributes.iter();
        present
            .filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)))
            .collect()
    }

    /// Refuses what would make an item of more than 400 KB, with its data packed or as a map.
    pub(crate) fn check_size(
        &self,
        schema: &Schema,
        unknown: &Unknown,
        packed: Option<&Packed>,
    ) -> Result<(), TooLargeError> {
        let unknown_size: usize = unknown
            .attributes
            .iter()
            .map(|(n, v)| attribute_size(n, v))
            .sum();
        let as_map = || {
            let unknown_data = unknown.data.iter();
            let unknown_data = unknown_data.filter(|(name, _)| !self.data.contains_key(*name));
            let unknown_data = unknown_data.map(|(name, value)| 1 + attribute_size(name, value));
            self.data_size + unknown_data.sum::<usize>()
        };
        let data_size = packed.map_or_else(as_map, |packed| packed.size(schema));
        let data_size = schema.names.data.len() + data_size;
        let size = data_size + self.attributes_size + unknown_size + own_size(schema);
        if size <= TooLargeError::LIMIT {
            return Ok(());
        }
        Err(self.too_large(Some(size)))
    }

    /// All of `data`: this image, and what is in the item and was never in the session.
    pub(crate) fn merged_into(&self, unknown: &Unknown, before: &Self) -> Map {
        let mut data = unknown_to(unknown, before);
        data.extend(self.data.clone());
        data
    }

    /// The error for a session of this size, with its largest fields.
    pub(crate) fn too_large(&self, size: Option<usize>) -> TooLargeError {
        let fields = self.data.iter().map(|(name, value)| (name.as_str(), value));
        let promoted = self
            .attributes
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let mut largest: Vec<_> = fields
            .chain(promoted)
            .map(|(name, value)| (name.to_owned(), attribute_size(name, value)))
            .collect();
        largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        largest.truncate(5);
        TooLargeError { size, largest }
    }

    /// The whole item of a new session, if it is not too large for one.
    pub(crate) fn into_item(
        self,
        schema: &Schema,
        state: &State,
        nonce: Nonce,
    ) -> Result<Map, TooLargeError> {
        let names = &schema.names;
        let mut item = state.unknown.attributes.clone();
        item.extend(key(schema, state.handle));
        let unknown = &state.unknown;
        let packed = pack(schema, || self.merged_into(unknown, &Self::default()));
        self.check_size(schema, unknown, packed.as_ref())?;
        match packed {
            Some(Packed { bytes, format }) => {
                item.insert(names.data.to_owned(), bytes);
                let format = AttributeValue::S(format.to_owned());
                item.insert(names.format.to_owned(), format);
            }
            None => {
                let mut data = unknown.data.clone();
                data.extend(self.data);
                item.insert(names.data.to_owned(), AttributeValue::M(data));
            }
        }
        item.insert(names.created_at.to_owned(), number(state.created_at.0));
        item.insert(names.touched_at.to_owned(), number(state.touched_at.0));
        item.insert(names.expires_at.to_owned(), number(state.expires_at));
        item.insert(names.version.to_owned(), number(state.version));
        if let Some(idle) = state.idle {
            item.insert(names.idle.to_owned(), number(idle.as_secs()));
        }
        // All four places are there from the start: an update can move a mark, and not add a place.
        let mut writes = vec![AttributeValue::B(Blob::new([])); WRITES];
        if let Some(first) = writes.first_mut() {
            *first = nonce.value();
        }
        item.insert(names.writes.to_owned(), AttributeValue::L(writes));
        for (name, value) in self.attributes {
            if let Some(value) = value {
                item.insert(name.to_owned(), value);
            }
        }
        Ok(item)
    }
}

/// The entries of `data` that were never the session's: those kept aside include what a type that
/// alone knows its fields had read.
pub(crate) fn unknown_to(unknown: &Unknown, before: &Image) -> Map {
    let mut data = unknown.data.clone();
    data.retain(|name, _| !before.data.contains_key(name));
    data
}

/// The most that the attributes of the store itself can take, names included.
fn own_size(schema: &Schema) -> usize {
    let names = &schema.names;
    let key = names.id.len() + schema.key_prefix.len() + SessionHandle::TEXT_LEN;
    let sort_key = schema
        .sort_key
        .map_or(0, |(name, value)| name.len() + value.len());
    // 20 digits are 11 bytes: the largest u64 that a time, a count or a duration can be.
    let numbers = [
        names.created_at,
        names.touched_at,
        names.expires_at,
        names.idle,
        names.version,
    ];
    let numbers: usize = numbers.iter().map(|name| name.len() + 11).sum();
    let writes = names.writes.len() + 3 + WRITES * (1 + 8);
    key + sort_key + numbers + writes
}

/// The primary key of a session's item.
pub(crate) fn key(schema: &Schema, handle: SessionHandle) -> Map {
    key_of(schema, &handle.to_string())
}

fn key_of(schema: &Schema, text: &str) -> Map {
    let id = AttributeValue::S(format!("{}{text}", schema.key_prefix));
    let mut key = Map::from([(schema.names.id.to_owned(), id)]);
    if let Some((name, value)) = schema.sort_key {
        key.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    key
}

/// The primary key of a roster's item: no handle begins with `#`.
pub(crate) fn roster_key(schema: &Schema, roster: &Roster) -> Map {
    key_of(schema, &roster_text(roster.attribute, &roster.value))
}

/// The rules for the key of a consistent or sharded index beyond those for any: it is a part of
/// another key, that of its roster or of its shards.
fn check_key_text(
    schema: &Schema,
    attribute: &Attribute,
    value: &AttributeValue,
) -> Result<(), EncodeError> {
    let (kind, whole, length) = match (attribute.roster(), attribute.shards()) {
        (Some(_), _) => {
            let length = schema.key_prefix.len() + roster_text(attribute, value).len();
            ("consistent", "roster", length)
        }
        (None, Some(shards)) => ("sharded", "shard", shards.key_len(value)),
        (None, None) => return Ok(()),
    };
    // One number has many spellings, and a key only one.
    let is_integer = |text: &String| text.parse().is_ok_and(|n: i128| n.to_string() == *text);
    let reason = if value.as_n().is_ok_and(|text| !is_integer(text)) {
        format!("a number that is the key of a {kind} index must be an integer")
    } else if length > MAX_PARTITION_KEY {
        let over = length - MAX_PARTITION_KEY;
        format!(
            "the key of its {whole} would have {over} bytes more than the {MAX_PARTITION_KEY} that DynamoDB allows"
        )
    } else {
        return Ok(());
    };
    Err(EncodeError::new(attribute.name, reason))
}

/// The primary key of the item that revokes every session, and the attribute that says which.
pub(crate) fn key_of_everyone(schema: &Schema) -> Map {
    key_of(schema, "#everyone")
}

pub(crate) const CREATED_BEFORE: &str = "created_before";

/// Whether the session in an item was created before all of its time were revoked.
pub(crate) fn is_revoked_with_all(schema: &Schema, item: &Map, everyone: &Map) -> bool {
    let number = |item: &Map, name| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let created_at = number(item, schema.names.created_at);
    number(everyone, CREATED_BEFORE).is_some_and(|moment| created_at < Some(moment))
}

/// What the key of a roster has behind the prefix.
fn roster_text(attribute: &Attribute, value: &AttributeValue) -> String {
    format!("#{}#{}", attribute.name, key_text(value))
}

/// The session whose item has this key; none for the item of another entity.
pub(crate) fn handle_of(schema: &Schema, item: &Map) -> Option<SessionHandle> {
    let id = item.get(schema.names.id)?.as_s().ok()?;
    if let Some((name, value)) = schema.sort_key {
        item.get(name)?
            .as_s()
            .ok()
            .filter(|found| *found == value)?;
    }
    SessionHandle::parse(id.strip_prefix(schema.key_prefix)?).ok()
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Serialises once more, this time with an eye on where it fails.
fn locate<S: Serialize>(session: &S) -> EncodeError {
    let mut track = Track::new();
    let tracked = serde_path_to_error::Serializer::new(serde_dynamo::Serializer, &mut track);
    match session.serialize(tracked) {
        Ok(_) => EncodeError::new("data", "the session is serialised differently each time"),
        Err(cause) => EncodeError::new(track.path().to_string(), cause),
    }
}

/// When the item says that its session ends.
///
/// Read before anything else: of an expired session nothing else matters.
pub(crate) fn stored_expiry(
    schema: &Schema,
    handle: SessionHandle,
    item: &Map,
) -> Result<u64, DecodeError> {
    stored_number(schema.names.expires_at, handle, item)
}

/// Unpacks the data of an item, and gives its version, if it is in a state that this store's writes
/// can act on.
pub(crate) fn unpacked(
    schema: &Schema,
    handle: SessionHandle,
    item: &mut Map,
) -> Result<u64, DecodeError> {
    unpack(schema, handle, item)?;
    let marks = item
        .get(schema.names.writes)
        .and_then(|writes| writes.as_l().ok());
    if !marks.is_some_and(|marks| marks.len() == WRITES && marks.iter().all(AttributeValue::is_b)) {
        let cause = "it is not a list of four marks";
        return Err(DecodeError::new(handle, schema.names.writes, cause));
    }
    stored_number(schema.names.version, handle, item)
}

/// Whether the item remembers this write.
pub(crate) fn remembers(schema: &Schema, item: &Map, nonce: Nonce) -> bool {
    marks(schema, item).any(|mark| mark == nonce.0)
}

/// The marks of the last writes, newest first.
pub(crate) fn marks<'a>(schema: &Schema, item: &'a Map) -> impl Iterator<Item = &'a [u8]> {
    let writes = item
        .get(schema.names.writes)
        .and_then(|writes| writes.as_l().ok());
    let marks = writes.into_iter().flatten();
    marks.filter_map(|mark| mark.as_b().ok().map(AsRef::as_ref))
}

/// The version in an item that a write came upon or left, if it is there.
pub(crate) fn version_of(schema: &Schema, item: &Map) -> Option<u64> {
    item.get(schema.names.version)?.as_n().ok()?.parse().ok()
}

pub(crate) fn stored_number(
    name: &str,
    handle: SessionHandle,
    item: &Map,
) -> Result<u64, DecodeError> {
    match item.get(name) {
        Some(AttributeValue::N(text)) => text
            .parse()
            .map_err(|cause: std::num::ParseIntError| DecodeError::new(handle, name, cause)),
        Some(_) => Err(DecodeError::new(handle, name, "it is not a number")),
        None => Err(DecodeError::new(handle, name, "it is missing")),
    }
}

/// The session in an item; none if it has expired.
pub(crate) fn decode<S>(
    id: SessionId,
    handle: SessionHandle,
    mut item: Map,
    now: Millis,
) -> Result<Option<Session<S>>, DecodeError>
where
    S: SessionAttributes + DeserializeOwned,
{
    let schema = S::SCHEMA;
    let names = &schema.names;
    let expires_at = stored_expiry(schema, handle, &item)?;
    if !is_live(expires_at, now) {
        return Ok(None);
    }
    let version = unpacked(schema, handle, &mut item)?;
    let packed = is_packed(schema, &item);
    let created_at = Millis(stored_number(names.created_at, handle, &item)?);
    let touched_at = Millis(stored_number(names.touched_at, handle, &item)?);
    let idle = match item.contains_key(names.idle) {
        true => Some(Duration::from_secs(stored_number(
            names.idle, handle, &item,
        )?)),
        false => None,
    };

    let Some(AttributeValue::M(data)) = item.remove(names.data) else {
        return Err(DecodeError::new(handle, names.data, "it is not a map"));
    };
    let (known, unknown_data) = part(schema, data);
    let data = read(handle, known)?;

    let (promoted, attributes) = part_attributes(schema, item);
    let unknown = Unknown {
        data: unknown_data,
        attributes,
    };
    let state = State {
        id,
        handle,
        created_at,
        touched_at,
        expires_at,
        idle,
        version,
        seen: version,
        written: Some(version),
        packed,
        promoted,
        unknown,
    };
    Ok(Some(Session::new(data, state)))
}

/// The promoted attributes of an item, and those that neither the type nor the store knows.
pub(crate) fn part_attributes(schema: &Schema, mut item: Map) -> (Map, Map) {
    for name in schema.names.list() {
        item.remove(name);
    }
    if let Some((name, _)) = schema.sort_key {
        item.remove(name);
    }
    let promoted = schema.promoted_names();
    let promoted = promoted.filter_map(|name| item.remove_entry(name));
    (promoted.collect(), item)
}

/// Parts the entries of `data` that the type reads from those it does not know.
///
/// Where the type alone can tell, it reads them all, and all are kept aside too: what it writes
/// takes precedence over them.
fn part(schema: &Schema, mut data: Map) -> (Map, Map) {
    let Some(fields) = schema.fields else {
        return (data.clone(), data);
    };
    let mut known = Map::with_capacity(fields.len());
    for field in fields {
        // An old binary may have written the alias after a new one wrote the name; serde would
        // refuse both together, so the name wins, then the first alias.
        let mut found = data.remove_entry(field.name);
        for alias in field.aliases {
            let aliased = data.remove_entry(*alias);
            found = found.or(aliased);
        }
        known.extend(found);
    }
    if schema.flattened {
        known.extend(
            data.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    (known, data)
}

fn read<S: DeserializeOwned>(handle: SessionHandle, data: Map) -> Result<S, DecodeError> {
    if data.values().any(is_unknown) {
        let cause = "a value of a type that this version does not know";
        return Err(DecodeError::new(handle, "data", cause));
    }
    let data = data
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let value = serde_dynamo::AttributeValue::M(data);
    let deserializer = serde_dynamo::Deserializer::from_attribute_value(value);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = decode_path(&error.path().to_string(), &error.inner().to_string());
        DecodeError::new(handle, path, error.into_inner())
    })
}

/// serde reports a missing field at the struct that lacks it, and names it in the message alone.
fn decode_path(path: &str, message: &str) -> String {
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    match (path, missing) {
        (".", Some(field)) => field.to_owned(),
        (path, Some(field)) => format!("{path}.{field}"),
        (".", None) => "data".to_owned(),
        (path, None) => path.to_owned(),
    }
}

/// serde_dynamo panics on these.
fn is_unknown(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(values) => values.iter().any(is_unknown),
        AttributeValue::M(entries) => entries.values().any(is_unknown),
        value => value.is_unknown(),
    }
}
