//! A session in the values of DynamoDB: what is written of it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use crate::error::{EncodeError, TooLargeError};
use crate::id::SessionHandle;
use crate::marshal::{self, Checks, FieldNames as _, HIDDEN};
use crate::schema::{Attributes, Schema, SessionAttributes};
use crate::telemetry::metrics;

use super::entries::{check_entries, flattened_entries};
use super::format::{Codec, Packed};
use super::key::{check_key_text, key};
use super::limits::Limits;
use super::marks::Nonce;
use super::own::{own_size, write_own};
use super::own_timeouts::{OwnTimeouts, is_guest};
use super::roster_note::{is_current_note, notes};
use super::shards::with_shards;
use super::state::{State, Unknown};
use super::value::{CONTAINER, Map, attribute_size, check_key, checked_data_size, checked_size};

/// Promoted attributes, each with its value; `None` for absent.
type PromotedValues = Vec<(&'static str, Option<AttributeValue>)>;

/// A session struct in the values of DynamoDB, each known to be storable.
#[derive(Default)]
pub(crate) struct Image {
    pub(crate) data: Map,
    /// Fields that are not in `data`, since they are as in the image after this one.
    pub(crate) left_out: Vec<&'static str>,
    pub(crate) attributes: PromotedValues,
    /// The notes that the session is in the rosters of its values.
    pub(crate) notes: Vec<(&'static str, AttributeValue)>,
    /// The limits of its rosters that the session has of its own.
    pub(crate) limits: Limits,
    /// The bytes of `data` as a map, and of the attributes, names included.
    pub(crate) data_size: usize,
    pub(crate) attributes_size: usize,
}

impl Image {
    /// The image of a session under this handle. `schema` is that of the table, whose keys can have a prefix
    /// that the type does not know.
    pub(crate) fn of<S: SessionAttributes + Serialize>(
        schema: &Schema,
        handle: SessionHandle,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let flattened = flattened_entries(session)?;
        let data = marshal::write(session, S::SCHEMA.subject(), Checks::All)?;
        let data = entries_of::<S>(data)?;
        check_entries(S::SCHEMA, &flattened, &data)?;
        Self::new(schema, handle, data, session)
    }

    /// The image of a session as it is stored, to compare another with: neither values nor sizes are checked.
    pub(crate) fn of_stored<S: SessionAttributes + Serialize>(
        handle: SessionHandle,
        session: &S,
    ) -> Result<Self, EncodeError> {
        Self::of_stored_without(handle, session, Vec::new())
    }

    /// The same without these fields.
    pub(super) fn of_stored_without<S: SessionAttributes + Serialize>(
        handle: SessionHandle,
        session: &S,
        left_out: Vec<&'static str>,
    ) -> Result<Self, EncodeError> {
        let data = marshal::write_without(session, S::SCHEMA.subject(), &left_out)?;
        let data = entries_of::<S>(data)?;
        let (attributes, limits) = promoted_values(session, Checks::None)?;
        let attributes = with_shards(S::SCHEMA, handle, attributes);
        Ok(Self {
            data,
            left_out,
            notes: notes(S::SCHEMA, handle, |name| value_of(&attributes, name)),
            attributes,
            limits,
            ..Self::default()
        })
    }

    /// The same for data that is a map already, with the attributes that `session` gives.
    pub(crate) fn new<S: SessionAttributes>(
        schema: &Schema,
        handle: SessionHandle,
        data: Map,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let (attributes, limits) = promoted_values(session, Checks::All)?;
        for attribute in limits.attributes() {
            if !schema.rosters().any(|roster| roster.name == attribute) {
                let cause = "the schema has no consistent index on it, and so no limit";
                return Err(EncodeError::new(attribute, cause));
            }
        }
        let data_size = checked_data_size(schema, &data)?;
        for (name, value) in &attributes {
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
        let attributes = with_shards(schema, handle, attributes);
        let present = attributes.iter();
        let sizes = present.filter_map(|(name, value)| Some(attribute_size(name, value.as_ref()?)));
        let notes = notes(schema, handle, |name| value_of(&attributes, name));
        let note_sizes = notes.iter().map(|(name, note)| attribute_size(name, note));
        let attributes_size = sizes.sum::<usize>() + note_sizes.sum::<usize>();
        Ok(Self {
            data,
            left_out: Vec::new(),
            attributes,
            notes,
            limits,
            data_size,
            attributes_size,
        })
    }

    /// The value of a promoted attribute, if it is present.
    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        value_of(&self.attributes, name)
    }

    /// Who is logged in, by the attribute that says so.
    pub(crate) fn user(&self, schema: &Schema) -> Option<&AttributeValue> {
        self.attribute(schema.user()?.name)
    }

    /// Those timeouts, for a session with this user or without one.
    pub(crate) fn timeouts(&self, schema: &Schema, own: OwnTimeouts) -> OwnTimeouts {
        OwnTimeouts {
            is_guest: is_guest(schema, |user| self.attribute(user).is_some()),
            ..own
        }
    }

    /// Whether this names a user, and the state before it nobody or somebody else.
    pub(crate) fn logs_in(&self, schema: &Schema, before: &Self) -> bool {
        let user = self.user(schema);
        user.is_some() && user != before.user(schema)
    }

    /// The notes that are missing in an item, or say less there.
    pub(crate) fn stale_notes<'a>(
        &'a self,
        item: &'a Map,
    ) -> impl Iterator<Item = &'static str> + 'a {
        let stale = self
            .notes
            .iter()
            .filter(|(name, note)| !is_current_note(item.get(*name), note));
        stale.map(|(name, _)| *name)
    }

    /// The promoted attributes that are present, with the notes of a session that is in its rosters.
    pub(crate) fn promoted(&self) -> Map {
        let present = self.attributes.iter();
        let present = present.filter_map(|(name, value)| Some((*name, value.clone()?)));
        let notes = self.notes.iter().cloned();
        let all = present.chain(notes);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Refuses an item that is larger than `limit`, with its data packed or as a map, unless it is no larger than
    /// `before`: what makes a session smaller is stored even if it is still too large.
    ///
    /// Unknown entries count, but not those that the session had `before`: it has removed them.
    pub(crate) fn check_size(
        &self,
        schema: &Schema,
        limit: usize,
        unknown: &Unknown,
        before: &Self,
        packed: Option<&Packed>,
        was: impl FnOnce() -> usize,
    ) -> Result<(), TooLargeError> {
        let data_size = match packed {
            Some(packed) => packed.size(schema),
            None => self.data_size + self.unknown_data_size(unknown, before),
        };
        let size = data_size + self.attributes_size + size_beside_known(schema, unknown);
        let shrinks = || size <= TooLargeError::LIMIT && size <= was();
        if size <= limit || shrinks() {
            metrics::item_size(size);
            return Ok(());
        }
        Err(TooLargeError {
            limit,
            ..self.too_large(schema, Some(size))
        })
    }

    /// The same as [`stored_size`](Self::stored_size) with the fields that are left out, which are as in this image.
    pub(super) fn whole_size(&self, after: &Self, codec: &Codec, unknown: &Unknown) -> usize {
        let left_out = after.data.iter();
        let left_out = left_out.filter(|(name, _)| self.left_out.contains(&name.as_str()));
        let left_out = left_out.map(|(name, value)| (name.clone(), value.clone()));
        let whole = Self {
            data: self.data.clone().into_iter().chain(left_out).collect(),
            attributes: self.attributes.clone(),
            notes: self.notes.clone(),
            ..Self::default()
        };
        whole.stored_size(codec, unknown)
    }

    /// The size of the item of this image. It is measured anew, since the image of a stored session has not been.
    pub(crate) fn stored_size(&self, codec: &Codec, unknown: &Unknown) -> usize {
        let schema = codec.schema();
        let data = match codec.pack(|| self.with_unknown(unknown, self)) {
            Some(packed) => packed.size(schema),
            None => {
                let known = self.data.iter();
                let known = known.map(|(name, value)| 1 + attribute_size(name, value));
                CONTAINER + known.sum::<usize>() + self.unknown_data_size(unknown, self)
            }
        };
        let present = self.attributes.iter();
        let present = present.filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let notes = self.notes.iter().map(|(name, note)| (name, note));
        let attributes = present.chain(notes);
        let attributes = attributes.map(|(name, value)| attribute_size(name, value));
        data + attributes.sum::<usize>() + size_beside_known(schema, unknown)
    }

    /// The size of the unknown entries of `data`, as a map.
    fn unknown_data_size(&self, unknown: &Unknown, before: &Self) -> usize {
        let known = |name: &String| [self, before].iter().any(|i| i.data.contains_key(name));
        let unknown = unknown.data.iter().filter(|(name, _)| !known(name));
        unknown
            .map(|(name, value)| 1 + attribute_size(name, value))
            .sum()
    }

    /// All of `data`: the entries of this image, and those of the item that the session never had.
    pub(crate) fn with_unknown(&self, unknown: &Unknown, before: &Self) -> Map {
        let mut data = never_known(unknown, before);
        data.extend(self.data.clone());
        data
    }

    /// The error for a session of this size, with its largest fields.
    pub(crate) fn too_large(&self, schema: &Schema, size: Option<usize>) -> TooLargeError {
        // A flattened map has keys that can be values of the session.
        let shown = |name| match schema.field_name(name) {
            None if schema.flattened => HIDDEN,
            _ => name,
        };
        let fields = self.data.iter();
        let fields = fields.map(|(name, value)| (shown(name.as_str()), value));
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
        TooLargeError {
            size,
            limit: TooLargeError::LIMIT,
            largest,
        }
    }

    /// The whole item of a new session, if it is not larger than `limit`.
    pub(crate) fn into_item(
        self,
        codec: &Codec,
        limit: usize,
        state: &State,
        nonce: Nonce,
    ) -> Result<Map, TooLargeError> {
        let schema = codec.schema();
        let names = &schema.names;
        let unknown = &state.unknown;
        let packed = codec.pack(|| self.with_unknown(unknown, &Self::default()));
        self.check_size(
            schema,
            limit,
            unknown,
            &Self::default(),
            packed.as_ref(),
            || 0,
        )?;

        let mut item = unknown.attributes.clone();
        item.extend(key(schema, state.handle));
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
        write_own(schema, state, nonce, &mut item);
        for (name, value) in self.attributes {
            if let Some(value) = value {
                item.insert(name.to_owned(), value);
            }
        }
        let notes = self.notes.into_iter();
        item.extend(notes.map(|(name, note)| (name.to_owned(), note)));
        Ok(item)
    }
}

fn value_of<'a>(
    attributes: &'a [(&'static str, Option<AttributeValue>)],
    name: &str,
) -> Option<&'a AttributeValue> {
    let found = attributes.iter().find(|(other, _)| *other == name);
    found.and_then(|(_, value)| value.as_ref())
}

/// The size of an item without what the type knows: the store's own attributes, and those that are unknown.
fn size_beside_known(schema: &Schema, unknown: &Unknown) -> usize {
    let unknown = unknown.attributes.iter();
    let unknown = unknown.map(|(name, value)| attribute_size(name, value));
    schema.names.data.len() + unknown.sum::<usize>() + own_size(schema)
}

/// The unknown entries of `data` that the session never had. A type whose fields only its
/// serialization knows keeps all entries aside, those that it read included.
pub(crate) fn never_known(unknown: &Unknown, before: &Image) -> Map {
    let mut data = unknown.data.clone();
    data.retain(|name, _| !before.data.contains_key(name));
    data
}

fn entries_of<S: SessionAttributes>(session: AttributeValue) -> Result<Map, EncodeError> {
    match session {
        AttributeValue::M(data) => Ok(data),
        _ => {
            let cause = "the session is not serialised as a map";
            Err(EncodeError::new(S::SCHEMA.names.data, cause))
        }
    }
}

fn promoted_values<S: SessionAttributes>(
    session: &S,
    checks: Checks,
) -> Result<(PromotedValues, Limits), EncodeError> {
    let mut attributes = Attributes {
        checks,
        ..Attributes::default()
    };
    session.attributes(&mut attributes);
    match attributes.error {
        Some(error) => Err(error),
        None => Ok((attributes.values, Limits::new(attributes.limits))),
    }
}

#[cfg(test)]
mod tests;
