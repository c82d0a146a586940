//! A session that is out of its slot.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::error::Error;
use crate::schema::SessionData;

use super::{Holder, Slot};
use crate::frameworks::http::request_session::RequestSession;

/// A session that is out of its slot. It goes back when this is dropped.
pub(crate) struct Loan<S> {
    pub(super) slot: Arc<Slot<S>>,
    /// `None` only once it has gone back.
    session: Option<Box<RequestSession<S>>>,
    /// Whether others wait for it meanwhile.
    is_brief: bool,
}

impl<S> Loan<S> {
    pub(super) fn new(
        slot: &Arc<Slot<S>>,
        session: Box<RequestSession<S>>,
        is_brief: bool,
    ) -> Self {
        Self {
            slot: Arc::clone(slot),
            session: Some(session),
            is_brief,
        }
    }

    pub(super) fn is_brief(&self) -> bool {
        self.is_brief
    }

    pub(super) fn session_mut(&mut self) -> &mut RequestSession<S> {
        self
    }

    /// Ends the request with this session: its response has no room for another cookie from now on.
    pub(super) fn answer(self) {
        self.slot.lock().answer();
    }
}

/// What a failure of a hand means for the changes that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// Whoever has the session for itself has the error too, and the layer does not try again.
    LeaveOut,
    /// They are of others, or are taken back.
    Keep,
}

impl<S: SessionData> Loan<S> {
    /// Runs `work`, which stores the session, in a task that continues if the client hangs up. If the loan is
    /// brief, or nobody waits for it any more, the session goes back into its slot at the end of the task.
    pub(super) async fn store<T, F>(
        mut self,
        on_failure: OnFailure,
        work: impl FnOnce(Self) -> F,
    ) -> (Option<Self>, Result<T, Error>)
    where
        T: Send + 'static,
        F: Future<Output = (Self, Result<T, Error>)> + Send + 'static,
    {
        let slot = Arc::clone(&self.slot);
        // From now on, the layer waits for it before it completes the head of the response.
        let is_answered = {
            let mut shared = slot.lock();
            shared.holder = Holder::Busy;
            shared.is_answered
        };
        if is_answered {
            self.note_answer();
        }
        let left_out = self.save_failed;
        let work = work(self);
        let task = async move {
            let (mut loan, done) = work.await;
            loan.save_failed = match on_failure {
                OnFailure::LeaveOut if !loan.is_brief => done.is_err(),
                // What was left out stays so until it is stored.
                _ => left_out && loan.has_changes(),
            };
            let slot = Arc::clone(&loan.slot);
            loan.settle(&slot.config);
            let via = loan.via.unwrap_or(slot.usual_via());
            let mut shared = slot.lock();
            shared.told = Some((via, loan.update.clone()));
            shared.is_late &= done.is_err();
            if loan.is_brief {
                drop(shared);
                drop(loan);
                return (None, done);
            }
            shared.holder = Holder::Extractor {
                // Whoever has the error knows that it is not stored, unless that is not known.
                wants_cookie: (done.is_ok() || loan.is_pending()) && loan.needs_cookie(),
            };
            drop(shared);
            slot.changed.notify_waiters();
            (Some(loan), done)
        };
        match slot.config.tasks.spawn(task, &slot.span()).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down, and will drop this handler.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl<S> Deref for Loan<S> {
    type Target = RequestSession<S>;

    fn deref(&self) -> &RequestSession<S> {
        match &self.session {
            Some(session) => session,
            None => went_back(),
        }
    }
}

impl<S> DerefMut for Loan<S> {
    fn deref_mut(&mut self) -> &mut RequestSession<S> {
        match &mut self.session {
            Some(session) => session,
            None => went_back(),
        }
    }
}

impl<S> Drop for Loan<S> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.slot.put_back(session);
        }
    }
}

fn went_back() -> ! {
    unreachable!("a loan ends when its session goes back")
}
