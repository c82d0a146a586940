//! `load` and `load_at_least`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::id::{SessionHandle, SessionId};
use crate::item::{Map, decode};
use crate::schema::SessionAttributes;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
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
        self.load_once(id, self.reads_consistently()).await
    }

    /// The same for a client whose last write is known to have given the session this
    /// [version](Session::written_version), or a later one.
    ///
    /// With [`ReadConsistency::ReadYourWrites`](crate::ReadConsistency::ReadYourWrites) it is one
    /// eventually consistent `GetItem`, at half the price. A consistent one follows only if the first
    /// found no live session or an older version. With any other consistency it is [`load`](Self::load).
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
        if self.reads_own_writes() {
            match self.load_once(id, false).await {
                Ok(Some(session)) if session.state.version >= version => return Ok(Some(session)),
                // A stale read. An item that cannot be decoded may be readable by now, too.
                Ok(_) | Err(Error::Decode(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.load(id).await
    }

    /// Reads consistently, as the base of a change.
    pub(super) async fn load_current(&self, id: &SessionId) -> Result<Option<Session<S>>, Error> {
        self.load_once(id, true).await
    }

    async fn load_once(
        &self,
        id: &SessionId,
        consistent: bool,
    ) -> Result<Option<Session<S>>, Error> {
        let handle = id.handle();
        let read = if self.options().share_loads {
            let store = self.clone();
            let read = async move { store.table().read(handle, consistent).await };
            self.shared_reads().share((handle, consistent), read).await
        } else {
            self.table().read(handle, consistent).await
        };
        match read? {
            Some(item) => self.decode(id, handle, item),
            None => Ok(None),
        }
    }

    /// The session in an item, by the store's policy for one that cannot be read.
    pub(super) fn decode(
        &self,
        id: &SessionId,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Option<Session<S>>, Error> {
        let table = self.table();
        let read = decode(&table.codec, handle, item, table.now());
        let read = self.readable(read)?;
        Ok(read.map(|(data, state)| Session::new(id.clone(), data, state)))
    }
}
