//! `revoke`: ends sessions by index or handle.

mod report;
mod run;

use std::borrow::Borrow;
use std::fmt;
use std::future::IntoFuture;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::Millis;
use crate::schema::{AsKey, IsIndex, SessionAttributes};
use crate::session::Session;
use crate::telemetry::{Ended, Event, note};

use self::report::{Progress, Report};
use self::run::{Order, outcome};
use super::handle::DynamoDbStore;
use super::index_selection::IndexSelection;

pub use self::report::{RevokeFailure, Revoked};

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// Ends all sessions whose promoted attribute has this value. Await it:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index)] user_id: String }
    /// # type Store = DynamoDbStore<AppSession>;
    /// async fn others(store: &Store, session: &Session<AppSession>) -> Result<usize, Error> {
    ///     let user = &session.user_id;
    ///     let revoked = store.revoke(AppSession::USER_ID, user).except(session).await?;
    ///     Ok(revoked.deleted())
    /// }
    /// ```
    ///
    /// By a default index, one `Query` for each 1,000 sessions and one `DeleteItem` for each session. With
    /// shards, at least one `Query` for each shard, eight at once. The index is filled a moment after a
    /// write, so a session that was created or given the value just before can be missed; see
    /// [`sweep_after`](Revoke::sweep_after).
    ///
    /// By a consistent index, one `BatchGetItem` of the roster and of the keys that it had in earlier programs, one
    /// `DeleteItem` for each session, and one `UpdateItem` of the roster for each 250, which tells what is left.
    /// If nothing is, one `DeleteItem` of the roster.
    /// Sessions that moved meanwhile are ended in a further round. It misses no session that was created before it
    /// began, and takes effect with its last request: a session that is created after that survives.
    ///
    /// An index that a deploy has added or changed misses sessions of before, until they are touched or saved, or
    /// [`reindex`](Self::reindex) is run. [`Revoked::is_complete`] tells: at first, and then once an hour, one
    /// `GetItem` asks the table for that, and each time as long as the index is not complete.
    ///
    /// Either way each session is deleted on condition that it still has the value, so that one that has
    /// moved to another is never ended. Deletes that are throttled are tried again, with pauses. Dropping
    /// the future stops it; deleted sessions stay deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] if the index could not be read to its end; sessions may have been ended
    /// by then, and calling it again ends the rest. A session that could not be ended is no error
    /// here, but is in [`Revoked::failed`].
    pub fn revoke<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Revoke<S> {
        Revoke {
            order: Order {
                selection: IndexSelection::new(self, index, key),
                began: self.table().now(),
                erases: false,
                has_left: AtomicBool::new(false),
            },
            progress: None,
        }
    }

    /// Ends all sessions whose promoted attribute has this value, and leaves nothing in the table that has the value:
    /// for a person who asks to be forgotten. Await it.
    ///
    /// The requests of [`revoke`](Self::revoke), for each other consistent index of the type what
    /// [`delete`](Self::delete) sends for its roster, and by a consistent index two `DeleteItem` or three and one
    /// `BatchGetItem` to see that no roster is left. Items of sessions that have expired, and that DynamoDB has not
    /// deleted yet, go too.
    ///
    /// Call it for each index whose values name the person, such as that of a user id and that of an address: a session
    /// that was deleted by other means may have left its entry in the roster of the other one.
    ///
    /// Disable the account first: a log-in that comes later begins a new session. By a default index, use
    /// [`sweep_after`](Revoke::sweep_after), since the index is filled a moment after a write. `docs/privacy.md` says
    /// what stays outside of the table, and for how long.
    ///
    /// # Errors
    ///
    /// Those of `revoke`. As long as [`Revoked::failed`] has a session, something is left: call it again. If
    /// [`is_complete`](Revoked::is_complete) is false, the index may lack sessions: run [`reindex`](Self::reindex) once,
    /// and call it again then. It is false as well if a log-in came meanwhile.
    pub fn erase<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Revoke<S> {
        let mut erase = self.revoke(index, key);
        erase.order.erases = true;
        erase
    }

    /// Ends the sessions of this value that were created before a moment, such as a change of the
    /// password: [`revoke`](Self::revoke) with [`created_before`](Revoke::created_before).
    pub fn revoke_created_before<I: IsIndex<S>>(
        &self,
        index: I,
        key: impl AsKey<I::Key>,
        moment: SystemTime,
    ) -> Revoke<S> {
        self.revoke(index, key).created_before(moment)
    }

    /// Ends the session of this handle.
    ///
    /// The requests of [`delete`](Self::delete). It does not check whose session this is. For a user who may
    /// end only their own sessions, use [`revoke`](Self::revoke) with [`only`](Revoke::only).
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn revoke_handle(&self, handle: &SessionHandle) -> Result<Revoked, Error> {
        let rosters = self.rosters();
        let end = rosters.end(*handle, Ended::Revocation);
        let deleted = self.observe("revoke", end).await?;
        let mut revoked = Revoked::without_index();
        revoked.note(*handle, Ok(outcome(self.table(), *handle, deleted)));
        Ok(revoked)
    }
}

/// A revocation that begins when it is awaited; made by [`DynamoDbStore::revoke`].
#[must_use = "nothing is revoked until this is awaited"]
pub struct Revoke<S> {
    order: Order<S>,
    progress: Option<Progress>,
}

impl<S> Revoke<S> {
    /// Ends this one session, if it has the value: a button beside each line of "your devices".
    ///
    /// One `DeleteItem` and no `Query`; for a consistent index, also what [`delete`](DynamoDbStore::delete) sends to
    /// take it out of the roster. The other settings have no effect on it. The session of somebody else counts as
    /// [`moved`](Revoked::moved), and stays live.
    pub fn only(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.selection.only = Some(*handle.borrow());
        self
    }

    /// Spares this session: "log out everywhere else". In axum, `CurrentSession::stored(&session)` gives that of the
    /// request.
    ///
    /// To log out everywhere, spare it as well, and end it by `CurrentSession::end`, so that its cookie goes.
    pub fn except(self, session: &Session<S>) -> Self {
        self.except_handle(session.handle())
    }

    /// Spares the session of this handle. If it gets a new id meanwhile, it is not spared.
    pub fn except_handle(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.selection.except.push(*handle.borrow());
        self
    }

    /// Spares the sessions that were created at this moment or later, to the millisecond by the
    /// clock of the host that created them. A new id does not change when a session was created. Choose a
    /// moment as far ahead as clocks may differ: a session of a host whose clock is ahead is spared otherwise.
    pub fn created_before(mut self, moment: SystemTime) -> Self {
        self.order.selection.created_before = Some(Millis::of(moment));
        self
    }

    /// How many deletes are in flight at once; 16 by default.
    pub fn in_flight(mut self, deletes: NonZeroUsize) -> Self {
        self.order.selection.in_flight = deletes.get();
        self
    }

    /// Goes through a default index a second time after this delay, for sessions that the index did not
    /// show the first time.
    ///
    /// DynamoDB promises no time within which an index is filled; it usually takes less than a second. So
    /// the second pass makes a miss unlikely, but not impossible. A consistent index misses nothing, and
    /// has no second pass.
    pub fn sweep_after(mut self, delay: Duration) -> Self {
        self.order.selection.sweep_after = Some(delay);
        self
    }

    /// Calls this after each session with the result so far.
    ///
    /// Sessions that it was told of have ended, even if the future is dropped then. By a consistent index,
    /// sessions that moved to another value are counted in the final result alone.
    pub fn on_progress(mut self, progress: impl FnMut(&Revoked) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl<S: SessionAttributes + 'static> IntoFuture for Revoke<S> {
    type Output = Result<Revoked, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut report = Report {
                revoked: Revoked::default(),
                progress: self.progress,
            };
            let carry_out = self.order.carry_out(&mut report);
            let carried_out = self
                .order
                .selection
                .store
                .observe("revoke", carry_out)
                .await;
            for failure in &report.revoked.failed {
                note(Event::NotEnded, Some(failure.handle));
            }
            carried_out.map(|()| report.revoked)
        })
    }
}

impl<S> fmt::Debug for Revoke<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoke")
            .field("attribute", &self.order.selection.of.attribute.name)
            .finish_non_exhaustive()
    }
}
