//! A session as a framework holds it: a map of JSON. The session type is read from the map, to find the
//! promoted attributes.

use std::collections::HashMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::EncodeError;
use crate::id::SessionHandle;
use crate::item::{Forgotten, Image, Map, Millis, entries_into_json};
use crate::marshal;
use crate::schema::{Schema, SessionAttributes};

/// The entries of a session, by name.
pub(crate) type Data = HashMap<String, Value>;

/// A session that was read.
#[allow(dead_code, reason = "each framework reads some of these")]
pub(crate) struct Loaded {
    pub(crate) handle: SessionHandle,
    pub(crate) data: Data,
    /// When it ends, to the millisecond.
    pub(crate) ends: Millis,
    pub(crate) created_at: Millis,
    /// The absolute timeout of its own.
    pub(crate) absolute: Option<Duration>,
    pub(crate) authenticated_at: Option<Millis>,
    pub(crate) version: u64,
    /// The promoted attributes whose stored value differs from that of the type: a binary that does not
    /// know them wrote the data.
    pub(crate) stale_attributes: Vec<&'static str>,
    /// What the item has of what the type forgets.
    pub(crate) forgotten: Forgotten,
    /// Attributes that the type does not know.
    pub(crate) unknown_attributes: Map,
    /// Why the type cannot read the data, if it cannot.
    pub(crate) schema_mismatch: Option<EncodeError>,
}

/// A session that is to be created.
pub(crate) struct NewRecord<'a> {
    pub(crate) data: &'a Data,
    pub(crate) counts_from: Creation,
    /// When it ends, unless its absolute timeout comes first.
    pub(crate) ends: Millis,
    /// Attributes that the type does not know.
    pub(crate) unknown: Map,
}

/// When a session counts as created, and when its user has authenticated.
#[derive(Clone, Copy)]
pub(crate) struct Creation {
    pub(crate) created_at: Millis,
    /// The absolute timeout of its own.
    pub(crate) absolute: Option<Duration>,
    pub(crate) authenticated_at: Option<Millis>,
}

/// The image of these entries, with the attributes that the type promotes from them, and without those that it
/// forgets.
pub(super) fn image<S: SessionAttributes + DeserializeOwned>(
    schema: &Schema,
    handle: SessionHandle,
    mut data: Map,
) -> Result<Image, EncodeError> {
    data.retain(|name, _| !schema.forgets_entry(name));
    let object = entries_into_json(data.clone());
    let object = object.map_err(|cause| EncodeError::new(S::SCHEMA.names.data, cause))?;
    let session: S = marshal::read(Value::Object(object), S::SCHEMA.subject())?;
    Image::new(schema, handle, data, &session)
}

/// The image of these entries as they are stored, with those that the type forgets; without attributes if it cannot
/// read them.
pub(super) fn image_or_entries<S: SessionAttributes + DeserializeOwned>(
    schema: &Schema,
    handle: SessionHandle,
    data: Map,
) -> Image {
    let image = image::<S>(schema, handle, data.clone()).unwrap_or_default();
    Image { data, ..image }
}
