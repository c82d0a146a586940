//! This store behind tower-sessions, with its sessions' promoted attributes and indexes.
//!
//! [`TowerSessions`] implements tower-sessions' `SessionStore`: of 0.15 with the feature
//! `tower-sessions`, of 0.14 (which axum-login 0.18 needs) with `tower-sessions-0-14`. The record's
//! map is the item's `data`, with one native entry for each key. The promoted attributes come from reading
//! the map as `S`, so give `S` a `#[serde(default)]`. Keys that `S` does not know are kept. Use
//! [`TowerSessions::store`] to find these sessions by index, with [`sessions`](DynamoDbStore::sessions) and
//! [`revoke`](DynamoDbStore::revoke).
//!
//! # How parallel requests keep each other's changes
//!
//! The framework passes the whole map, but not its earlier state. So `load` and `create` add an entry to
//! the map, under [`RESERVED_KEY`]: the time of creation of the session, its version, and a copy of the
//! map. The entry is never stored, but a record takes twice as much memory. Code that prints or iterates
//! over the map sees it; do not remove it.
//!
//! - A save with this entry writes the keys and promoted attributes that changed, and no others. Put values
//!   that must change together under one key.
//! - A save without it, as after the framework's `clear`, replaces the whole map. If it names a
//!   [`user`](#who-is-logged-in), the session is read first.
//! - A `create` with it, as after the framework's `cycle_id`, keeps the time of creation, unless somebody logs
//!   in with it.
//!
//! A save is one `UpdateItem`. Two kinds of save take a second one, since the first is refused: the second
//! save of one copy (the framework saves at the end of a request even if its handler has saved before), and
//! a save after more than four others since the load. Three kinds are written only onto the version of
//! their base, and retried if another write wins: a save of a type with a computed attribute, a change of a
//! `#[serde(flatten)]`, and a change of more than 250 keys.
//!
//! # A new id, and requests with the old one
//!
//! Ten tabs send the same cookie, and one request logs in: it gets a new id. If another response set a cookie
//! after that, it would undo the log-in. So a `create` that continues a session leaves a mark under the old
//! handle, which counts for a minute. It is written after the new session: if that fails, it is only logged.
//!
//! The framework's trait cannot say "store nothing, and leave the cookie". So a request with the old id gets:
//!
//! | the request | |
//! |---|---|
//! | only reads | An empty record, so the application and axum-login see a visitor without a session. No cookie is set or removed. Without the record, the framework would remove the cookie of the log-in. With `with_always_save(true)` it is saved, and so the response is 500. |
//! | changes something | Its `save` is an error of the backend, whose response is 500 and has no cookie; the cause is in the log. It is the same if the session got its new id, or ended, while the handler ran: for `Ok`, the framework would set the old cookie again, and the visitor would be told of a change that is not stored. |
//! | logs out (`flush`) | ends the session under its new id |
//! | asks for a new id, or logs in | It begins a session of its own, in place of the one under the new id, which ends. So a visitor who never got the response to a log-in can log in again. It never gets anything of the other session, since somebody else may know the old id. |
//!
//! The framework calls `delete` for the last two alike, so it cannot treat them differently.
//!
//! Between the framework's `delete` and `create` there is neither a session nor a mark: a request that comes
//! then has an ordinary old cookie. So has one after `clear` and `cycle_id`, because `clear` removes the entry
//! of the store.
//!
//! # Who is logged in
//!
//! Declare it: `#[dynamo(attr = "user_id", index(consistent), user)]`. A `create` that continues a session with
//! another user, or with one after nobody, is then a log-in, and its absolute timeout begins anew. Without
//! `user`, a log-in cannot be told from any other new id, and the session stays as old as it is. A save that
//! changes the user to somebody, and keeps the id, is refused with an error of encoding, because an attacker
//! may know the id (session fixation).
//!
//! axum-login's `login` gives a new id only if the session has never had a user. An attacker who has logged in, and
//! has planted that id in a browser, would be the user who logs in there; with `user`, that log-in is refused. So
//! call `Session::cycle_id` or `logout` before each `login`. A `create` always gives a new id, so that what begins
//! after `logout` or `flush`, in one request, is not under the id of before.
//!
//! # When a session ends
//!
//! As the framework's `Expiry` says, to the millisecond: it takes the place of the idle timeout, and is stored as a
//! last use and an idle timeout of the session's own. The absolute timeout of the type ends it in any case. If an
//! expiry is longer, [`check_expiry`](TowerSessions::check_expiry) is an error when the application starts.
//! Without it, the first such record leaves a warning.
//!
//! # Cookies of neighbours
//!
//! The framework reads cookies by tower-cookies, which decodes `%` in names and trims every space of Unicode.
//! So `%5F_Host-id` or one with U+2003 in front passes for `__Host-id`, although a browser accepts it from any
//! host of the domain. The prefix does not protect behind this framework; signed cookies do not either, since
//! an attacker can use a cookie of its own.
//!
//! # Guarantees
//!
//! The guarantees of this crate, through the framework's trait:
//!
//! | guarantee | through tower-sessions |
//! |---|---|
//! | no resurrection (G1) | kept: a save of an ended session is an error of the backend. But the framework's `cycle_id` creates the session again, even if it was ended a moment before |
//! | no ghosts (G2) | kept |
//! | no lost updates (G3) | kept for different keys; if two change the same key, the last save wins. One case loses a change: a request sets a key, saves, sets it back and saves again, and another request saves in between. Then the second change is not seen |
//! | unknown data survives (G4) | kept by every save. A new id keeps the map only, and not the attributes that `S` does not know |
//! | expired is absent (G5) | kept |
//! | the absolute timeout (G6) | kept, new ids of the framework included; it begins anew with a log-in if the type has a `user`. The expiry of the record is stored to the millisecond, even if it is sooner than the stored one |
//! | a new id is atomic (G7) | not kept: the framework deletes the old session, and creates the new one when the response is ready, and then the mark |
//! | ids (G8) | hashed like this store's own, but made by the framework's type, with 128 bits, and printed by its own `Debug`. An id that is not in the store is never adopted |
//! | revocation is stated (G9) | kept for sessions in the store. A session between its two ids is missed, and is created afterwards |
//! | a failed read (G10), too large or not storable (G11) | kept: errors of the backend, of decoding and of encoding are separate. A session that cannot be decoded counts as none, and stays as it is; with [`Unreadable::Error`](crate::Unreadable::Error) it is an error of decoding |
//! | log-out ends the session (G17) | kept, also under a new id that the session got a moment ago, unless the load found no session (or one that cannot be decoded): then the framework does not ask the store to end it |
//! | answered means done (G18) | kept for a minute after a new id, by responses of 500 to late requests that change something; see above for what is left |
//! | the running type rules (G19) | kept for the absolute timeout and limits; the framework's expiry takes the place of the idle timeout. A save mends what the session lacks of its type, a load does not; run `reindex` on the store inside after a deploy that adds or changes an index |
//! | cost (G14) | `load` 1 GetItem, `save` 1 UpdateItem, `create` 1 PutItem, and 1 more for the mark if it continues a session, `delete` 1 DeleteItem, and 1 more for each new id that it follows. A save without the entry of the store that names a `user` takes 1 GetItem before it. Consistent indexes [add](DynamoDbStore::create) their own |
//! | outcome of a retried write (G13) | kept for a save of a copy that was loaded. A save that replaces the map recognises itself, unless four others were made in between. An unknown outcome is an error of the backend |
//!
//! With `CachingSessionStore` in front, G1 and G5 are not kept, because it answers from its cache. G3 is not
//! kept among the requests that the cache answers, because it holds one map and the last save wins. Changes
//! that other servers saved since the cache was filled are kept.

mod convert;
mod expiry;

use std::any::type_name;
use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::error::{Chain, Error, SetupError};
use crate::id::{SessionHandle, random};
use crate::item::{Map, Millis};
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;
use crate::telemetry::{Ended, Event, note};

use self::convert::{handle_of, millis, split};
use self::expiry::Warned;
use super::record::{Base, Data, Loaded, NewRecord, Origin, Records};

pub use self::convert::RESERVED_KEY;
pub use self::expiry::FrameworkExpiry;

/// A [`DynamoDbStore`] as tower-sessions' `SessionStore`. See the [module](self).
pub struct TowerSessions<S> {
    store: DynamoDbStore<S>,
    warned: Warned,
}

impl<S> TowerSessions<S> {
    /// Puts this store behind the framework's trait.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self {
            store: store.for_framework(),
            warned: Warned::default(),
        }
    }

    /// The store inside, to list and revoke sessions by index.
    pub fn store(&self) -> &DynamoDbStore<S> {
        &self.store
    }

    /// The handle of the session of this id, which is the framework's `session::Id`. Use it to spare the
    /// session in a [`revoke`](DynamoDbStore::revoke), or to find it in a list of sessions.
    pub fn handle(&self, id: impl fmt::Display) -> SessionHandle {
        handle_of(id)
    }
}

impl<S: SessionAttributes> TowerSessions<S> {
    /// Checks, when the application starts, that sessions can live as long as this `Expiry` of the framework
    /// says. Call it with each expiry that the application uses, such as for "remember me".
    ///
    /// The absolute timeout of the session type ends a session in any case. Without this check, a longer
    /// `OnInactivity` or `AtDateTime` is seen only when visitors are logged out too soon, and in the log: the
    /// first record with such an expiry leaves a warning, once for each store. The framework's default is one:
    /// for `OnSessionEnd`, which is no promise to the visitor, it passes two weeks. A check of that expiry is
    /// never an error, and there is no warning after it.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, SessionAttributes, SetupError};
    /// use session_store::frameworks::tower_sessions::TowerSessions;
    /// use time::Duration;
    /// use tower_sessions_core::Expiry;
    ///
    /// #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// #[dynamo(absolute_timeout = "30d")]
    /// #[serde(default)]
    /// struct AppSession {
    ///     theme: String,
    /// }
    ///
    /// # fn layer(store: DynamoDbStore<AppSession>) -> Result<(), SetupError> {
    /// let remember_me = Expiry::OnInactivity(Duration::days(30));
    /// let sessions = TowerSessions::new(store).check_expiry(remember_me)?;
    /// // SessionManagerLayer::new(sessions).with_expiry(remember_me)
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the absolute timeout is shorter.
    pub fn check_expiry(self, expiry: impl FrameworkExpiry) -> Result<Self, SetupError> {
        let now = self.store.table().now();
        self.warned
            .check(expiry, now, self.store.table().schema(), type_name::<S>())?;
        Ok(self)
    }
}

impl<S> Clone for TowerSessions<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            warned: self.warned.clone(),
        }
    }
}

impl<S> fmt::Debug for TowerSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TowerSessions").field(&self.store).finish()
    }
}

impl<S: SessionAttributes + DeserializeOwned + 'static> TowerSessions<S> {
    fn records(&self) -> Records<'_, S> {
        Records::new(&self.store)
    }

    async fn create(
        &self,
        handle: SessionHandle,
        data: &mut Data,
        ends: Millis,
        next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<(), Error> {
        self.warned
            .of_long_expiry(ends, self.store.table().now(), self.store.table().schema());
        let (own, origin) = split(data);
        let counts_from = match &origin {
            Some(Origin::Stored(base)) => self.records().creation(base, &base.data, &own)?,
            // The session has a new id by another request, so this is one of its own.
            Some(Origin::Moved(_)) | None => self.records().beginning(&own)?,
        };
        let new = NewRecord {
            data: &own,
            counts_from,
            ends,
            unknown: Map::new(),
        };
        let created = self.records().create(new, handle, next).await?;
        if let (Some(origin), Some(to)) = (origin, created) {
            self.store.rosters().leave_mark(origin.handle(), to).await;
        }
        let base = Base {
            handle: created.unwrap_or(handle),
            created_at: counts_from.created_at,
            absolute: counts_from.absolute,
            authenticated_at: counts_from.authenticated_at,
            version: 1,
            copy: random()?,
            stale_attributes: Vec::new(),
            data: own,
        };
        data.insert(RESERVED_KEY.to_owned(), Origin::Stored(base).into_json());
        Ok(())
    }

    async fn save(&self, handle: SessionHandle, data: &Data, ends: Millis) -> Result<(), Error> {
        self.warned
            .of_long_expiry(ends, self.store.table().now(), self.store.table().schema());
        let (own, origin) = split(data);
        let base = origin.map(|origin| origin.into_base(handle)).transpose()?;
        let base = base.flatten();
        let records = self.records();
        records.save(handle, &own, base.as_ref(), ends, true).await
    }

    async fn load(&self, handle: SessionHandle) -> Result<Option<(Data, Millis)>, Error> {
        let consistent = self.store.reads_consistently();
        let loaded = self.load_once(handle, consistent).await?;
        if loaded.is_some() || consistent {
            return Ok(loaded);
        }
        // The framework removes the cookie of a session that is not there, and a stale read misses a fresh one.
        self.load_once(handle, true).await
    }

    async fn load_once(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<(Data, Millis)>, Error> {
        let Some(item) = self.store.table().read(handle, consistent).await? else {
            // Another read follows one that may be stale.
            if consistent {
                note(Event::UnknownId, Some(handle));
            }
            return Ok(None);
        };
        if let Some(ends) = self.records().marked_until(&item) {
            // For `None`, the framework would remove the cookie that another request has just set (G18).
            let origin = Origin::Moved(handle).into_json();
            let empty = Data::from([(RESERVED_KEY.to_owned(), origin)]);
            return Ok(Some((empty, Millis::of_seconds(ends))));
        }
        let records = self.records();
        let Some(loaded) = records.decode_for_visitor(handle, item, consistent)? else {
            return Ok(None);
        };
        let origin = Origin::Stored(Base::of(&loaded)?).into_json();
        let Loaded { mut data, ends, .. } = loaded;
        data.insert(RESERVED_KEY.to_owned(), origin);
        Ok(Some((data, ends)))
    }
}

macro_rules! to_error {
    ($core:ident, $error:expr) => {
        match $error {
            error @ (Error::Encode(_) | Error::TooLarge(_)) => {
                $core::session_store::Error::Encode(Chain(&error).to_string())
            }
            error @ Error::Decode(_) => {
                $core::session_store::Error::Decode(Chain(&error).to_string())
            }
            error => $core::session_store::Error::Backend(Chain(&error).to_string()),
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
            /// Always under a new id. After `flush`, the framework passes a record with the id of the session
            /// that it has just deleted: somebody else may know it.
            async fn create(
                &self,
                record: &mut $core::session::Record,
            ) -> $core::session_store::Result<()> {
                record.id = $core::session::Id::default();
                let ends = millis(record.expiry_date);
                let handle = handle_of(record.id);
                let next = || {
                    record.id = $core::session::Id::default();
                    Ok(handle_of(record.id))
                };
                let create = self.create(handle, &mut record.data, ends, next);
                let created = self.store.observe("create", create).await;
                created.map_err(|error| to_error!($core, error))
            }

            /// If the session is gone, it is an error of the backend: for `Ok`, the framework would set its
            /// cookie again, over that of a newer session.
            async fn save(
                &self,
                record: &$core::session::Record,
            ) -> $core::session_store::Result<()> {
                let handle = handle_of(record.id);
                let save = self.save(handle, &record.data, millis(record.expiry_date));
                let saved = self.store.observe("save", save).await;
                saved.map_err(|error| to_error!($core, error))
            }

            async fn load(
                &self,
                id: &$core::session::Id,
            ) -> $core::session_store::Result<Option<$core::session::Record>> {
                let handle = handle_of(id);
                let load = self.load(handle);
                let loaded = self
                    .store
                    .observe("load", load)
                    .await
                    .map_err(|error| to_error!($core, error))?;
                let Some((data, ends)) = loaded else {
                    return Ok(None);
                };
                // A time that the framework cannot express becomes the last one that it can.
                let nanos = i128::from(ends.0) * 1_000_000;
                let expiry_date = time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
                    .unwrap_or(time::PrimitiveDateTime::MAX.assume_utc());
                Ok(Some($core::session::Record {
                    id: *id,
                    data,
                    expiry_date,
                }))
            }

            /// If the session got a new id a moment ago, it ends under that.
            async fn delete(&self, id: &$core::session::Id) -> $core::session_store::Result<()> {
                let handle = handle_of(id);
                let rosters = self.store.rosters();
                let end = rosters.end(handle, Ended::LogOut);
                let deleted = self.store.observe("delete", end).await;
                deleted.map(drop).map_err(|error| to_error!($core, error))
            }
        }
    };
}

session_store!("tower-sessions", tower_sessions_core);
session_store!("tower-sessions-0-14", tower_sessions_core_0_14);
