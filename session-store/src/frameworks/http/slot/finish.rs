//! Storing a request's session when its handler is done.

use std::sync::Arc;

use crate::error::{Error, RequestError};
use crate::schema::SessionData;

use super::{Holder, Loan, Slot};
use crate::frameworks::http::cookie::{CredentialUpdate, Via};
use crate::frameworks::http::request_session::Standing;

/// What has become of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has responded.
    Done,
    /// It has failed, or was given up, and nothing is stored but a log-out.
    Failed,
}

/// The result of storing a request's session. The client gets the `update` in any case.
pub(crate) struct Finished {
    /// By the policy, a response for it can replace that of the handler.
    pub(crate) error: Option<Error>,
    /// The task that stored the session was aborted.
    pub(crate) is_aborted: bool,
    pub(crate) via: Via,
    pub(crate) update: CredentialUpdate,
}

impl<S: SessionData> Slot<S> {
    /// Stores the changes of the handler, and ends what the response can tell the client. If the session is
    /// being stored already, it waits for that.
    pub(crate) async fn finish(self: &Arc<Self>, outcome: Outcome) -> Finished {
        let mut finished = Finished {
            error: None,
            is_aborted: false,
            via: self.usual_via(),
            update: CredentialUpdate::default(),
        };
        loop {
            let held = self.wait(|shared| match &shared.holder {
                Holder::Busy => None,
                Holder::NotLoaded | Holder::Loading | Holder::Extractor { .. } => Some(None),
                Holder::Slot(_) => match std::mem::replace(&mut shared.holder, Holder::Busy) {
                    Holder::Slot(session) => Some(Some(session)),
                    _ => None,
                },
            });
            let is_answered = match held.await {
                Some(session) => {
                    let loan = Loan::new(self, session, true);
                    self.finish_with(loan, outcome, &mut finished).await;
                    true
                }
                None => self.finish_without(outcome, &mut finished).await,
            };
            if is_answered {
                break;
            }
        }
        // Somebody may have begun another log-out after the last look.
        self.end_in_background();
        finished
    }

    async fn finish_with(
        self: &Arc<Self>,
        mut loan: Loan<S>,
        outcome: Outcome,
        finished: &mut Finished,
    ) {
        let (is_cut_off, has_panicked) = {
            let shared = self.lock();
            (shared.is_cut_off, shared.has_panicked)
        };
        if outcome == Outcome::Done {
            let why = match loan.has_changes() {
                _ if has_panicked => Some("a part of the handler has panicked"),
                true if is_cut_off => Some("the handler did not return"),
                true if loan.save_failed => Some("a save has failed"),
                _ => None,
            };
            if let Some(why) = why {
                tracing::warn!("changes of a request are not stored, because {why}");
            }
        }
        let store = &self.config.store;
        let counts = outcome == Outcome::Done && !is_cut_off && !has_panicked;
        let has_changes = counts && loan.is_due(store);
        if has_changes || self.ending.is_due() {
            // In a separate task, which continues if the client hangs up.
            let store = store.clone();
            let stored = async move {
                let stored = match has_changes {
                    true => loan.store_at_end(&store).await,
                    // If it fails, the client learns of it, and nothing is tried behind its back.
                    false => loan.carry_out_end(&store, true).await,
                };
                (loan, stored)
            };
            let stored = self.config.tasks.spawn(stored, &self.span()).await;
            match stored {
                Ok((after, stored)) => {
                    loan = after;
                    finished.error = stored.err();
                }
                Err(error) => {
                    tracing::error!(%error, "storing the session was aborted");
                    finished.is_aborted = true;
                    // What was stored before has to reach the client.
                    if let Some((via, update)) = self.lock().answer() {
                        (finished.via, finished.update) = (via, update);
                    }
                    return;
                }
            }
        }
        if finished.error.is_none() {
            loan.repair();
        }
        loan.settle(&self.config);
        finished.via = loan.via.unwrap_or(finished.via);
        let update = std::mem::take(&mut loan.update);
        if update.id.is_some() || finished.update.id.is_none() {
            finished.update = update;
        }
        // What is not stored now is given up.
        loan.discard();
        loan.answer();
    }

    /// For a request whose session nobody has read, or whose extractor is kept. Tells whether the request is
    /// answered: not if the session has come back meanwhile.
    async fn finish_without(self: &Arc<Self>, outcome: Outcome, finished: &mut Finished) -> bool {
        let mut has_ended = false;
        if self.ending.is_due() {
            let mut session = self.without_session(Standing::Failed(None));
            let store = self.config.store.clone();
            let carried_out = async move {
                let carried_out = session.carry_out_end(&store, true).await;
                (session, carried_out)
            };
            let carried_out = self.config.tasks.spawn(carried_out, &self.span()).await;
            let Ok((mut session, carried_out)) = carried_out else {
                finished.is_aborted = true;
                if let Some((via, update)) = self.lock().answer() {
                    (finished.via, finished.update) = (via, update);
                }
                return true;
            };
            session.settle(&self.config);
            has_ended = session.update.id.is_some();
            finished.error = carried_out.err();
            finished.update = session.update;
        }
        let told = self.wait(|shared| match shared.holder {
            Holder::Busy => None,
            Holder::Slot(_) => Some(None),
            Holder::Extractor { wants_cookie: true } => Some(Some((true, shared.answer()))),
            _ => Some(Some((false, shared.answer()))),
        });
        let Some((is_kept_back, told)) = told.await else {
            return false;
        };
        if is_kept_back && outcome == Outcome::Done && finished.error.is_none() {
            finished.error = Some(RequestError::answered().into());
        }
        if let Some((via, update)) = told
            && !has_ended
        {
            (finished.via, finished.update) = (via, update);
        }
        true
    }
}
