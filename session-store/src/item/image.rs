//! A session in the values of DynamoDB: what is written of it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use crate::error::{EncodeError, TooLargeError};
use crate::id::SessionHandle;
use crate::marshal::{self, Checks, FieldNames as _, HIDDEN};
use crate::schema::{Attributes, Schema, SessionAttributes};

use super::entries::{check_entries, flattened_entries};
use super::format::{Codec, Packed};
use super::key::{check_key_text, key};
use super::marks::Nonce;
use super::own::{own_size, write_own};
use super::shards::with_shards;
use super::state::{State, Unknown};
use super::value::{Map, attribute_size, check_key, checked_data_size, checked_size};

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
    /// The image of a session under this handle. `schema` is that of the table, whose keys can have a prefix
    /// that the type does not know.
    pub(crate) fn of<S: SessionAttributes + Serialize>(
        schema: &Schema,
        handle: SessionHandle,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let flattened = flattened_entries(session)?;
        let data = serialize(session, Checks::All)?;
        check_entries(S::SCHEMA, &flattened, &data)?;
        Self::new(schema, handle, data, session)
    }

    /// The image of a session as it is stored, to compare another with: neither values nor sizes are checked.
    pub(crate) fn of_stored<S: SessionAttributes + Serialize>(
        handle: SessionHandle,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let data = serialize(session, Checks::None)?;
        let attributes = promoted_values(session, Checks::None)?;
        Ok(Self {
            data,
            attributes: with_shards(S::SCHEMA, handle, attributes),
            data_size: 0,
            attributes_size: 0,
        })
    }

    /// The same for data that is a map already, with the attributes that `session` gives.
    pub(crate) fn new<S: SessionAttributes>(
        schema: &Schema,
        handle: SessionHandle,
        data: Map,
        session: &S,
    ) -> Result<Self, EncodeError> {
        let attributes = promoted_values(session, Checks::All)?;
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
        let attributes_size = sizes.sum();
        Ok(Self {
            data,
            attributes,
            data_size,
            attributes_size,
        })
    }

    /// The value of a promoted attribute, if it is present.
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        let found = self.attributes.iter().find(|(other, _)| *other == name);
        found.and_then(|(_, value)| value.as_ref())
    }

    /// Who is logged in, by the attribute that says so.
    #[cfg(feature = "_record")]
    pub(crate) fn user(&self, schema: &Schema) -> Option<&AttributeValue> {
        self.attribute(schema.user()?.name)
    }

    /// Whether this names a user, and the state before it nobody or somebody else.
    #[cfg(feature = "_record")]
    pub(crate) fn logs_in(&self, schema: &Schema, before: &Self) -> bool {
        let user = self.user(schema);
        user.is_some() && user != before.user(schema)
    }

    /// The promoted attributes that are present.
    pub(crate) fn promoted(&self) -> Map {
        let present = self.attributes.iter();
        present
            .filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)))
            .collect()
    }

    /// Refuses an item of more than 400 KB, with its data packed or as a map.
    ///
    /// Unknown entries count, but not those that the session had `before`: it has removed them.
    pub(crate) fn check_size(
        &self,
        schema: &Schema,
        unknown: &Unknown,
        before: &Self,
        packed: Option<&Packed>,
    ) -> Result<(), TooLargeError> {
        let unknown_size: usize = unknown
            .attributes
            .iter()
            .map(|(n, v)| attribute_size(n, v))
            .sum();
        let as_map = || {
            let known = |name: &String| [self, before].iter().any(|i| i.data.contains_key(name));
            let unknown_data = unknown.data.iter().filter(|(name, _)| !known(name));
            let unknown_data = unknown_data.map(|(name, value)| 1 + attribute_size(name, value));
            self.data_size + unknown_data.sum::<usize>()
        };
        let data_size = packed.map_or_else(as_map, |packed| packed.size(schema));
        let data_size = schema.names.data.len() + data_size;
        let size = data_size + self.attributes_size + unknown_size + own_size(schema);
        if size <= TooLargeError::LIMIT {
            return Ok(());
        }
        Err(self.too_large(schema, Some(size)))
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
        TooLargeError { size, largest }
    }

    /// The whole item of a new session, if it is not too large for one.
    pub(crate) fn into_item(
        self,
        codec: &Codec,
        state: &State,
        nonce: Nonce,
    ) -> Result<Map, TooLargeError> {
        let schema = codec.schema();
        let names = &schema.names;
        let unknown = &state.unknown;
        let packed = codec.pack(|| self.with_unknown(unknown, &Self::default()));
        self.check_size(schema, unknown, &Self::default(), packed.as_ref())?;

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
        Ok(item)
    }
}

/// The unknown entries of `data` that the session never had. A type whose fields only its
/// serialization knows keeps all entries aside, those that it read included.
pub(crate) fn never_known(unknown: &Unknown, before: &Image) -> Map {
    let mut data = unknown.data.clone();
    data.retain(|name, _| !before.data.contains_key(name));
    data
}

fn serialize<S: SessionAttributes + Serialize>(
    session: &S,
    checks: Checks,
) -> Result<Map, EncodeError> {
    match marshal::write(session, S::SCHEMA.subject(), checks)? {
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
) -> Result<Vec<(&'static str, Option<AttributeValue>)>, EncodeError> {
    let mut attributes = Attributes {
        checks,
        ..Attributes::default()
    };
    session.attributes(&mut attributes);
    match attributes.error {
        Some(error) => Err(error),
        None => Ok(attributes.values),
    }
}

#[cfg(test)]
mod tests;
