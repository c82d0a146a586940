//! This store behind actix-session 0.11, with its sessions' promoted attributes and indexes.
//!
//! [`ActixSessions`] implements actix-session's `SessionStore`. The session's map is the item's
//! `data`, with one native entry for each key. The promoted attributes come from reading the map as `S`, so
//! give `S` a `#[serde(default)]`. Keys that `S` does not know are kept. Use [`ActixSessions::store`] to
//! find these sessions by index, with [`sessions`](DynamoDbStore::sessions) and
//! [`revoke`](DynamoDbStore::revoke).
//!
//! ```
//! use actix_session::{Session, SessionMiddleware};
//! use actix_web::cookie::Key;
//! use actix_web::{App, Error};
//! use serde::Deserialize;
//! use session_store::frameworks::actix_session::ActixSessions;
//! use session_store::{DynamoDbStore, SessionAttributes};
//!
//! #[derive(Default, Deserialize, SessionAttributes)]
//! #[serde(default)]
//! struct AppSession {
//!     #[dynamo(attr = "user_id", index(consistent, limit = 10), user)]
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
//! The guarantees of this crate, through the framework's trait:
//!
//! | guarantee | through actix-session |
//! |---|---|
//! | no resurrection (G1), no ghosts (G2) | kept. An update of a session that has ended is refused, and the response is 500, without a cookie. So is the state for a new key |
//! | no lost updates (G3) | kept: an update writes the entries that changed since the load and no others; if two change the same entry, the last one wins. After `Session::clear`, all others are removed |
//! | unknown data survives (G4) | kept, new keys included |
//! | expired is absent (G5) | kept |
//! | the absolute timeout (G6) | kept, new keys included; it begins anew with a log-in if the type has a `user`. The framework's TTL takes the place of the idle timeout, to the millisecond; it never shortens what was granted |
//! | a new id is atomic (G7) | not kept: the framework deletes the old session before it saves the new one, and then the mark. A failure in between ends the session. A revocation in between finds neither session, and the new one lives. If two requests ask for a new key at the same time, one gets it. Requests of other sessions on the same thread do not meet, also if a store around this one awaits something between the two calls |
//! | ids (G8) | created by this store; no other id is looked up. The framework's `SessionKey` prints them in its `Debug` |
//! | revocation (G9) | as the index says |
//! | a failed read (G10) | kept: the response is 500, and nothing is written. A touch that fails is logged, and the page is shown. A session that cannot be decoded counts as none, and stays as it is; with [`Unreadable::Error`](crate::Unreadable::Error) the response is 500 |
//! | log-out ends the session (G17) | kept, also under a new key that the session got a moment ago, unless the load found no session (or one that cannot be decoded): then the framework does not ask the store to end it. After a handler that panics, or whose client hangs up, it does not either |
//! | known before the call (G11) | kept; the response is 500 |
//! | no control-plane calls (G12) | kept |
//! | retried writes (G13) | kept; after an unknown outcome, the response is 500. It is the same for a new key after a delete that had to be sent twice, since it is unknown what the first delete ended |
//! | answered means done (G18) | kept for a minute after a new key, by responses of 500 to late requests that change something; see [below](#a-new-key-and-requests-with-the-old-one) |
//! | the running type rules (G19) | kept for the absolute timeout and limits; the framework's expiry takes the place of the idle timeout. A save mends what the session lacks of its type, a load does not; run `reindex` on the store inside after a deploy that adds or changes an index |
//! | cost (G14) | load: 1 GetItem. Update: 1 UpdateItem, and 1 GetItem before it after `Session::clear`. TTL alone: 1 UpdateItem, of the expiry. New key: 1 DeleteItem and 2 PutItem, the second for the mark. A log-out or new key with a replaced key: 1 DeleteItem more for each new key that it follows. Consistent indexes [add](DynamoDbStore::create) their own |
//!
//! # Parallel requests
//!
//! | requests of one session, at the same time | result |
//! |---|---|
//! | many change different entries | all changes are kept |
//! | many change the same entry | the last change is kept; for a counter, see [`update`](DynamoDbStore::update) |
//! | some change entries, and one purges | the session has ended, and later changes are refused: their responses are 500, and set no cookie |
//! | some change entries, and one renews | changes that were stored before the old session ended are in the new one; later ones are refused |
//! | two renew | one session is left. If they delete the old one at the same time, the other response is 500. If one comes later, it takes the place of the first |
//! | one renews, and one purges | the session has ended, unless the purge comes between the delete and the save of the renewal |
//!
//! If a log-in must succeed even when another request has just ended the visitor's session, call
//! `Session::clear` first: entries that are inserted after it do not depend on the earlier session.
//!
//! # A new key, and requests with the old one
//!
//! Ten tabs send the same cookie, and one request logs in: it gets a new key. If another response set a cookie
//! after that, it would undo the log-in. So the `save` of a new key leaves a mark under the old handle, which
//! counts for a minute. It is written after the new session: if that fails, it is only logged. There is none
//! after `Session::clear`, which removes the entry of the store.
//!
//! The framework's trait cannot say "store nothing, and leave the cookie". So a request with the old key gets:
//!
//! | the request | |
//! |---|---|
//! | only reads | an empty session, and no cookie. With `TtlExtensionPolicy::OnEveryRequest` the response is 500, since the framework could set the old cookie again |
//! | changes something | 500 and no cookie; the cause is in the log. It is the same if the session got its new key, or ended, while the handler ran: for `Ok`, the framework would set the old cookie again, and the visitor would be told of a change that is not stored |
//! | purges | ends the session under its new key |
//! | renews, or logs in | It begins a session of its own, in place of the one under the new key, which ends. So a visitor who never got the response to a log-in can log in again. It never gets anything of the other session, since somebody else may know the old key |
//!
//! The framework calls `delete` for the last two alike, so it cannot treat them differently.
//!
//! # Who is logged in
//!
//! Declare it by `user`, as above. A new key for a session with another user, or with one after nobody, is then
//! a log-in, and its absolute timeout begins anew. Without `user`, a log-in cannot be told from any other new
//! key, and the session stays as old as it is. An update that changes the user to somebody, without
//! `Session::renew`, is refused with an error of encoding, because an attacker may know the key (session
//! fixation).
//!
//! # Cookies of neighbours
//!
//! actix-web decodes `%` in the names of cookies, and trims every space of Unicode. So `%5F_Host-id` or one with
//! U+2003 in front passes for `__Host-id`, although a browser accepts it from any host of the domain. The prefix
//! does not protect behind this framework; sealed cookies do not either, since an attacker can use a cookie of
//! its own.
//!
//! # What the application sees
//!
//! A session that was loaded has an entry `session-store` in `Session::entries`, which shows an update
//! the state at the load. It is never stored. The application must not use this name.
//!
//! actix-session 0.11 does not save a change by `Session::update` if nothing else changed: use `insert`.
//!
//! Entries are JSON. Numbers are as precise as in `serde_json::Value`: integers of 64 bits, and floating
//! point.

mod ended;
mod operations;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ::actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use serde::de::DeserializeOwned;

use crate::error::{Chain, EncodeError, Error, GoneError};
use crate::id::SessionId;
use crate::item::Map;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::record::{Data, Origin, Records};

/// A [`DynamoDbStore`] as actix-session's `SessionStore`. See the [module](self).
pub struct ActixSessions<S> {
    store: DynamoDbStore<S>,
}

impl<S> ActixSessions<S> {
    /// Puts this store behind the framework's trait.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self {
            store: store.for_framework(),
        }
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

impl<S> SessionStore for ActixSessions<S>
where
    S: SessionAttributes + DeserializeOwned + Send + Sync + 'static,
{
    /// A session that cannot be decoded is none, or if the store was told so an error of the backend. It is
    /// never a `LoadError::Deserialization`: after one, the framework would continue with an empty map, and
    /// store that over the session.
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(None);
        };
        let records = self.records();
        let load = records.load_copy(id.handle());
        let loaded = self.store.observe("load", load).await;
        let loaded = loaded.map_err(|error| LoadError::Other(error.into()))?;
        Ok(loaded.map(|(mut data, origin)| {
            data.insert(RESERVED_KEY.to_owned(), origin.into_json());
            let entries = data.into_iter();
            entries
                .map(|(name, value)| (name, value.to_string()))
                .collect()
        }))
    }

    /// Always stores under a new key. State from a session that has ended is refused: for `Ok`, the framework
    /// would set a cookie without a session, over that of a newer one.
    async fn save(
        &self,
        state: HashMap<String, String>,
        ttl: &time::Duration,
    ) -> Result<SessionKey, SaveError> {
        let save = async {
            let (origin, data) = parse(state)?;
            let idle = lasting(ttl);
            let records = self.records();
            let from = origin.as_ref().map(Origin::handle);
            let id = match origin {
                Some(Origin::Stored(base)) => {
                    let ended = ended::take(base.handle);
                    let ended = ended.ok_or_else(|| GoneError::new(base.handle))?;
                    records.create_in_place_of(ended, &base, data, idle).await?
                }
                // The session has a new id by another request, so this is one of its own.
                Some(Origin::Moved(_)) | None => {
                    let counts_from = records.beginning(&data)?;
                    records
                        .create_counting_from(counts_from, &data, idle, Map::new())
                        .await?
                }
            };
            if let Some(from) = from {
                self.store.rosters().leave_mark(from, id.handle()).await;
            }
            Ok(id)
        };
        let saved = self.store.observe("create", save).await;
        match saved.inspect_err(log_if_gone) {
            Ok(id) => key(&id).map_err(SaveError::Other),
            Err(error) if is_encoding(&error) => Err(SaveError::Serialization(error.into())),
            Err(error) => Err(SaveError::Other(error.into())),
        }
    }

    /// If the session is gone, it is an error: for `Ok`, the framework would set its cookie again, over that of
    /// a newer session.
    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(key);
        };
        let save = async {
            let (origin, data) = parse(state)?;
            let handle = id.handle();
            let base = origin.map(|origin| origin.into_base(handle)).transpose()?;
            let base = base.flatten();
            self.records()
                .save_since(handle, base, data, lasting(ttl))
                .await
        };
        let saved = self.store.observe("save", save).await;
        match saved.inspect_err(log_if_gone) {
            Ok(()) => Ok(key),
            Err(error) if is_encoding(&error) => Err(UpdateError::Serialization(error.into())),
            Err(error) => Err(UpdateError::Other(error.into())),
        }
    }

    /// The framework calls this for requests that have changed nothing. If it fails, or the session has ended,
    /// nothing of the request is lost, so its page is shown; a failure is logged. If the session has a new key,
    /// it is an error: for `Ok`, the framework could set the old cookie over the new one.
    async fn update_ttl(
        &self,
        key: &SessionKey,
        ttl: &time::Duration,
    ) -> Result<(), anyhow::Error> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(());
        };
        let records = self.records();
        let extend = records.extend(id.handle(), lasting(ttl));
        let extended = self.store.observe("touch", extend).await;
        match extended.inspect_err(log_if_gone) {
            Err(Error::Gone(gone)) if gone.is_replaced() => Err(Error::Gone(gone).into()),
            Ok(()) | Err(Error::Gone(_)) => Ok(()),
            Err(error) => {
                let (handle, why) = (id.handle(), Chain(&error));
                tracing::warn!(%handle, "a session was not extended, and can end sooner: {why}");
                Ok(())
            }
        }
    }

    /// If the session got a new key a moment ago, it ends under that.
    ///
    /// This serves log-outs and new keys alike. A log-out must not leave a session. A request for a new key
    /// takes the place of the one that came before it, and goes on from what it has read itself: never from
    /// what the other has made of the session, because somebody else may know the old key.
    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let Ok(id) = SessionId::parse(key.as_ref()) else {
            return Ok(());
        };
        let handle = id.handle();
        // What an earlier request of this task has ended does not count for this one.
        ended::take(handle);
        let records = self.records();
        let end = records.end(handle);
        if let Some(ended) = self.store.observe("delete", end).await? {
            ended::keep(ended);
        }
        Ok(())
    }
}

/// The one name that an application cannot use for its own entries.
const RESERVED_KEY: &str = "session-store";

/// The application's entries, and the origin that [`load`](SessionStore::load) put beside them.
fn parse(mut state: HashMap<String, String>) -> Result<(Option<Origin>, Data), EncodeError> {
    let origin = state
        .remove(RESERVED_KEY)
        .and_then(|text| Origin::from_json(serde_json::from_str(&text).ok()?));
    let entries = state
        .into_iter()
        .map(|(name, text)| match serde_json::from_str(&text) {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(EncodeError::new(name, "it is not JSON")),
        });
    Ok((origin, entries.collect::<Result<_, _>>()?))
}

fn key(id: &SessionId) -> Result<SessionKey, anyhow::Error> {
    Ok(id.expose().try_into()?)
}

/// In whole milliseconds. If there are none, or less than none, it is a second, so that no session is created
/// that has already ended.
fn lasting(ttl: &time::Duration) -> Duration {
    match u64::try_from(ttl.whole_milliseconds()) {
        Ok(millis @ 1..) => Duration::from_millis(millis),
        _ => Duration::from_secs(1),
    }
}

/// The framework does not log it.
fn log_if_gone(error: &Error) {
    if let Error::Gone(gone) = error {
        tracing::info!(handle = %gone.handle(), "{gone}");
    }
}

fn is_encoding(error: &Error) -> bool {
    matches!(error, Error::Encode(_) | Error::TooLarge(_))
}
