//! Ending sessions by index or handle: many conditional deletes in flight, and what became of each.

mod run;

use std::borrow::Borrow;
use std::fmt;
use std::future::IntoFuture;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use self::run::Report;
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::lifetime::Millis;
use crate::item::roster::Roster;
use crate::schema::{AsKey, IsIndex, SessionAttributes};
use crate::session::Session;
use crate::store::handle::DynamoDbStore;

/// How many deletes are under way at once.
const IN_FLIGHT: usize = 16;

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// Ends all sessions whose promoted attribute has this value. Await it:
    ///
    /// ```ignore
    /// store.revoke(AppSession::USER_ID, "u-17").except(&session).await?;
    /// ```
    ///
    /// By a default index, one `Query` for each 1,000 sessions and one `DeleteItem` for each
    /// session; with shards, at least one `Query` for each of them, eight at once. The index is filled
    /// a moment after a write, so a session that was created or given
    /// the value just before can be missed; see [`sweep_after`](Revoke::sweep_after).
    ///
    /// By a consistent index, one `GetItem` of the roster, one `DeleteItem` for each session, and one
    /// `UpdateItem` of the roster for each 250, which tells what is left; sessions that moved
    /// meanwhile are met in a further round. It misses no session that was created before it began,
    /// and takes effect with its last request: a session that is created after that survives.
    ///
    /// Either way each is deleted on condition that it still has the value, so that one that has
    /// moved to another is never ended. DynamoDB calls that are throttled are tried again, with
    /// pauses. Dropping the future stops it; what was deleted stays so.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] if the index could not be read to its end; sessions may have been ended
    /// by then, and calling it again ends the rest. A session that could not be ended is no error
    /// here, but is in [`Revoked::failed`].
    pub fn revoke<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Revoke<S> {
        Revoke {
            order: Order {
                store: self.clone(),
                of: Roster {
                    attribute: index.attribute(),
                    value: key.as_key_value(),
                },
                only: None,
                except: Vec::new(),
                created_before: None,
                in_flight: IN_FLIGHT,
                sweep_after: None,
            },
            progress: None,
        }
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
    /// The requests of [`delete`](Self::delete). Whose session it is is not checked: for a user who may end their own
    /// sessions alone, use [`revoke`](Self::revoke) with [`only`](Revoke::only).
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn revoke_handle(&self, handle: &SessionHandle) -> Result<Revoked, Error> {
        let deleted = self.end(*handle).await?;
        let mut revoked = Revoked::default();
        revoked.note(*handle, Ok(self.outcome(*handle, deleted)));
        Ok(revoked)
    }
}

enum Outcome {
    Deleted,
    AlreadyGone,
    Moved,
}

/// A revocation that begins when it is awaited; made by [`DynamoDbStore::revoke`].
#[must_use = "nothing is revoked until this is awaited"]
pub struct Revoke<S> {
    order: Order<S>,
    progress: Option<Progress>,
}

/// Which sessions are to be ended, and how.
struct Order<S> {
    store: DynamoDbStore<S>,
    of: Roster,
    only: Option<SessionHandle>,
    except: Vec<SessionHandle>,
    created_before: Option<Millis>,
    in_flight: usize,
    sweep_after: Option<Duration>,
}

type Progress = Box<dyn FnMut(&Revoked) + Send>;

impl<S> Revoke<S> {
    /// Ends this one session, if it has the value: a button beside each line of "your devices".
    ///
    /// One `DeleteItem` and no `Query`; for a consistent index, also the `UpdateItem` that takes it out
    /// of the roster. What else is set here has no effect on it. The session of somebody else counts as
    /// [`moved`](Revoked::moved), and lives on.
    pub fn only(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.only = Some(*handle.borrow());
        self
    }

    /// Spares this session: "log out everywhere else".
    pub fn except(self, session: &Session<S>) -> Self {
        self.except_handle(session.handle())
    }

    /// Spares the session of this handle. Under a new id that it gets meanwhile, it is not spared.
    pub fn except_handle(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.order.except.push(*handle.borrow());
        self
    }

    /// Spares the sessions that were created at this moment or later, to the millisecond by the
    /// clock of the host that created them. A new id does not change when a session was created.
    pub fn created_before(mut self, moment: SystemTime) -> Self {
        self.order.created_before = Some(Millis::of(moment));
        self
    }

    /// How many deletes are under way at once; 16 if not set.
    pub fn in_flight(mut self, deletes: NonZeroUsize) -> Self {
        self.order.in_flight = deletes.get();
        self
    }

    /// Goes through a default index a second time after this delay, for sessions that it did not show
    /// yet the first time.
    ///
    /// DynamoDB promises no time within which an index is filled; as a rule it takes less than a
    /// second. So the second pass makes a miss unlikely and not impossible. A consistent index
    /// misses nothing, and is not gone through again.
    pub fn sweep_after(mut self, delay: Duration) -> Self {
        self.order.sweep_after = Some(delay);
        self
    }

    /// Calls this after each session with what was done so far.
    ///
    /// What it was told of is done, even if the future is dropped then. Sessions that moved to
    /// another value are in the final result alone where the index is consistent.
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
            self.order.carry_out(&mut report).await?;
            Ok(report.revoked)
        })
    }
}

impl<S> fmt::Debug for Revoke<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoke")
            .field("attribute", &self.order.of.attribute.name)
            .finish_non_exhaustive()
    }
}

/// What a revocation did.
#[derive(Debug, Default)]
#[must_use = "a session that could not be ended is still valid; see `failed`"]
pub struct Revoked {
    deleted: usize,
    already_gone: usize,
    moved: usize,
    failed: Vec<RevokeFailure>,
}

impl Revoked {
    /// How many live sessions were ended.
    pub fn deleted(&self) -> usize {
        self.deleted
    }

    /// How many sessions had ended or expired already.
    pub fn already_gone(&self) -> usize {
        self.already_gone
    }

    /// How many sessions the index still showed that have another value by now; they live on.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// The sessions that could not be ended, each with the reason. They are still valid.
    pub fn failed(&self) -> &[RevokeFailure] {
        &self.failed
    }

    fn note(&mut self, handle: SessionHandle, outcome: Result<Outcome, Error>) {
        match outcome {
            Ok(Outcome::Deleted) => self.deleted += 1,
            Ok(Outcome::AlreadyGone) => self.already_gone += 1,
            Ok(Outcome::Moved) => self.moved += 1,
            Err(error) => self.failed.push(RevokeFailure { handle, error }),
        }
    }
}

/// A session that could not be ended.
#[derive(Debug)]
pub struct RevokeFailure {
    handle: SessionHandle,
    error: Error,
}

impl RevokeFailure {
    /// The session, which is still valid.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Why it could not be ended.
    pub fn error(&self) -> &Error {
        &self.error
    }
}
