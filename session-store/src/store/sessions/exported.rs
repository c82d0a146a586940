//! The row of an export: all that is stored of a session.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::dynamodb::Table;
use crate::error::Chain;
use crate::id::SessionHandle;
use crate::item::{Map, PlainMap};

/// The item of a session with its data unpacked, made by [`export`](crate::DynamoDbStore::export).
///
/// [`Serialize`] gives a map by the names of the attributes. Numbers are numbers, or text where a number of JSON would
/// lose digits; binary values are base64, and so is data that cannot be unpacked; a set is a list. It has no id.
#[derive(Clone, PartialEq)]
pub struct ExportedSession {
    handle: SessionHandle,
    item: Map,
    left_out: Vec<String>,
    /// The name of the data, if it could not be unpacked.
    packed: Option<&'static str>,
}

impl ExportedSession {
    /// The public identifier of the session.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Leaves out the values of these fields and attributes, such as tokens, wherever they are: each is `"(left out)"`.
    /// So is data that cannot be unpacked, as a whole.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.left_out.extend(self.packed.map(str::to_owned));
        self.left_out
            .extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    pub(super) fn read(table: &Table, handle: SessionHandle, mut item: Map) -> Self {
        // Data that cannot be unpacked is the person's all the same.
        let unpacked = table.codec.unpack(handle, &mut item);
        let is_packed = unpacked.is_err();
        if let Err(error) = unpacked {
            tracing::warn!(%handle, error = %Chain(&error), "the data of a session is exported as it is stored");
        }
        let names = &table.schema().names;
        item.remove(names.writes);
        item.remove(names.id);
        Self {
            handle,
            item,
            left_out: Vec::new(),
            packed: is_packed.then_some(names.data),
        }
    }
}

impl Serialize for ExportedSession {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("handle", &self.handle)?;
        PlainMap::new(&self.item, &self.left_out).serialize_entries(&mut map)?;
        map.end()
    }
}

impl fmt::Debug for ExportedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedSession")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
