//! `delete`.

use crate::error::Error;
use crate::id::SessionId;
use crate::schema::SessionAttributes;
use crate::telemetry::Ended;

use super::handle::DynamoDbStore;

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Ends the session of this id, if there is one.
    ///
    /// One `DeleteItem`, and one `UpdateItem` for each consistent index that it was in, which removes it
    /// from the roster; if no other session is in it, also one `DeleteItem` of the roster. Calling it again is fine, and so is an id that no session ever had.
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn delete(&self, id: &SessionId) -> Result<(), Error> {
        let rosters = self.rosters();
        let end = rosters.end(id.handle(), Ended::LogOut);
        self.observe("delete", end).await.map(drop)
    }
}
