//! The log-out of a request (G17): which sessions its handler has ended, until they are deleted.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::id::SessionId;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

/// The sessions that a handler has ended and that are not deleted yet; `None` if there is no log-out to
/// carry out.
///
/// The request's slot and its session share it. So the sessions end even if the handler then fails, panics,
/// keeps the session to itself, or is dropped because the client hangs up.
#[derive(Clone, Default)]
pub(crate) struct Ending(Arc<Mutex<Option<Vec<SessionId>>>>);

impl Ending {
    /// Notes a log-out, with the sessions that it ends. There may be none.
    pub(super) fn begin(&self, ids: impl IntoIterator<Item = SessionId>) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = pending.get_or_insert_default();
        for id in ids {
            if !pending.contains(&id) {
                pending.push(id);
            }
        }
    }

    pub(super) fn is_due(&self) -> bool {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.is_some()
    }

    pub(super) fn take(&self) -> Option<Vec<SessionId>> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.take()
    }

    /// Deletes the sessions, and tells whether there was a log-out. Run it in a task of its own.
    ///
    /// If one cannot be deleted, the others still are, and the log-out stays due.
    pub(super) async fn carry_out<S: SessionAttributes>(
        &self,
        store: &DynamoDbStore<S>,
    ) -> Result<bool, Error> {
        let Some(ids) = self.take() else {
            return Ok(false);
        };
        let mut result = Ok(true);
        for id in ids {
            if let Err(error) = store.delete(&id).await {
                self.begin([id]);
                result = Err(error);
            }
        }
        result
    }
}
