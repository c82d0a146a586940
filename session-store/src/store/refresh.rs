//! `refresh`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ConflictError, Error, GoneError};
use crate::item::moved_to;
use crate::schema::SessionAttributes;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
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
    /// that was live when its request began has not expired); [`Error::Conflict`] if a
    /// [`cycle_id`](Self::cycle_id) of this copy has to be resumed first; [`Error::Decode`];
    /// [`Error::Service`]. After any of them the session is as it was.
    pub async fn refresh(&self, session: &mut Session<S>) -> Result<(), Error> {
        let handle = session.handle();
        if session.cycle.is_some() {
            return Err(ConflictError {
                outcome_unknown: true,
                ..ConflictError::new(handle, 0)
            }
            .into());
        }
        let table = self.table();
        let item = table.read(handle, true).await?;
        let item = item.ok_or_else(|| GoneError::new(handle))?;
        if moved_to(table.schema(), &item).is_some() {
            return Err(GoneError::moved(handle).into());
        }
        self.rebase(session, item)
    }
}
