//! Applies planned changes to rosters: adds, evicts or rejects a session.

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::dynamodb::{
    Attempts, Deleted, MAX_ENTER_ATTEMPTS, Transacted, Written, is_refused, pause, request, token,
};
use crate::error::{ConflictError, Error, LimitError};
use crate::id::SessionHandle;
use crate::item::{Entry, Evicted, Map, RosterChange, members};
use crate::schema::{IndexValue, OnLimit};

use super::members::Rosters;

/// How many sessions one transaction evicts. It has at most 100 parts.
const MAX_VICTIMS: usize = 8;

impl Rosters<'_> {
    /// Enters a new session, whose id nobody knows yet, into one of its rosters.
    ///
    /// After an error it may be entered or not, and the caller has to take it back.
    pub(super) async fn enter(
        &self,
        change: RosterChange,
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let mut changes = vec![change];
        for attempt in 1..=MAX_ENTER_ATTEMPTS {
            if self.try_to_enter(&mut changes, evicted).await? {
                return Ok(());
            }
            // The first refusal most likely means that the value has no roster yet, or a full one.
            if attempt > 1 {
                pause(attempt).await;
            }
        }
        let handle = changes.iter().find_map(|change| change.enters);
        match handle {
            Some(handle) => Err(ConflictError::new(handle, MAX_ENTER_ATTEMPTS).into()),
            None => Ok(()),
        }
    }

    /// Whether the session is entered; if not, `changes` is amended for the next attempt.
    async fn try_to_enter(
        &self,
        changes: &mut Vec<RosterChange>,
        evicted: &mut Evicted,
    ) -> Result<bool, Error> {
        let [change] = changes.as_mut_slice() else {
            return Ok(true);
        };
        if !change.victims().is_empty() {
            let attempts = Attempts::default();
            let items = self.transact_items(changes)?;
            return match self.table.transact(&token()?, items, &attempts).await {
                Ok(Transacted::Done) => {
                    evicted.note(changes);
                    Ok(true)
                }
                Ok(Transacted::Cancelled(reasons)) => {
                    // An attempt whose response was lost may have been carried out, and this one may
                    // have been refused because of it.
                    if attempts.may_have_been_applied() {
                        evicted.note_uncertain(changes);
                    }
                    self.amend(changes, &reasons, evicted).await?;
                    Ok(false)
                }
                Ok(Transacted::InProgress) => Ok(false),
                Err(error) => {
                    evicted.note_uncertain(changes);
                    Err(error.into())
                }
            };
        }
        // Without repetitions: one that is delayed could enter a session that has ended meanwhile.
        let request = request::change(self.schema(), change).into_update_item(self.table);
        match self.table.update_once(request).await {
            Ok(Written::Done(_)) => Ok(true),
            Ok(Written::ConditionFailed { old, .. }) => {
                self.make_room(change, old.as_ref(), &[], evicted).await?;
                Ok(false)
            }
            Ok(Written::TooLarge) => Err(limit_reached(&change.of).into()),
            Err(error) if error.is_retryable() && !error.outcome_unknown() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The writes of a transaction for these changes: each change, followed by the sessions that it evicts.
    /// A session that several changes evict follows the first of them: a transaction names an item once.
    pub(crate) fn transact_items(
        &self,
        changes: &[RosterChange],
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let mut items = Vec::new();
        let mut evicted = Vec::new();
        for change in changes {
            let statement = request::change(self.schema(), change);
            items.push(statement.into_transact_item(self.table)?);
            for victim in new_victims(change, &mut evicted) {
                let evict = request::evict(self.schema(), &change.of, victim);
                items.push(evict.into_transact_item(self.table)?);
            }
        }
        Ok(items)
    }

    /// Decides how the changes of a cancelled transaction are to be tried next, by the reasons for their
    /// [writes](Self::transact_items).
    pub(crate) async fn amend(
        &self,
        changes: &mut Vec<RosterChange>,
        mut reasons: &[CancellationReason],
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let mut kept: Vec<RosterChange> = Vec::with_capacity(changes.len());
        let mut evicted_before = Vec::new();
        for mut change in changes.drain(..) {
            let victims = new_victims(&change, &mut evicted_before).len();
            let (of_victims, rest) = match reasons.split_first() {
                Some((own, rest)) => {
                    let (of_victims, rest) = rest.split_at(victims.min(rest.len()));
                    if is_refused(own) {
                        // There is no roster to leave, so the change is done.
                        if change.enters.is_none() {
                            reasons = rest;
                            continue;
                        }
                        let old = own.item.as_ref();
                        let chosen = kept.iter().flat_map(RosterChange::victims);
                        let chosen: Vec<_> = chosen.copied().collect();
                        self.make_room(&mut change, old, &chosen, evicted).await?;
                    }
                    (of_victims, rest)
                }
                None => (reasons, reasons),
            };
            // A victim is gone or has moved, so there may be room without an eviction.
            if of_victims.iter().any(is_refused) {
                change.entry = Entry::IfBelowLimit;
            }
            reasons = rest;
            kept.push(change);
        }
        *changes = kept;
        Ok(())
    }

    /// Decides how a session gets its entry, after its roster, which is `item` now, has refused it.
    ///
    /// `chosen` are the victims of other rosters in the same transaction: a session that ends anyway is
    /// evicted here first.
    async fn make_room(
        &self,
        change: &mut RosterChange,
        item: Option<&Map>,
        chosen: &[SessionHandle],
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let Some((item, entries)) = item.and_then(|item| Some((item, members(item)?))) else {
            change.entry = Entry::CreateRoster;
            return Ok(());
        };
        // If the roster is kept longer already, the new end was the reason for the refusal.
        let kept_until = item.get(self.schema().names.expires_at);
        let kept_until = kept_until.and_then(|ends| ends.as_n().ok()?.parse::<u64>().ok());
        if kept_until > change.kept_until {
            change.kept_until = None;
        }
        change.entry = Entry::IfBelowLimit;
        let own = [change.enters, change.leaves];
        let is_in = entries
            .iter()
            .any(|entry| own.contains(&Some(entry.handle)));
        let limit = change.of.limit();
        let max_entries = limit.sessions as usize;
        let was_probe = change.max_entries < limit.sessions;
        change.max_entries = limit.sessions;
        if is_in || entries.len() < max_entries {
            // There is room. A probe was refused so as to see the roster, which may want a sweep.
            if was_probe {
                self.sweep(&change.of, &entries).await?;
            }
            return Ok(());
        }

        let (stale, live) = self.survey(&change.of, &entries).await?;
        if !stale.is_empty() {
            return self.drop_entries(&change.of, &stale).await;
        }
        // Some sessions have moved to another value since this roster was read: there may be room.
        if live.len() < entries.len() {
            return Ok(());
        }
        if limit.policy == OnLimit::Reject {
            return Err(limit_reached(&change.of).into());
        }
        let needed = entries.len() + 1 - max_entries;
        let oldest_first = live.into_iter().rev().map(|member| member.handle);
        let (shared, others): (Vec<_>, Vec<_>) =
            oldest_first.partition(|handle| chosen.contains(handle));
        let mut victims = shared.into_iter().chain(others);
        if needed <= MAX_VICTIMS {
            change.entry = Entry::Evicting {
                victims: victims.take(needed).collect(),
                expected_len: entries.len(),
            };
            return Ok(());
        }
        // The limit was made smaller: there are more victims than one transaction takes. All but one are
        // ended one by one.
        let surplus: Vec<_> = victims.by_ref().take(needed - 1).collect();
        let mut gone = Vec::new();
        for handle in surplus {
            let delete = || request::delete_if(self.table, handle, &change.of);
            match self.table.delete(delete).await? {
                Deleted::Removed(_) | Deleted::PresumedRemoved => {
                    evicted.ended.push(handle);
                    gone.push(handle);
                }
                Deleted::Absent => gone.push(handle),
                Deleted::ConditionFailed => {}
            }
        }
        self.drop_entries(&change.of, &gone).await
    }
}

/// The victims of a change that no change before it has evicted.
fn new_victims(change: &RosterChange, evicted: &mut Vec<SessionHandle>) -> Vec<SessionHandle> {
    let victims = change.victims().iter().copied();
    let new: Vec<_> = victims.filter(|victim| !evicted.contains(victim)).collect();
    evicted.extend(&new);
    new
}

fn limit_reached(of: &IndexValue) -> LimitError {
    LimitError {
        index: of.attribute.name,
        limit: of.limit().sessions,
    }
}
