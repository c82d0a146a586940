//! The loop of every save, typed or of a framework's record: a plan is sent, alone or with the roster
//! changes that it means, and made anew from the item that refused it.

use crate::dynamodb::request::{self, Save};
use crate::dynamodb::{
    Attempts, MAX_ENTER_ATTEMPTS, MAX_SAVE_ATTEMPTS, SaveOutcome, Transacted, is_refused,
    is_too_large, pause, token,
};
use crate::error::{ConflictError, Error, TooLargeError};
use crate::id::SessionHandle;
use crate::item::{
    Evicted, Lifetime, Map, Millis, ReadableItem, RosterChange, RosterPlan, SavePlan, Values,
};

use super::leave::Rosters;

/// A save that is under way.
pub(crate) trait Saving {
    /// Why it stops before it has written.
    type Stop;

    fn handle(&self) -> SessionHandle;

    fn lifetime(&self) -> &Lifetime;

    fn plan(&self) -> &SavePlan;

    /// The promoted attributes of the session before the save, as far as the caller knows.
    fn promoted(&self) -> &Map;

    /// The write of the plan at this moment, with its part of this roster plan.
    fn write<'a>(&'a self, now: Millis, rosters: &'a RosterPlan) -> Save<'a>;

    /// Learns from the item that refused the write, and decides how to go on.
    fn replan(&mut self, found: &ReadableItem, now: Millis) -> Result<Next<Self::Stop>, Error>;

    fn too_large(&self) -> TooLargeError;

    /// How often it is tried together with the rosters that it changes.
    fn max_attempts_with_rosters(&self) -> u32 {
        MAX_ENTER_ATTEMPTS
    }
}

/// How a save goes on after it was refused.
pub(crate) enum Next<T> {
    /// It is sent again, with another plan or with the same one.
    Again {
        replanned: bool,
    },
    Stop(T),
}

/// The outcome of a save.
pub(crate) enum Saved<T> {
    Stored {
        now: Millis,
        /// When the session ends, if the write set that, or the item told.
        expires_at: Option<u64>,
        version: Option<u64>,
        /// The sessions that were evicted for it, if it moved this one in its rosters. The caller asks
        /// [`Rosters::ended`] for them once it has noted that the save is stored.
        evicted: Option<Evicted>,
        /// The notes of rosters that the session has now.
        notes: Values,
    },
    /// Nothing was written, because of this item.
    Stopped(T, Map),
}

impl Rosters<'_> {
    /// Carries out a save.
    pub(crate) async fn save<W: Saving>(&self, saving: &mut W) -> Result<Saved<W::Stop>, Error> {
        let (schema, handle) = (self.schema(), saving.handle());
        let was = saving.promoted();
        let mut rosters = saving
            .plan()
            .rosters(schema, handle, was, saving.lifetime());
        let mut evicted = Evicted::default();
        for attempt in 0..MAX_SAVE_ATTEMPTS {
            let now = self.table.now();
            let mut changes = std::mem::take(&mut rosters.changes);
            let write = saving.write(now, &rosters);
            let outcome = if changes.is_empty() {
                self.table.save(&write).await?
            } else {
                let max_attempts = saving.max_attempts_with_rosters();
                let save = self.save_with_rosters(&write, &mut changes, &mut evicted, max_attempts);
                save.await?
            };
            rosters.changes = changes;
            let found = match outcome {
                SaveOutcome::Stored {
                    expires_at,
                    version,
                } => {
                    let moved = !rosters.expected_values.is_empty();
                    return Ok(Saved::Stored {
                        now,
                        expires_at,
                        version,
                        evicted: moved.then_some(evicted),
                        notes: rosters.notes,
                    });
                }
                SaveOutcome::TooLarge => return Err(saving.too_large().into()),
                SaveOutcome::NotApplied(found) => found,
            };
            let replanned = match saving.replan(&found, now)? {
                Next::Again { replanned } => replanned,
                Next::Stop(stop) => return Ok(Saved::Stopped(stop, found.item)),
            };
            if replanned || rosters.is_stale(&found.item) {
                let lifetime = saving.lifetime();
                rosters = saving.plan().rosters(schema, handle, &found.item, lifetime);
            }
            // The first retry only catches up with what others wrote. Later ones give way to them.
            if attempt > 0 {
                pause(attempt).await;
            }
        }
        Err(ConflictError::new(handle, MAX_SAVE_ATTEMPTS).into())
    }

    /// Sends a write in one transaction with the roster changes that it means.
    async fn save_with_rosters(
        &self,
        save: &Save<'_>,
        changes: &mut Vec<RosterChange>,
        evicted: &mut Evicted,
        max_attempts: u32,
    ) -> Result<SaveOutcome, Error> {
        let attempts = Attempts::default();
        for attempt in 1..=max_attempts {
            let own = request::save(self.schema(), save);
            let mut items = vec![own.into_transact_item(self.table)?];
            items.extend(self.transact_items(changes)?);
            let reasons = match self.table.transact(&token()?, items, &attempts).await? {
                Transacted::Done => {
                    evicted.note(changes);
                    return Ok(SaveOutcome::Stored {
                        expires_at: save.expires_at,
                        version: save.version.map(|base| save.version_after(base)),
                    });
                }
                Transacted::Cancelled(reasons) => reasons,
                Transacted::InProgress => Vec::new(),
            };
            let response_lost = attempts.may_have_been_applied();
            if response_lost {
                evicted.note_uncertain(changes);
            }
            if let Some((own, of_rosters)) = reasons.split_first() {
                // The session itself refused: it is gone, others wrote, or an earlier attempt did.
                if is_refused(own) {
                    return self
                        .table
                        .refused_save(save, own.item.clone(), response_lost);
                }
                if is_too_large(own) {
                    return Ok(SaveOutcome::TooLarge);
                }
                match self.amend(changes, of_rosters, evicted).await {
                    Ok(()) => {}
                    // G13: an attempt whose response was lost may still be carried out.
                    Err(Error::Service(mut error)) => {
                        error.outcome_unknown |= response_lost;
                        return Err(Error::Service(error));
                    }
                    Err(_) if response_lost => break,
                    Err(error) => return Err(error),
                }
            }
            // The first refusal most likely means that a value has no roster yet, or a full one.
            if attempt > 1 {
                pause(attempt).await;
            }
        }
        Err(ConflictError {
            outcome_unknown: attempts.may_have_been_applied(),
            ..ConflictError::new(save.handle, max_attempts)
        }
        .into())
    }
}
