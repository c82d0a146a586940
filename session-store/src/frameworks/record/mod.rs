//! Sessions as a framework holds them: a map of JSON, of which the session type reads what it
//! promotes.

mod base;
mod save;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{DecodeError, EncodeError, Error};
use crate::id::{SessionHandle, SessionId};
use crate::item::delta::Delta;
use crate::item::image::{Image, Nonce, stored_expiry, stored_number, unpacked};
use crate::item::json::{from_json, into_json};
use crate::item::lifetime::{Millis, absolute_end, is_live};
use crate::item::value::Map;
use crate::schema::SessionAttributes;
use crate::session::{State, Unknown};
use crate::store::handle::DynamoDbStore;

pub(crate) use self::base::Base;

/// The entries of a session, by name.
pub(crate) type Data = HashMap<String, Value>;

/// A session that was read.
pub(crate) struct Loaded {
    pub(crate) data: Data,
    /// When it ends, in seconds since 1970.
    #[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
    pub(crate) ends: u64,
    pub(crate) created_at: Millis,
    pub(crate) version: u64,
    /// The promoted attributes that are not what the type makes of the data: a binary that did not
    /// know them wrote it.
    pub(crate) out_of_step: Vec<&'static str>,
    /// Why the type cannot read the data, where it cannot.
    #[cfg(feature = "actix-session")]
    pub(crate) misfit: Option<EncodeError>,
}

/// A session that is to be created.
pub(crate) struct New<'a> {
    pub(crate) data: &'a Data,
    pub(crate) created_at: Millis,
    /// When it ends, in seconds since 1970, if not with its absolute timeout before.
    pub(crate) ends: u64,
    pub(crate) idle: Option<Duration>,
    /// Attributes that the type does not know.
    pub(crate) unknown: Map,
}

impl<S: SessionAttributes + DeserializeOwned + 'static> DynamoDbStore<S> {
    /// Creates a session under the id of this handle or the next.
    ///
    /// One that is over by now is not stored at all: it would be absent to every reader, and still
    /// take a place in its rosters.
    pub(crate) async fn create_record(
        &self,
        new: New<'_>,
        handle: SessionHandle,
        next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let image = image::<S>(handle, entries(new.data))?;
        let unknown = Unknown {
            attributes: new.unknown,
            ..Unknown::default()
        };
        let now = self.now();
        let ends = new.ends.min(absolute_end(schema, new.created_at));
        if !is_live(ends, now) {
            tracing::info!(%handle, "a session that is over already is not stored");
            return Ok(());
        }
        let state = State {
            // A framework's id may not be of this store's form; the item holds its handle alone.
            id: SessionId::mint()?,
            handle,
            created_at: new.created_at,
            touched_at: now,
            expires_at: ends,
            idle: new.idle,
            version: 1,
            seen: 1,
            written: None,
            packed: false,
            promoted: image.promoted(),
            unknown,
        };
        let item = image.into_item(schema, &state, Nonce::mint()?)?;
        log_evicted(self.insert(item, handle, new.created_at, next).await?);
        Ok(())
    }

    /// The session in an item; none if it has expired.
    pub(crate) fn record_in(
        &self,
        handle: SessionHandle,
        mut item: Map,
    ) -> Result<Option<Loaded>, DecodeError> {
        let schema = S::SCHEMA;
        let names = &schema.names;
        let ends = stored_expiry(schema, handle, &item)?;
        if !is_live(ends, self.now()) {
            return Ok(None);
        }
        let version = unpacked(schema, handle, &mut item)?;
        let created_at = Millis(stored_number(names.created_at, handle, &item)?);
        let unreadable = |cause| DecodeError::new(handle, names.data, cause);
        let Some(AttributeValue::M(data)) = item.remove(names.data) else {
            return Err(unreadable("it is not a map"));
        };
        let mut mend = Delta::default();
        let image = image::<S>(handle, data.clone());
        // What the type cannot read has no attributes to compare; a save says what is wrong with it.
        if let Ok(image) = &image {
            mend.mend(schema, &item, image, image);
        }
        Ok(Some(Loaded {
            data: json(data).map_err(unreadable)?,
            #[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
            ends,
            created_at,
            version,
            out_of_step: mend.attributes.iter().map(|(name, _)| *name).collect(),
            #[cfg(feature = "actix-session")]
            misfit: image.err(),
        }))
    }
}

/// No framework asks whom a log-in ended.
fn log_evicted(evicted: Vec<SessionHandle>) {
    for handle in evicted {
        tracing::info!(%handle, "a session was ended, since its user has a newer one too many");
    }
}

/// The entries in the values of DynamoDB.
fn entries(data: &Data) -> Map {
    data.iter()
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect()
}

fn json(data: Map) -> Result<Data, &'static str> {
    data.into_iter()
        .map(|(name, value)| Ok((name, into_json(value)?)))
        .collect()
}

/// Entries with the attributes that the type promotes of them.
fn image<S: SessionAttributes + DeserializeOwned>(
    handle: SessionHandle,
    data: Map,
) -> Result<Image, EncodeError> {
    let object = into_json(AttributeValue::M(data.clone()));
    let object = object.map_err(|cause| EncodeError::new(S::SCHEMA.names.data, cause))?;
    let session: S = serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        EncodeError::new(path, error.into_inner())
    })?;
    Image::new(S::SCHEMA, handle, data, &session)
}

/// The same, without attributes if the type cannot read the entries.
fn image_or_entries<S: SessionAttributes + DeserializeOwned>(
    handle: SessionHandle,
    data: Map,
) -> Image {
    image::<S>(handle, data.clone()).unwrap_or_else(|_| Image {
        data,
        ..Image::default()
    })
}
