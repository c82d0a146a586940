//! This store behind actix-session 0.11, with its sessions' promoted attributes and indexes.
//!
//! [`ActixSessions`] implements actix-session's `SessionStore`. The session's map is the item's
//! `data`, one native entry a key; the promoted attributes come from reading the map as `S`, so give
//! `S` a `#[serde(default)]`. Keys that `S` does not know are kept. Through the store inside,
//! [`sessions`](DynamoDbStore::sessions) and [`revoke`](DynamoDbStore::revoke) find these sessions by
//! index like any others.
//!
//! ```
//! use actix_session::{Session, SessionMiddleware};
//! use actix_web::cookie::Key;
//! use actix_web::{App, Error};
//! use serde::Deserialize;
//! use session_store::actix_session::ActixSessions;
//! use session_store::{DynamoDbStore, SessionAttributes};
//!
//! #[derive(Default, Deserialize, SessionAttributes)]
//! #[serde(default)]
//! struct AppSession {
//!     #[dynamo(attr = "user_id", index(consistent, limit = 10))]
//!     user_id: Option<String>,
//! }
//!
//! async fn log_in(session: Session) -> Result<&'static str, Error> {
//!     session.insert("user_id", "u-17")?; // the entry `user_id` of the map, and an attribute
//!     session.renew();
//!     Ok("hello")
//! }
//!
//! # fn app(store: DynamoDbStore<AppSession>, key: Key) {
//! let sessions = ActixSessions::new(store);
//! let app = App::new().wrap(SessionMiddleware::new(sessions.clone(), key));
//! # let _ = app.service(actix_web::web::resource("/login").to(log_in));
//! # }
//! ```
//!
//! What the guarantees of this crate are through the framework's trait:
//!
//! | guarantee | through actix-session |
//! |---|---|
//! | no resurrection (G1), no ghosts (G2) | kept. An update of a session that has ended is dropped and logged, and the answer is sent as if nothing were wrong; so is the state for a new key, which is then one of no session |
//! | no lost updates (G3) | kept: an update writes the entries that changed since the load and no others; of the same entry, the last one wins. After `Session::clear`, all others are removed |
//! | unknown data survives (G4) | kept, new keys included |
//! | expired is absent (G5) | kept |
//! | the absolute timeout (G6) | kept, new keys included. The framework's TTL takes the place of the idle timeout; it never shortens what was granted |
//! | a new id is atomic (G7) | not kept: the framework deletes the old session before it saves the new one. A failure in between ends the session; a revocation in between meets neither, and the new one lives. Of two that ask for a new key at once, one gets it |
//! | ids (G8) | minted by this store, and nothing else is looked up. The framework's `SessionKey` prints them in its `Debug` |
//! | revocation (G9) | as the index says |
//! | a failed read (G10) | kept: an answer of 500, and nothing is written. A session that cannot be read is one too, unless [`Unreadable::Absent`](crate::Unreadable::Absent) is set |
//! | known before the call (G11) | kept; the framework answers 500 |
//! | no control-plane calls (G12) | kept |
//! | retried writes (G13) | kept; an unknown outcome is an answer of 500. A new key after a delete that had to be sent twice is one of no session, since nobody knows what the first one ended |
//! | cost (G14) | load: 1 GetItem. Update: 1 UpdateItem, and 1 GetItem before it after `Session::clear`. TTL alone: 1 UpdateItem, of the expiry. New key: 1 DeleteItem and 1 PutItem. Consistent indexes add what they [add](DynamoDbStore::create) |
//!
//! # Parallel requests
//!
//! | of one session, at once | what becomes of it |
//! |---|---|
//! | many change different entries | all changes are kept |
//! | many change the same entry | one of them is kept, the last; for a counter, see [`update`](DynamoDbStore::update) |
//! | some change entries, and one purges | the session has ended, whatever comes later; none of them fails |
//! | some change entries, and one renews | what was stored before the old session went is in the new one; what comes later is dropped |
//! | two renew | one gets the new session, the other a key of none |
//! | one renews, and one purges | if the old session went by the renewal, the new one lives on; otherwise it has ended, and nothing is stored |
//!
//! A log-in that is to succeed even where the visitor's session has just been ended by another
//! request calls `Session::clear` first: what it then inserts is of no earlier session.
//!
//! # What the application sees
//!
//! A session that was loaded has an entry `session-store` in `Session::entries`, by which an update
//! knows what has changed. It is never stored, and the name is not for the application to use.
//!
//! actix-session 0.11 does not save what `Session::update` changed if nothing else did: use `insert`.
//!
//! Entries are JSON. Numbers keep what `serde_json::Value` keeps of them: integers of 64 bits, and
//! floating point.

mod operations;

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ::actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{EncodeError, Error};
use crate::id::{SessionHandle, SessionId};
use crate::item::Map;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::record::{Base, Data, Records};

/// A [`DynamoDbStore`] as actix-session's `SessionStore`. See the [module](self).
pub struct ActixSessions<S> {
    store: DynamoDbStore<S>,
}

impl<S> ActixSessions<S> {
    /// Puts this store behind the framework's trait.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self { store }
    }

    /// The store inside, to list and revoke sessions by index.
    pub fn store(&self) -> &DynamoDbStore<S> {
        &self.store
    }
}

impl<S: SessionAttributes + DeserializeOwned + 'static> ActixSessions<S> {
    fn records(&self) -> Records<'_, S> {
        Records::new(&self.store)
    }
}

impl<S> Clone for ActixSessions<S> {
    fn clone(&self) -> Self {
        Self::new(self.store.clone())
    }
}

impl<S> fmt::Debug for ActixSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActixSessions").field(&self.store).finish()
    }
}

thread_local! {
    /// The session that the last `delete` on this thread ended, for a `save` that follows at once.
    ///
    /// To the framework, a new key is a `delete` and a `save`, and the saved state may come from a session
    /// that was revoked since it was loaded. Only the delete can tell, and only by this way: the trait
    /// gives the two calls nothing in common. The framework's middleware calls one right after the other,
    /// and awaits nothing between them, so no other request on this thread comes in between. If one did,
    /// the `save` would find a session that is not its own, and store nothing.
    static ENDED: Cell<Option<(SessionHandle, Map)>> = const { Cell::new(None) };
}

impl<S> SessionStore for ActixSessions<S>
where
    S: SessionAttributes + DeserializeOwned + Send + Sync + 'static,
{
    /// A session that cannot be read is an error of the backend, and so an answer of 500. With the
    /// error for it the framework would go on with an empty map, and store that over the session.
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(None);
        };
        let loaded = async {
            let loaded = self
                .records()
                .load_readable(id.handle(), self.store.reads_consistently())
                .await?;
            let base = loaded.as_ref().map(Base::of).transpose()?;
            Ok::<_, Error>(loaded.zip(base))
        };
        let loaded = loaded
            .await
            .map_err(|error| LoadError::Other(error.into()))?;
        Ok(loaded.map(|(loaded, base)| {
            let mut base = base.into_json();
            base.insert(HANDLE.to_owned(), id.handle().to_string().into());
            let mut data = loaded.data;
            data.insert(RESERVED_KEY.to_owned(), base.into());
            let entries = data.into_iter();
            entries
                .map(|(name, value)| (name, value.to_string()))
                .collect()
        }))
    }

    /// Always under a new key. What comes from a session that is not there any more is dropped and
    /// logged, and the key is one of no session.
    async fn save(
        &self,
        state: HashMap<String, String>,
        ttl: &time::Duration,
    ) -> Result<SessionKey, SaveError> {
        let ended = ENDED.take();
        let saved = async {
            let (base, data) = parse(state)?;
            let idle = seconds(ttl);
            let records = self.records();
            let Some((handle, base)) = base else {
                let now = self.store.table().now();
                return records
                    .create_counting_from(now, &data, idle, Map::new())
                    .await;
            };
            if let Some(ended) = ended.filter(|(ended, _)| *ended == handle)
                && let Some(id) = records.create_in_place_of(ended, &base, data, idle).await?
            {
                return Ok(id);
            }
            tracing::info!(%handle, "the session was ended, and gets no new id; nothing was stored");
            Ok(SessionId::mint()?)
        };
        match saved.await {
            Ok(id) => key(&id).map_err(SaveError::Other),
            Err(error) if is_encoding(&error) => Err(SaveError::Serialization(error.into())),
            Err(error) => Err(SaveError::Other(error.into())),
        }
    }

    /// Of a session that is gone, the update is dropped and logged, and the key stays: the next
    /// request finds no session under it.
    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(key);
        };
        let saved = async {
            let (base, data) = parse(state)?;
            let handle = id.handle();
            let base = base.filter(|(of, _)| *of == handle).map(|(_, base)| base);
            self.records()
                .save_since(handle, base, data, seconds(ttl))
                .await
        };
        match saved.await.or_else(drop_of_gone) {
            Ok(()) => Ok(key),
            Err(error) if is_encoding(&error) => Err(UpdateError::Serialization(error.into())),
            Err(error) => Err(UpdateError::Other(error.into())),
        }
    }

    async fn update_ttl(
        &self,
        key: &SessionKey,
        ttl: &time::Duration,
    ) -> Result<(), anyhow::Error> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(());
        };
        let extended = self.records().extend(id.handle(), seconds(ttl)).await;
        Ok(extended.or_else(drop_of_gone)?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let mut ended = None;
        if let Ok(id) = SessionId::parse(key.as_ref()) {
            let handle = id.handle();
            let item = self.records().end(handle).await?;
            ended = item.map(|item| (handle, item));
        }
        ENDED.set(ended);
        Ok(())
    }
}

/// The one name that an application cannot use for an entry of its own.
const RESERVED_KEY: &str = "session-store";

/// The name inside that entry of the session that it is of.
const HANDLE: &str = "handle";

/// The application's entries, and what [`load`](SessionStore::load) put beside them.
fn parse(
    mut state: HashMap<String, String>,
) -> Result<(Option<(SessionHandle, Base)>, Data), EncodeError> {
    let base = state.remove(RESERVED_KEY).and_then(|text| {
        let base: Value = serde_json::from_str(&text).ok()?;
        let handle = SessionHandle::parse(base.get(HANDLE)?.as_str()?).ok()?;
        Some((handle, Base::from_json(base)?))
    });
    let entries = state
        .into_iter()
        .map(|(name, text)| match serde_json::from_str(&text) {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(EncodeError::new(name, error)),
        });
    Ok((base, entries.collect::<Result<_, _>>()?))
}

fn key(id: &SessionId) -> Result<SessionKey, anyhow::Error> {
    Ok(id.expose().try_into()?)
}

/// A time of less than a second, or less than none, is a second: what has ended is not created.
fn seconds(ttl: &time::Duration) -> Duration {
    Duration::from_secs(u64::try_from(ttl.whole_seconds()).unwrap_or(0).max(1))
}

fn drop_of_gone(error: Error) -> Result<(), Error> {
    match error {
        Error::Gone(gone) => {
            tracing::info!(handle = %gone.handle(), "{gone}");
            Ok(())
        }
        error => Err(error),
    }
}

fn is_encoding(error: &Error) -> bool {
    matches!(error, Error::Encode(_) | Error::TooLarge(_))
}
