//! This store behind tower-sessions, with its sessions' promoted attributes and indexes.
//!
//! [`TowerSessions`] implements tower-sessions' `SessionStore`: of 0.15 with the feature
//! `tower-sessions`, of 0.14 (which axum-login 0.18 needs) with `tower-sessions-0-14`. The record's
//! map is the item's `data`, one native entry a key; the promoted attributes come from reading the
//! map as `S`, so give `S` a `#[serde(default)]`. Keys that `S` does not know are kept. Through the
//! store inside, [`sessions`](DynamoDbStore::sessions) and [`revoke`](DynamoDbStore::revoke) find
//! these sessions by index like any others.
//!
//! What the framework's trait cannot carry:
//!
//! | guarantee | through tower-sessions |
//! |---|---|
//! | no resurrection (G1) | kept: a save of an ended session is dropped and logged. Not with `CachingSessionStore`, which answers from its cache |
//! | no lost updates (G3) | not kept: the trait hands over the whole map, and the last save wins |
//! | unknown data survives (G4) | kept for attributes; keys of the map are the framework's |
//! | expired is absent (G5) | kept, but not with `CachingSessionStore` |
//! | the absolute timeout (G6) | kept by every save. A new id of the framework is a new session, whose time begins anew. The expiry of the record is written as it is, even if it is sooner than the one stored |
//! | a new id is atomic (G7) | not kept: the framework deletes the old session before it creates the new one |
//! | ids (G8) | hashed like this store's own, but minted by the framework, with 128 bits, and printed by its own `Debug` |
//! | outcome of a retried write (G13) | a save whose answer was lost recognises itself, unless four others were made in between; an unknown outcome is an error of the backend |

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attributes::SessionAttributes;
use crate::error::{ConflictError, DecodeError, EncodeError, Error};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Image, Nonce, stored_expiry, stored_number, stored_version};
use crate::json::{from_json, into_json};
use crate::lifetime::{Millis, absolute_end, earliest_creation, is_live};
use crate::membership::Evicted;
use crate::request::{Bound, Change, Save};
use crate::roster::Moves;
use crate::session::{State, Unknown};
use crate::store::{Answer, DynamoDbStore, MAX_ATTEMPTS};

/// A [`DynamoDbStore`] as tower-sessions' `SessionStore`. See the [module](self).
pub struct TowerSessions<S> {
    store: DynamoDbStore<S>,
}

impl<S> TowerSessions<S> {
    /// Puts this store behind the framework's trait.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self { store }
    }

    /// The store inside, to list and revoke sessions by index.
    pub fn store(&self) -> &DynamoDbStore<S> {
        &self.store
    }
}

impl<S> Clone for TowerSessions<S> {
    fn clone(&self) -> Self {
        Self::new(self.store.clone())
    }
}

impl<S> fmt::Debug for TowerSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TowerSessions").field(&self.store).finish()
    }
}

type Data = HashMap<String, Value>;

impl<S: SessionAttributes + DeserializeOwned + 'static> TowerSessions<S> {
    /// Creates a session that ends at this second, under the id of this handle or the next.
    async fn create(
        &self,
        handle: SessionHandle,
        data: &Data,
        ends: u64,
        next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let image = image::<S>(data)?;
        image.check_size(schema, &Unknown::default())?;
        let created_at = self.store.now();
        let state = State {
            // The framework's id is not of this store's form; the item holds its handle alone.
            id: SessionId::mint()?,
            handle,
            created_at,
            touched_at: created_at,
            expires_at: ends.min(absolute_end(schema, created_at)),
            idle: None,
            version: 1,
            seen: 1,
            promoted: image.promoted(),
            unknown: Unknown::default(),
        };
        let item = image.into_item(schema, &state, Nonce::mint()?);
        let evicted = self.store.insert(item, handle, created_at, next).await?;
        for handle in evicted {
            tracing::info!(%handle, "a session was ended, since its user has a newer one too many");
        }
        Ok(())
    }

    /// Replaces the data of a live session.
    async fn save(&self, handle: SessionHandle, data: &Data, ends: u64) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let image = image::<S>(data)?;
        image.check_size(schema, &Unknown::default())?;
        let nonce = Nonce::mint()?;
        let mut ends = ends;
        // The record does not say which values the session had: most likely those that it has.
        let written = &image.attributes;
        let mut moves = Moves::new(schema, (handle, &image.promoted()), written, Millis(0));
        let mut evicted = Evicted::default();
        for _ in 0..MAX_ATTEMPTS {
            let save = Save {
                handle,
                now: self.store.now(),
                nonce,
                expires_at: Some(ends),
                version: None,
                seen: None,
                idle: None,
                bound: Bound::CreatedSince(earliest_creation(schema, ends)),
                change: Change::Whole(&image.data),
                attributes: &image.attributes,
                unmoved: &moves.unmoved,
            };
            let answer = match moves.changes.is_empty() {
                true => self.store.write(&save).await?,
                false => {
                    let changes = &mut moves.changes;
                    self.store
                        .write_and_move(&save, changes, &mut evicted)
                        .await?
                }
            };
            match answer {
                Answer::Stored { .. } => return Ok(()),
                Answer::TooLarge => return Err(image.too_large(None).into()),
                Answer::NotYet { item, .. } => {
                    let created_at = Millis(stored_number(schema.names.created_at, handle, &item)?);
                    ends = ends.min(absolute_end(schema, created_at));
                    if moves.are_outdated(&item) {
                        moves = Moves::new(schema, (handle, &item), written, created_at);
                    }
                }
            }
        }
        Err(ConflictError {
            handle,
            attempts: MAX_ATTEMPTS,
            outcome_unknown: false,
        }
        .into())
    }

    async fn load(&self, handle: SessionHandle) -> Result<Option<(Data, u64)>, Error> {
        let schema = S::SCHEMA;
        let Some(mut item) = self.store.read(handle).await? else {
            return Ok(None);
        };
        let ends = stored_expiry(schema, handle, &item)?;
        if !is_live(ends, self.store.now()) {
            return Ok(None);
        }
        stored_version(schema, handle, &item)?;
        let unreadable = |cause| DecodeError::new(handle, schema.names.data, cause);
        let data = item
            .remove(schema.names.data)
            .map(into_json)
            .transpose()
            .map_err(unreadable)?;
        match data {
            Some(Value::Object(data)) => Ok(Some((data.into_iter().collect(), ends))),
            _ => Err(unreadable("it is not a map").into()),
        }
    }
}

fn image<S: SessionAttributes + DeserializeOwned>(data: &Data) -> Result<Image, EncodeError> {
    let object = Value::Object(
        data.iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    );
    let session: S = serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        EncodeError::new(path, error.into_inner())
    })?;
    let data = data
        .iter()
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect();
    Image::new(S::SCHEMA, data, &session)
}

/// Seconds since 1970, rounded up; a time before that has passed in any case.
fn seconds(time: time::OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos())
        .unwrap_or(0)
        .div_ceil(1_000_000_000)
}

/// The error with its causes, since the framework keeps text alone.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

macro_rules! to_error {
    ($core:ident, $error:expr) => {
        match $error {
            error @ (Error::Encode(_) | Error::TooLarge(_)) => {
                $core::session_store::Error::Encode(chain(&error))
            }
            error @ Error::Decode(_) => $core::session_store::Error::Decode(chain(&error)),
            error => $core::session_store::Error::Backend(chain(&error)),
        }
    };
}
macro_rules! session_store {
    ($feature:literal, $core:ident) => {
        #[cfg(feature = $feature)]
        #[async_trait]
        impl<S> $core::SessionStore for TowerSessions<S>
        where
            S: SessionAttributes + DeserializeOwned + Send + Sync + 'static,
        {
            /// Never overwrites: an id that is taken is replaced by another.
            async fn create(
                &self,
                record: &mut $core::session::Record,
            ) -> $core::session_store::Result<()> {
                let ends = seconds(record.expiry_date);
                let handle = SessionHandle::of_secret(record.id.to_string().as_bytes());
                let next = || {
                    record.id = $core::session::Id::default();
                    Ok(SessionHandle::of_secret(record.id.to_string().as_bytes()))
                };
                let created = self.create(handle, &record.data, ends, next).await;
                created.map_err(|error| to_error!($core, error))
            }

            /// Of a session that is gone, the save is dropped and logged.
            async fn save(
                &self,
                record: &$core::session::Record,
            ) -> $core::session_store::Result<()> {
                let handle = SessionHandle::of_secret(record.id.to_string().as_bytes());
                match self.save(handle, &record.data, seconds(record.expiry_date)).await {
                    Err(Error::Gone(gone)) => {
                        tracing::info!(%handle, "{gone}");
                        Ok(())
                    }
                    saved => saved.map_err(|error| to_error!($core, error)),
                }
            }

            async fn load(
                &self,
                id: &$core::session::Id,
            ) -> $core::session_store::Result<Option<$core::session::Record>> {
                let handle = SessionHandle::of_secret(id.to_string().as_bytes());
                let loaded = self.load(handle).await.map_err(|error| to_error!($core, error))?;
                let Some((data, ends)) = loaded else {
                    return Ok(None);
                };
                // A time past what the framework can express is as good as never.
                let ends = i64::try_from(ends).unwrap_or(i64::MAX);
                let expiry_date = time::OffsetDateTime::from_unix_timestamp(ends)
                    .unwrap_or(time::PrimitiveDateTime::MAX.assume_utc());
                Ok(Some($core::session::Record { id: *id, data, expiry_date }))
            }

            async fn delete(&self, id: &$core::session::Id) -> $core::session_store::Result<()> {
                let handle = SessionHandle::of_secret(id.to_string().as_bytes());
                let deleted = self.store.end(handle).await;
                deleted.map(drop).map_err(|error| to_error!($core, error))
            }
        }
    };
}

session_store!("tower-sessions", tower_sessions_core);
session_store!("tower-sessions-0-14", tower_sessions_core_0_14);
