//! `update_all`: changes all sessions of a user.

mod report;
mod run;

use std::borrow::Borrow;
use std::fmt;
use std::future::IntoFuture;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::Millis;
use crate::schema::{AsKey, IsIndex, SessionData};
use crate::session::Session;

use self::report::{Progress, Report};
use self::run::Order;
use super::handle::DynamoDbStore;
use super::index_selection::IndexSelection;

pub use self::report::{UpdateFailure, Updated};

impl<S: SessionData> DynamoDbStore<S> {
    /// Changes all sessions whose promoted attribute has this value, such as an administrator's new role. Await it:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index(consistent))] user_id: String, role: String }
    /// async fn promote(store: &DynamoDbStore<AppSession>, user: &str) -> Result<usize, Error> {
    ///     let updated = store.update_all(AppSession::USER_ID, user, |session| {
    ///         session.role = "editor".into();
    ///     });
    ///     let updated = updated.await?;
    ///     for failure in updated.failed() {
    ///         // It still has the old role. Ending it is the safe answer.
    ///         let _ = store.revoke_handle(&failure.handle()).await?;
    ///     }
    ///     Ok(updated.changed())
    /// }
    /// ```
    ///
    /// Each session is changed as by [`update_handle`](Self::update_handle): nothing that others write is lost, nothing
    /// that has ended is written, and it is no visit. One `GetItem` and, if the closure changes something, one
    /// `UpdateItem` for each session, besides the requests that find them, which are those of
    /// [`revoke`](Self::revoke) without the writes to a roster. Requests that are throttled are tried again, with
    /// pauses. Dropping the future stops it; changed sessions stay changed.
    ///
    /// By a consistent index, it misses no session that was there when it began, also if one gets a new id meanwhile,
    /// and changes each once, as long as no program from before marks runs. By a default index, it can miss a session that was created or given the value
    /// just before (see [`sweep_after`](UpdateAll::sweep_after)), and one that gets a new id meanwhile can be changed
    /// twice: let the closure set a value, and not count one up.
    ///
    /// A log-in that races it may have read the old role from the application's own tables, and be stored after it.
    /// So change those tables first and the sessions second; and where an old right must not survive, read the role
    /// once more after [`log_in`](Self::log_in), or end the sessions by [`revoke`](Self::revoke).
    ///
    /// # Errors
    ///
    /// [`Error::Service`] if the index could not be read to its end; sessions may have been changed by then, and
    /// calling it again changes the rest. A session that could not be changed is no error here, but is in
    /// [`Updated::failed`].
    pub fn update_all<I: IsIndex<S>>(
        &self,
        index: I,
        key: impl AsKey<I::Key>,
        change: impl Fn(&mut S) + Send + Sync + 'static,
    ) -> UpdateAll<S> {
        UpdateAll {
            order: Order {
                selection: IndexSelection::new(self, index, key),
                change: Arc::new(change),
            },
            progress: None,
        }
    }
}

/// A change of many sessions that begins when it is awaited; made by [`DynamoDbStore::update_all`].
#[must_use = "nothing is changed until this is awaited"]
pub struct UpdateAll<S> {
    order: Order<S>,
    progress: Option<Progress>,
}

impl<S> UpdateAll<S> {
    /// Changes this one session, if it has the value: a user renames one of "your devices". The session of somebody
    /// else counts as [`moved`](Updated::moved), and stays as it is.
    ///
    /// One `GetItem` and one `UpdateItem`, and no `Query`. If it fails, that is the error, and not in
    /// [`failed`](Updated::failed).
    pub fn only(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.selection.only = Some(*handle.borrow());
        self
    }

    /// Leaves this session as it is. In axum, that of the request is `CurrentSession::stored(&session)`, and the
    /// handler changes it by itself.
    pub fn except(self, session: &Session<S>) -> Self {
        self.except_handle(session.handle())
    }

    /// Leaves the session of this handle as it is. If it gets another id meanwhile, it is not spared.
    pub fn except_handle(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.selection.except.push(*handle.borrow());
        self
    }

    /// Leaves the sessions as they are that were created at this moment or later, to the millisecond by the clock of
    /// the host that created them.
    pub fn created_before(mut self, moment: SystemTime) -> Self {
        self.order.selection.created_before = Some(Millis::of(moment));
        self
    }

    /// How many sessions are changed at once; 16 by default.
    pub fn in_flight(mut self, sessions: NonZeroUsize) -> Self {
        self.order.selection.in_flight = sessions.get();
        self
    }

    /// Goes through a default index a second time after this delay, for sessions that the index did not show the first
    /// time. The closure is called for all of them again. A consistent index misses nothing, and has no second
    /// pass.
    pub fn sweep_after(mut self, delay: Duration) -> Self {
        self.order.selection.sweep_after = Some(delay);
        self
    }

    /// Calls this after each session with the result so far.
    pub fn on_progress(mut self, progress: impl FnMut(&Updated) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl<S: SessionData> IntoFuture for UpdateAll<S> {
    type Output = Result<Updated, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut report = Report {
                updated: Updated::default(),
                progress: self.progress,
            };
            let carry_out = self.order.carry_out(&mut report);
            self.order
                .selection
                .store
                .observe("update_all", carry_out)
                .await?;
            Ok(report.updated)
        })
    }
}

impl<S> fmt::Debug for UpdateAll<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateAll")
            .field("attribute", &self.order.selection.of.attribute.name)
            .finish_non_exhaustive()
    }
}
