//! The log-out of a request (G17): which sessions its handler has ended, until they are deleted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
pub(crate) struct Ending(Arc<State>);

#[derive(Default)]
struct State {
    pending: Mutex<Option<Vec<SessionId>>>,
    /// Held while it is carried out, so that nobody takes it for done before that.
    running: tokio::sync::Mutex<()>,
}

impl Ending {
    /// Notes a log-out, with the sessions that it ends. There may be none.
    pub(super) fn begin(&self, ids: impl IntoIterator<Item = SessionId>) {
        let mut pending = self.lock();
        let pending = pending.get_or_insert_default();
        for id in ids {
            if !pending.contains(&id) {
                pending.push(id);
            }
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.lock().is_some()
    }

    fn take(&self) -> Option<Vec<SessionId>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<SessionId>>> {
        let pending = self.0.pending.lock();
        pending.unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the sessions, and tells whether there was a log-out. Run it in a task of its own. If it is being
    /// carried out already, this waits for that.
    ///
    /// If one cannot be deleted, the others still are, and the log-out stays due, unless this is the `last` attempt.
    pub(super) async fn carry_out<S: SessionAttributes>(
        &self,
        store: &DynamoDbStore<S>,
        is_last: bool,
    ) -> Result<bool, Error> {
        let _running = self.0.running.lock().await;
        let Some(ids) = self.take() else {
            return Ok(false);
        };
        let mut result = Ok(true);
        for id in ids {
            if let Err(error) = store.delete(&id).await {
                if !is_last {
                    self.begin([id]);
                }
                result = Err(error);
            }
        }
        result
    }
}
