//! The line of a listing: what it shows of one session.

use std::fmt;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::DeserializeOwned;
use serde::ser::{Error as _, Serialize, SerializeStruct as _, Serializer};

use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::item::{
    Map, Millis, OwnTimeouts, State, end, may_live, seconds_to_time, stored_creation,
    stored_expiry, stored_number,
};
use crate::marshal::{self, Subject};
use crate::schema::{IsAttribute, Schema};

/// A session in a listing: enough for a page of "your devices", and no secret of the store.
///
/// [`Serialize`] gives `handle`, `created_at`, `touched_at` and `expires_at`, with times as in RFC 3339, such as
/// `2026-01-31T12:00:00.5Z`; they are null for a session that cannot be read. Promoted attributes are left out,
/// since they are the application's own: choose those to show with [`attribute`](Self::attribute).
#[derive(Clone, PartialEq)]
pub struct SessionSummary {
    handle: SessionHandle,
    created_at: Millis,
    touched_at: Millis,
    /// To the millisecond.
    ends: Millis,
    /// Those that the type promotes, as they are stored.
    promoted: Map,
    is_unreadable: bool,
}

impl Eq for SessionSummary {}

impl SessionSummary {
    /// The public identifier of the session: revoke by it, and compare it with that of the current one.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// When the session was created, to the millisecond.
    pub fn created_at(&self) -> SystemTime {
        self.created_at.time()
    }

    /// When the session was last saved or touched, to the millisecond.
    pub fn touched_at(&self) -> SystemTime {
        self.touched_at.time()
    }

    /// When the session will end unless it is saved or touched, rounded up to a second. By its
    /// idle timeout it ends within that second, to the millisecond.
    pub fn expires_at(&self) -> SystemTime {
        seconds_to_time(self.ends.seconds_up())
    }

    /// A promoted attribute, with or without an index; `None` if the session has none. It was read with the list.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession {
    /// #     #[dynamo(attr = "user_id", index)] user_id: String,
    /// #     #[dynamo(attr = "agent")] agent: Option<String>,
    /// # }
    /// async fn browsers(store: &DynamoDbStore<AppSession>, user: &str) -> Result<Vec<String>, Error> {
    ///     let mut browsers = Vec::new();
    ///     for session in store.sessions(AppSession::USER_ID, user).limit(10).all().await? {
    ///         let agent: Option<String> = session.attribute(AppSession::AGENT)?;
    ///         browsers.extend(agent);
    ///     }
    ///     Ok(browsers)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the stored value is no `T`: give `T` the type of the field, without its `Option`.
    pub fn attribute<T: DeserializeOwned>(
        &self,
        attribute: impl IsAttribute,
    ) -> Result<Option<T>, DecodeError> {
        let name = attribute.name();
        let Some(value) = self.promoted.get(name) else {
            return Ok(None);
        };
        let read = marshal::read_value(value, Subject::Attribute(name));
        read.map(Some)
            .map_err(|failure| DecodeError::new(self.handle, failure.path, failure.reason))
    }

    /// Whether the item of the session cannot be read. Its times are then 1970, and it has no attributes. It may be
    /// live, and can be ended by its handle.
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// The attributes that it takes, besides the key and the time of creation.
    pub(super) fn shown(schema: &Schema) -> Vec<&'static str> {
        let names = &schema.names;
        let own = [
            names.touched_at,
            names.expires_at,
            names.idle,
            names.absolute,
        ];
        let promoted = schema.attributes.iter().map(|attribute| attribute.name);
        own.into_iter().chain(promoted).collect()
    }

    pub(super) fn read(
        schema: &Schema,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Self, DecodeError> {
        let touched_at = Millis(stored_number(schema.names.touched_at, handle, &item)?);
        let expires_at = stored_expiry(schema, handle, &item)?;
        let created_at = stored_creation(schema, handle, &item)?;
        let own = OwnTimeouts::of(schema, &item);
        let ends = end(schema, expires_at, Some(created_at), Some(touched_at), own);
        Ok(Self {
            promoted: promoted(schema, item),
            ..Self::of(handle, created_at, touched_at, ends)
        })
    }

    /// That of a session that was decoded.
    pub(in crate::store) fn of_state(schema: &Schema, state: State) -> Self {
        let created_at = state.lifetime.created_at;
        let ends = end(
            schema,
            state.expires_at,
            Some(created_at),
            Some(state.touched_at),
            state.lifetime.own,
        );
        Self {
            promoted: promoted(schema, state.promoted),
            ..Self::of(state.handle, created_at, state.touched_at, ends)
        }
    }

    pub(crate) fn of(
        handle: SessionHandle,
        created_at: Millis,
        touched_at: Millis,
        ends: Millis,
    ) -> Self {
        Self {
            handle,
            created_at,
            touched_at,
            ends,
            promoted: Map::new(),
            is_unreadable: false,
        }
    }

    /// A session that cannot be read.
    pub(super) fn unreadable(handle: SessionHandle) -> Self {
        Self {
            is_unreadable: true,
            ..Self::of(handle, Millis(0), Millis(0), Millis(0))
        }
    }

    pub(super) fn is_live(&self, schema: &Schema, now: Millis) -> bool {
        self.ends > now && may_live(schema, self.created_at, now)
    }
}

/// The promoted attributes of an item, without those that the store keeps beside them.
fn promoted(schema: &Schema, mut item: Map) -> Map {
    let attributes = schema.attributes.iter();
    attributes
        .filter_map(|attribute| item.remove_entry(attribute.name))
        .collect()
}

impl Serialize for SessionSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rfc_3339 = |time: SystemTime| {
            let time = (!self.is_unreadable).then(|| DateTime::from(time).fmt(Format::DateTime));
            time.transpose().map_err(S::Error::custom)
        };
        let mut fields = serializer.serialize_struct("SessionSummary", 4)?;
        fields.serialize_field("handle", &self.handle)?;
        fields.serialize_field("created_at", &rfc_3339(self.created_at())?)?;
        fields.serialize_field("touched_at", &rfc_3339(self.touched_at())?)?;
        fields.serialize_field("expires_at", &rfc_3339(self.expires_at())?)?;
        fields.end()
    }
}

impl fmt::Debug for SessionSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSummary")
            .field("handle", &self.handle)
            .field("created_at", &self.created_at())
            .field("touched_at", &self.touched_at())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
