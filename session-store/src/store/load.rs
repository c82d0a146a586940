//! `load` and `load_at_least`.

use crate::error::{Error, GoneError, ServiceError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Map, Millis, State, decode, moved_to, recently_moved_to};
use crate::schema::SessionData;
use crate::session::Session;
use crate::telemetry::{Ended, Event, note};

use super::handle::DynamoDbStore;
#[cfg(feature = "_http")]
use super::handle::ReadConsistency;

impl<S: SessionData> DynamoDbStore<S> {
    /// Reads the session of this id; `None` if it was ended, has expired or never was.
    ///
    /// One `GetItem`. It is consistent and sees every write that was acknowledged before, unless the
    /// store's [`ReadConsistency`](crate::ReadConsistency) is `Eventual`. If the type has
    /// [`revoke_all`](crate::RevokeAll), one `BatchGetItem` takes its place.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if an item is there and is no session of this type, [`Error::Service`] if
    /// reading failed. Neither means that the session is absent: do not answer with a new one.
    pub async fn load(&self, id: &SessionId) -> Result<Option<Session<S>>, Error> {
        let load = self.load_once(id, self.reads_consistently());
        self.observe("load", load).await.map(Lookup::live)
    }

    /// The same for a client whose last write is known to have given the session this
    /// [version](Session::written_version), or a later one.
    ///
    /// With [`ReadConsistency::ReadYourWrites`](crate::ReadConsistency::ReadYourWrites) it is one
    /// eventually consistent `GetItem`, at half the price. A consistent one follows only if the first
    /// found no live session or an older version. With any other consistency it is [`load`](Self::load).
    ///
    /// With a cache (`Builder::cache`, feature `cache`) it is no request if the cache has that version, and one consistent
    /// `GetItem` otherwise.
    ///
    /// [`update`](Self::update) by an id does not tell which version it wrote: after it, read by `load`.
    ///
    /// # Errors
    ///
    /// Those of `load`.
    pub async fn load_at_least(
        &self,
        id: &SessionId,
        version: u64,
    ) -> Result<Option<Session<S>>, Error> {
        let load = async {
            if let Some(session) = self.load_cached(id, version, None).await {
                return Ok(Lookup::Live(Box::new(session)));
            }
            if self.reads_own_writes() && !self.has_cache() {
                match self.look_up_once(id, false, None).await {
                    Ok(Lookup::Live(session)) if session.state.version >= version => {
                        return Ok(Lookup::Live(session));
                    }
                    // A stale read. An item that cannot be decoded may be readable by now, too.
                    Ok(_) | Err(Error::Decode(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            self.load_once(id, self.has_cache() || self.reads_consistently())
                .await
        };
        self.observe("load", load).await.map(Lookup::live)
    }

    /// Reads consistently, as the base of a change.
    pub(crate) async fn load_current(&self, id: &SessionId) -> Result<Lookup<S>, Error> {
        self.load_once(id, true).await
    }

    /// Reads a session for a request that began at this moment, by which its expiry is judged. The client's
    /// last write is known to have given the session this version, or a later one.
    ///
    /// The client has the id, so a read that is not consistent and finds no session is most likely stale: it
    /// is repeated consistently. A session that cannot be read is treated by the policy for visitors.
    #[cfg(feature = "_http")]
    pub(crate) async fn look_up(
        &self,
        id: &SessionId,
        version: Option<u64>,
        began: Millis,
    ) -> Result<Lookup<S>, Error> {
        let read = async {
            let read = self.read_for_request(id, version, began).await;
            self.readable_for_visitor(read)
        };
        self.observe("load", read).await
    }

    #[cfg(feature = "_http")]
    async fn read_for_request(
        &self,
        id: &SessionId,
        version: Option<u64>,
        began: Millis,
    ) -> Result<Lookup<S>, Error> {
        if let Some(version) = version
            && let Some(session) = self.load_cached(id, version, Some(began)).await
        {
            return Ok(Lookup::Live(Box::new(session)));
        }
        let least = match self.options().reads {
            // A read fills the cache only if it is consistent.
            _ if self.has_cache() => None,
            ReadConsistency::Eventual => Some(0),
            ReadConsistency::ReadYourWrites => version,
            ReadConsistency::Consistent => None,
        };
        if let Some(least) = least {
            match self.look_up_once(id, false, Some(began)).await {
                Ok(Lookup::Live(session)) if session.state.version >= least => {
                    return Ok(Lookup::Live(session));
                }
                Ok(_) | Err(Error::Decode(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let found = self.look_up_once(id, true, Some(began)).await?;
        Ok(found.noted(id))
    }

    /// The session in the cache, after a read of it that is under way, if that has this version or a later one.
    async fn load_cached(
        &self,
        id: &SessionId,
        least: u64,
        as_of: Option<Millis>,
    ) -> Option<Session<S>> {
        if let Some(session) = self.cached(id, least, as_of) {
            return Some(session);
        }
        if !self.has_cache() {
            return None;
        }
        // It may have been sent before this host has ended the session, so that only what it keeps counts.
        drop(self.shared_reads().under_way((id.handle(), true))?.await);
        self.cached(id, least, as_of)
    }

    async fn load_once(&self, id: &SessionId, consistent: bool) -> Result<Lookup<S>, Error> {
        let found = self.look_up_once(id, consistent, None).await?;
        Ok(found.noted(id))
    }

    async fn look_up_once(
        &self,
        id: &SessionId,
        consistent: bool,
        as_of: Option<Millis>,
    ) -> Result<Lookup<S>, Error> {
        let handle = id.handle();
        let read = if self.options().share_loads || self.has_cache() {
            let store = self.clone();
            let read = async move { store.read_and_keep(handle, consistent).await };
            self.shared_reads().share((handle, consistent), read).await
        } else {
            self.table().read(handle, consistent).await
        };
        let Some(item) = read? else {
            return Ok(Lookup::Absent);
        };
        let table = self.table();
        let now = as_of.unwrap_or_else(|| table.now());
        if recently_moved_to(table.schema(), &item, now).is_some() {
            return Ok(Lookup::Replaced);
        }
        if moved_to(table.schema(), &item).is_some() {
            return Ok(Lookup::LongReplaced);
        }
        let read = decode(&table.codec, handle, item, now);
        let is_unreadable = read.is_err();
        Ok(match self.readable(read)? {
            Some((data, state)) => {
                let state = State { as_of, ..state };
                let session = Session::new(id.clone(), data, state, table.clock());
                Lookup::Live(Box::new(session))
            }
            None if is_unreadable => Lookup::Unreadable,
            None => Lookup::Over,
        })
    }

    /// Reads an item. The cache has the session before anybody who waits for the read goes on.
    async fn read_and_keep(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Map>, ServiceError> {
        let keeping = self.keeping(handle);
        let table = self.table();
        let read = table.read(handle, consistent).await;
        if consistent
            && self.has_cache()
            && let Ok(Some(item)) = &read
            && let Ok(Some((data, state))) = decode(&table.codec, handle, item.clone(), table.now())
        {
            keeping.read(data, state);
        }
        read
    }

    /// The session in an item, by the store's policy for one that cannot be read.
    pub(super) fn decode(
        &self,
        id: &SessionId,
        handle: SessionHandle,
        item: Map,
        as_of: Option<Millis>,
    ) -> Result<Option<Session<S>>, Error> {
        let table = self.table();
        let now = as_of.unwrap_or_else(|| table.now());
        let read = decode(&table.codec, handle, item, now);
        let read = self.readable(read)?;
        Ok(read.map(|(data, state)| {
            let state = State { as_of, ..state };
            Session::new(id.clone(), data, state, table.clock())
        }))
    }
}

/// What a read by an id found.
#[derive(Default)]
pub(crate) enum Lookup<S> {
    Live(Box<Session<S>>),
    /// The session has a new id, since a moment ago.
    Replaced,
    /// The same, since long ago.
    LongReplaced,
    /// There is an item, and the session in it has expired.
    Over,
    /// There is an item that cannot be read, and the store treats it as absent.
    #[default]
    Unreadable,
    /// There is no item.
    Absent,
}

impl<S> Lookup<S> {
    /// The same, with the event of an id without a session.
    fn noted(self, id: &SessionId) -> Self {
        let event = match self {
            // The reader of an unreadable item has noted that.
            Self::Live(_) | Self::Replaced | Self::Unreadable => return self,
            Self::LongReplaced => Event::ReplacedId,
            Self::Over => Event::Ended(Ended::Expiry),
            Self::Absent => Event::UnknownId,
        };
        note(event, Some(id.handle()));
        self
    }

    fn live(self) -> Option<Session<S>> {
        match self {
            Self::Live(session) => Some(*session),
            Self::Replaced | Self::LongReplaced | Self::Over | Self::Unreadable | Self::Absent => {
                None
            }
        }
    }

    /// The session for a write, to which one that is gone is an error (G1).
    pub(crate) fn or_gone(self, handle: SessionHandle) -> Result<Session<S>, GoneError> {
        match self {
            Self::Live(session) => Ok(*session),
            Self::Replaced => Err(GoneError::replaced(handle)),
            Self::LongReplaced | Self::Over | Self::Unreadable | Self::Absent => {
                Err(GoneError::new(handle))
            }
        }
    }
}
