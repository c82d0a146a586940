//! `find`: one session by its handle, to read.

use std::borrow::Borrow;

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::Map;
use crate::schema::SessionData;

use super::handle::DynamoDbStore;
use super::sessions::{Sessions, StoredSession};

impl<S: SessionData> DynamoDbStore<S> {
    /// The live session of this handle, with its data, to read; `None` if there is none.
    ///
    /// One consistent `GetItem`, or a `BatchGetItem` for a type with `revoke_all`. It extends nothing. It does not
    /// check whose session this is: for a user who may see only their own sessions, use
    /// [`sessions`](Self::sessions) with [`find`](Sessions::find).
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if it cannot be read, whatever [`Unreadable`](crate::Unreadable) says: it may be live, and can
    /// be ended by its handle. [`Error::Service`].
    pub async fn find(
        &self,
        handle: impl Borrow<SessionHandle>,
    ) -> Result<Option<StoredSession<S>>, Error> {
        let find = self.find_if(*handle.borrow(), |_| true);
        self.observe("find", find).await
    }

    async fn find_if(
        &self,
        handle: SessionHandle,
        is_wanted: impl Fn(&Map) -> bool,
    ) -> Result<Option<StoredSession<S>>, Error> {
        let table = self.table();
        let item = table.read(handle, true).await?;
        match item.filter(is_wanted) {
            Some(item) => Ok(StoredSession::read(table, handle, item, table.now())?),
            None => Ok(None),
        }
    }
}

impl<S: SessionData, R> Sessions<S, R> {
    /// The session of this handle, if it is live and has the value: a page about one of "your devices". Somebody else's
    /// is `None`. [`DynamoDbStore::find`] states its cost and errors. Bounds, order and limit of the list have no effect.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`], [`Error::Service`].
    pub async fn find(
        self,
        handle: impl Borrow<SessionHandle>,
    ) -> Result<Option<StoredSession<S>>, Error> {
        let (store, of) = self.into_parts();
        let has_value = |item: &Map| of.is_value(item.get(of.attribute.name));
        let find = store.find_if(*handle.borrow(), has_value);
        store.observe("find", find).await
    }
}
