//! `refresh`.

use crate::error::Error;
use crate::item::{Found, Map};
use crate::schema::SessionData;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Reads the session again, and puts its unsaved changes onto what others have stored since.
    ///
    /// Use it before an act that must not be done for a session which was ended meanwhile: a request can wait
    /// for its body for hours, and its session can be revoked in that time.
    ///
    /// One consistent `GetItem`, whatever the store's [`ReadConsistency`](crate::ReadConsistency). If the type
    /// has [`revoke_all`](crate::RevokeAll), one `BatchGetItem`.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the session was ended, has expired or has a new id (in the layer for axum, a session
    /// that was live when its request began has not expired); [`Error::Decode`]; [`Error::Service`]; and those of
    /// [`cycle_id`](Self::cycle_id), if one of this copy has to be resumed first. After any of them the session is
    /// as it was.
    pub async fn refresh(&self, session: &mut Session<S>) -> Result<(), Error> {
        let refresh = async {
            self.resume(session).await?;
            let item = self.current_item(session).await?;
            self.rebase(session, item)
        };
        self.observe("refresh", refresh).await
    }

    /// The item of a session as it is stored now, with its data as a map.
    pub(super) async fn current_item(&self, session: &Session<S>) -> Result<Map, Error> {
        let (table, handle) = (self.table(), session.handle());
        let item = table.read(handle, true).await?;
        let now = session.state.judged_at(table.now());
        let found = Found::of(table.schema(), handle, item, now)?;
        Ok(found.or_gone(handle)?.readable(&table.codec)?.item)
    }
}
