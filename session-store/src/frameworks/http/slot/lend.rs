//! Lending the session to the hands of a request.

use std::sync::Arc;

use crate::error::Error;
use crate::schema::SessionData;

use super::{Holder, Loan, Slot};
use crate::frameworks::http::request_session::{RequestSession, Standing};

/// Why somebody cannot have the session now. `R` is the framework's response.
pub(crate) enum LendError<R> {
    /// An extractor has it.
    InUse,
    Failed(R),
}

impl<S: SessionData> Slot<S> {
    /// Lends the session to an extractor, which others do not wait for. The first call reads it.
    ///
    /// If the read fails, `respond` decides: `None` continues without a session.
    pub(crate) async fn lend<R>(
        self: &Arc<Self>,
        respond: impl FnOnce(&Error) -> Option<R>,
    ) -> Result<Loan<S>, LendError<R>> {
        self.lend_as(false, respond).await
    }

    /// Lends it for a moment, in which others wait.
    pub(crate) async fn borrow<R>(
        self: &Arc<Self>,
        respond: impl FnOnce(&Error) -> Option<R>,
    ) -> Result<Loan<S>, LendError<R>> {
        self.lend_as(true, respond).await
    }

    async fn lend_as<R>(
        self: &Arc<Self>,
        is_brief: bool,
        respond: impl FnOnce(&Error) -> Option<R>,
    ) -> Result<Loan<S>, LendError<R>> {
        let out = |session: &RequestSession<S>| match is_brief {
            true => Holder::Busy,
            false => Holder::Extractor {
                wants_cookie: session.needs_cookie(),
            },
        };
        let lent = self.wait(|shared| {
            shared.is_used = true;
            let next = match &shared.holder {
                Holder::Slot(session) => out(session),
                Holder::NotLoaded => Holder::Loading,
                Holder::Extractor { .. } => return Some(Err(LendError::InUse)),
                Holder::Loading | Holder::Busy => return None,
            };
            match std::mem::replace(&mut shared.holder, next) {
                Holder::Slot(session) => Some(Ok(Some(session))),
                _ => Some(Ok(None)),
            }
        });
        if let Some(session) = lent.await? {
            return Ok(Loan::new(self, session, is_brief));
        }
        let mut loading = Loading {
            slot: self,
            next: Holder::NotLoaded,
        };
        let session = match self.read().await {
            Ok(session) => session,
            Err(error) => match respond(&error) {
                Some(response) => return Err(LendError::Failed(response)),
                None => self.without_session(Standing::Failed(Some(error))),
            },
        };
        let mut session = Box::new(session);
        if std::mem::take(&mut self.lock().ends) {
            session.end();
        }
        loading.next = out(&session);
        drop(loading);
        self.end_if_answered();
        Ok(Loan::new(self, session, is_brief))
    }
}

/// A read that is under way. If it fails or is given up, the next one who asks reads again.
struct Loading<'a, S> {
    slot: &'a Slot<S>,
    next: Holder<S>,
}

impl<S> Drop for Loading<'_, S> {
    fn drop(&mut self) {
        let next = std::mem::replace(&mut self.next, Holder::NotLoaded);
        self.slot.set(next);
    }
}
