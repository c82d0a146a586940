//! New sessions: put once under an id, entered into their rosters, and taken back if the outcome is
//! unknown.

use crate::dynamodb::{MAX_CREATE_ATTEMPTS, Written, pause, request};
use crate::error::{Chain, Error, SetupError, TooLargeError};
use crate::id::SessionHandle;
use crate::item::{Evicted, Lifetime, Limits, Map, entries, rosters_of};
use crate::schema::IndexValue;
use crate::telemetry::{Event, note};

use super::leave::Rosters;

impl Rosters<'_> {
    /// Puts a new item where none is, under the first handle or the next that is free, and enters it
    /// into its rosters. Gives the sessions that were evicted for it.
    ///
    /// No handle is tried twice: a put of unknown outcome that was repeated could bring back a session
    /// that was revoked in between. Any item that it may have left is deleted. `next` makes an item with the
    /// same attributes under another handle. `limits` are those that the session has of its own.
    pub(crate) async fn insert(
        &self,
        mut handle: SessionHandle,
        mut item: Map,
        lifetime: &Lifetime,
        limits: &Limits,
        mut next: impl FnMut() -> Result<(SessionHandle, Map), Error>,
    ) -> Result<Vec<SessionHandle>, Error> {
        let rosters = rosters_of(self.schema(), &item);
        let mut evicted = Evicted::default();
        for attempt in 1..=MAX_CREATE_ATTEMPTS {
            let entered = match self.table.put_once(item).await {
                Ok(Written::Done(_)) => {
                    let entries = entries(&rosters, handle, lifetime, limits);
                    match self.enter(entries, &mut evicted).await {
                        Ok(()) => {
                            note(Event::Created, Some(handle));
                            return Ok(self.ended(evicted).await);
                        }
                        Err(error) => Err(error),
                    }
                }
                Ok(Written::TooLarge) => {
                    return Err(TooLargeError {
                        limit: TooLargeError::LIMIT,
                        size: None,
                        largest: Vec::new(),
                    }
                    .into());
                }
                // The id is taken. That takes broken random bytes, or a framework's own ids.
                Ok(Written::ConditionFailed { .. }) => Ok(()),
                // The item may be there.
                Err(error) if error.outcome_unknown() => Err(error.into()),
                Err(error) if attempt == MAX_CREATE_ATTEMPTS || !error.is_retryable() => {
                    return Err(error.into());
                }
                Err(_) => {
                    pause(attempt).await;
                    Ok(())
                }
            };
            if let Err(error) = entered {
                let taken_back = self.take_back(handle, &rosters).await;
                let may_retry = matches!(&error, Error::Service(error) if error.is_retryable());
                if attempt == MAX_CREATE_ATTEMPTS || !may_retry || !taken_back {
                    self.ended(evicted).await;
                    return Err(error);
                }
                pause(attempt).await;
            }
            (handle, item) = next()?;
        }
        Err(SetupError::new("every new id is taken: the system's random bytes are broken").into())
    }

    /// Deletes whatever a new session may have left, and says whether that worked.
    ///
    /// Its id was never given away, so a remaining item cannot be used, and expires. An entry leaves its
    /// roster after the session, never before.
    async fn take_back(&self, handle: SessionHandle, rosters: &[IndexValue]) -> bool {
        let delete = || request::delete(self.table, handle);
        match self.table.delete(delete).await {
            Ok(_) => {
                self.leave_all(rosters, handle).await;
                true
            }
            Err(error) => {
                tracing::debug!(%handle, error = %Chain(&error), "a new session of unknown outcome was not taken back");
                false
            }
        }
    }
}
