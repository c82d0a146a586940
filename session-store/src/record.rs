//! A session as a framework keeps it: a map, of which the application's type reads what it knows.
//!
//! To the store a [`Record`] is a session type like any other, so that all that is true of its
//! writes holds here as well. What a framework does not hand back by itself, it carries in the map:
//! [`Loaded`].

use std::marker::PhantomData;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::Value;

use crate::attributes::{Attributes, SessionAttributes};
use crate::error::{EncodeError, Error, GoneError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Image, decode, stored_expiry, stored_number, unpacked};
use crate::lifetime::{self, Millis, absolute_end, earliest_creation, is_live};
use crate::request;
use crate::roster::rosters;
use crate::schema::Schema;
use crate::session::{Session, State, Unknown};
use crate::store::{Deleted, DynamoDbStore, Written, backoff, conflict};
use crate::value::{Map, is_same};

/// How often a save is begun anew that others kept overtaking: a browser sends dozens of requests at
/// once, and of each round five get through.
const MAX_ROUNDS: u32 = 4;

/// The map: `data` of the item, entry by entry.
pub(crate) type Data = serde_json::Map<String, Value>;

/// The map, with the promoted attributes that come from reading it as `S`.
pub(crate) struct Record<S> {
    data: Data,
    attributes: Vec<(&'static str, Option<AttributeValue>)>,
    session: PhantomData<fn() -> S>,
}

impl<S: SessionAttributes + DeserializeOwned> Record<S> {
    pub(crate) fn new(data: Data) -> Result<Self, EncodeError> {
        let session: S = serde_path_to_error::deserialize(&data).map_err(|error| {
            let path = error.path().to_string();
            EncodeError::new(path, error.into_inner())
        })?;
        let mut attributes = Attributes::default();
        session.attributes(&mut attributes);
        match attributes.error {
            Some(error) => Err(error),
            None => Ok(Self {
                data,
                attributes: attributes.values,
                session: PhantomData,
            }),
        }
    }
}

impl<S> Record<S> {
    pub(crate) fn data(&self) -> &Data {
        &self.data
    }
}

impl<S: SessionAttributes> SessionAttributes for Record<S> {
    /// That of `S`, except that every entry of the map belongs to the record.
    const SCHEMA: &'static Schema = &Schema {
        fields: None,
        flattened: false,
        ..*S::SCHEMA
    };

    fn attributes(&self, attributes: &mut Attributes) {
        attributes.values.extend(self.attributes.iter().cloned());
    }
}

impl<S> Clone for Record<S> {
    fn clone(&self) -> Self {
        Self {
            data: self.data.clone(),
            attributes: self.attributes.clone(),
            session: PhantomData,
        }
    }
}

impl<S> Serialize for Record<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let entries = self.data.iter();
        serializer.collect_map(entries.map(|(name, value)| (name, AsSerde(value))))
    }
}

impl<'de, S: SessionAttributes + DeserializeOwned> Deserialize<'de> for Record<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let data = Data::deserialize(deserializer)?;
        Self::new(data).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            D::Error::custom(format_args!(
                "{}: {}",
                error.path(),
                cause.unwrap_or_default()
            ))
        })
    }
}

/// A value as serde is to see it: by itself, a number turns into a map as soon as any crate of the
/// build switches on `arbitrary_precision` of serde_json.
struct AsSerde<'a>(&'a Value);

impl Serialize for AsSerde<'_> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(integer), _, _) => serializer.serialize_i64(integer),
                (_, Some(integer), _) => serializer.serialize_u64(integer),
                (_, _, Some(float)) => serializer.serialize_f64(float),
                _ => Err(ser::Error::custom("a number beyond 64 bits")),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(values) => serializer.collect_seq(values.iter().map(AsSerde)),
            Value::Object(entries) => {
                let entries = entries.iter();
                serializer.collect_map(entries.map(|(name, value)| (name, AsSerde(value))))
            }
        }
    }
}

/// What a framework hands back of a session that it loaded: which one it was, and what it held.
///
/// It lies in the framework's map beside the application's entries, under [`Loaded::KEY`], and is
/// never stored. By it a save knows what has changed since.
#[derive(Serialize, Deserialize)]
pub(crate) struct Loaded {
    handle: SessionHandle,
    created_at: u64,
    version: u64,
    /// Whether the item had the promoted attributes that `data` gives. It has not if a binary wrote
    /// it that did not know all of them.
    in_step: bool,
    data: Data,
}

impl Loaded {
    /// The one name that an application cannot use for an entry of its own.
    pub(crate) const KEY: &'static str = "session-store";

    pub(crate) fn of<S>(session: &Session<Record<S>>) -> Self {
        let mut attributes = session.attributes.iter();
        let in_step =
            attributes.all(
                |(name, value)| match (session.state.promoted.get(*name), value) {
                    (Some(stored), Some(value)) => is_same(stored, value),
                    (None, None) => true,
                    _ => false,
                },
            );
        Self {
            in_step,
            handle: session.handle(),
            created_at: session.state.created_at.0,
            version: session.version(),
            data: session.data.clone(),
        }
    }

    pub(crate) fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// The session as it was, without another read.
    fn into_session<S>(self, id: SessionId) -> Result<Session<Record<S>>, EncodeError>
    where
        S: SessionAttributes + DeserializeOwned,
    {
        let record = Record::new(self.data)?;
        let created_at = Millis(self.created_at);
        let state = State {
            handle: id.handle(),
            id,
            created_at,
            touched_at: created_at,
            expires_at: 0,
            idle: None,
            version: self.version,
            seen: self.version,
            written: None,
            packed: false,
            promoted: Image::of(&record)?.promoted(),
            unknown: Unknown::default(),
        };
        Ok(Session::new(record, state))
    }

    /// Puts what has changed since the load onto what others have stored meanwhile.
    fn put_changes(&self, data: Data, onto: &mut Data) {
        onto.retain(|name, _| data.contains_key(name) || !self.data.contains_key(name));
        let changed = data.into_iter();
        onto.extend(changed.filter(|(name, value)| self.data.get(name) != Some(value)));
    }
}

impl<S> DynamoDbStore<Record<S>>
where
    S: SessionAttributes + DeserializeOwned + 'static,
{
    /// Creates a session with an idle timeout of its own.
    pub(crate) async fn create_record(
        &self,
        data: Data,
        idle: Duration,
    ) -> Result<SessionId, Error> {
        let record = Record::new(data)?;
        self.create_counting_from(self.now(), record, idle, Map::new())
            .await
    }

    /// Ends a session, and gives what it held to one alone of those who end it at once: to none, if
    /// an answer was lost and nobody knows which request ended it.
    pub(crate) async fn end_record(&self, handle: SessionHandle) -> Result<Option<Map>, Error> {
        let delete = || request::delete_present(self.target(), handle);
        let Deleted::Was(item) = self.delete_item(delete).await? else {
            return Ok(None);
        };
        self.leave_all(&rosters(S::SCHEMA, &item), handle).await;
        Ok(Some(item))
    }

    /// Creates the session that takes the place of one that was just deleted: with what both the
    /// caller and others have changed in it, and the time since which it counts.
    ///
    /// None if what was deleted was no live session any more.
    pub(crate) async fn create_in_place_of(
        &self,
        (handle, item): (SessionHandle, Map),
        loaded: &Loaded,
        data: Data,
        idle: Duration,
    ) -> Result<Option<SessionId>, Error> {
        // The item does not hold the id, and nobody asks for it any more.
        let old = decode::<Record<S>>(SessionId::mint()?, handle, item, self.now())?;
        let Some(old) = old else { return Ok(None) };
        let mut merged = old.data.clone();
        loaded.put_changes(data, &mut merged);
        let record = Record::new(merged)?;
        let State {
            created_at,
            unknown,
            ..
        } = old.state;
        let id = self
            .create_counting_from(created_at, record, idle, unknown.attributes)
            .await?;
        Ok(Some(id))
    }

    async fn create_counting_from(
        &self,
        created_at: Millis,
        record: Record<S>,
        idle: Duration,
        attributes: Map,
    ) -> Result<SessionId, Error> {
        let unknown = Unknown {
            attributes,
            ..Unknown::default()
        };
        let session = self
            .create_since(created_at, record, Some(idle), unknown)
            .await?;
        log_evicted(&session);
        Ok(session.id().clone())
    }

    /// Stores what has changed since the load. Where that is not known, the map is to be all there
    /// is; then, and where there are attributes to mend, the session is read first.
    pub(crate) async fn save_record(
        &self,
        id: SessionId,
        loaded: Option<Loaded>,
        data: Data,
        idle: Duration,
    ) -> Result<(), Error> {
        let handle = id.handle();
        let mut data = data;
        let mut session = match loaded.filter(|loaded| loaded.handle == handle) {
            Some(loaded) if loaded.in_step => loaded.into_session(id)?,
            loaded => {
                let expired = false;
                let session = self.load_current(&id).await?;
                let session = session.ok_or(GoneError { handle, expired })?;
                if let Some(loaded) = loaded {
                    let mut merged = session.data.clone();
                    loaded.put_changes(data, &mut merged);
                    data = merged;
                }
                session
            }
        };
        if session.data == data {
            return self.extend(handle, idle).await;
        }
        session.state.idle = Some(idle);
        *session = Record::new(data)?;
        for attempt in 1..MAX_ROUNDS {
            match self.save(&mut session).await {
                Err(Error::Conflict(error)) if !error.outcome_unknown() => backoff(attempt).await,
                saved => {
                    log_evicted(&session);
                    return saved;
                }
            }
        }
        self.save(&mut session).await
    }

    /// Lets the session live for this long from now on, unless it does already, and writes nothing
    /// but that.
    ///
    /// When the session was created is not known here, so that it is a condition that the absolute
    /// timeout allows as much; where it does not, the refusal tells how much it does.
    pub(crate) async fn extend(&self, handle: SessionHandle, idle: Duration) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let gone = |expired| GoneError { handle, expired };
        let now = self.now();
        let mut ends = lifetime::expires_at(schema, now, now, Some(idle));
        for _ in 0..2 {
            let since = Some(earliest_creation(schema, ends));
            let touch = || request::touch(self.target(), handle, now, ends, since);
            let Written::Refused { old, .. } = self.update_item(touch).await? else {
                return Ok(());
            };
            let mut item = old.ok_or(gone(false))?;
            let stored = stored_expiry(schema, handle, &item)?;
            if !is_live(stored, now) {
                return Err(gone(true).into());
            }
            unpacked(schema, handle, &mut item)?;
            let created_at = Millis(stored_number(schema.names.created_at, handle, &item)?);
            ends = ends.min(absolute_end(schema, created_at));
            if stored >= ends {
                return Ok(());
            }
        }
        Err(conflict(handle, 2).into())
    }
}

fn log_evicted<S>(session: &Session<S>) {
    for handle in Session::evicted(session) {
        tracing::info!(%handle, "a session was ended, since its user has a newer one too many");
    }
}
