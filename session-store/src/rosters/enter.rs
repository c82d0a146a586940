//! Applies planned changes to rosters: adds, evicts or rejects a session.

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::dynamodb::{
    Attempts, Deleted, MAX_ENTER_ATTEMPTS, Transacted, Written, is_refused, pause, request, token,
};
use crate::error::{ConflictError, Error, LimitError};
use crate::id::SessionHandle;
use crate::item::{
    Entry, Evicted, FullRoster, Map, RosterChange, choose_victims, foreign_entries, members,
};
use crate::schema::OnLimit;

use super::leave::Rosters;
use super::members::Survey;

/// How many sessions one transaction evicts. It has at most 100 parts.
const MAX_VICTIMS: usize = 8;

impl Rosters<'_> {
    /// Enters a new session, whose id nobody knows yet, into its rosters.
    ///
    /// After an error it may be entered or not, and the caller has to take it back. If a roster refuses it
    /// for good, no session was ended for another: rosters that can refuse come first, and sessions are
    /// evicted only when nothing but evictions is left to do.
    pub(super) async fn enter(
        &self,
        mut changes: Vec<RosterChange>,
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let handle = changes.iter().find_map(|change| change.enters);
        changes.sort_by_key(|change| change.limit.policy != OnLimit::Reject);
        for attempt in 1..=MAX_ENTER_ATTEMPTS {
            if changes.is_empty() {
                return Ok(());
            }
            changes = self.try_to_enter(changes, evicted).await?;
            // The first refusal most likely means that the value has no roster yet, or a full one.
            if attempt > 1 && !changes.is_empty() {
                pause(attempt).await;
            }
        }
        match handle.filter(|_| !changes.is_empty()) {
            Some(handle) => Err(ConflictError::new(handle, MAX_ENTER_ATTEMPTS).into()),
            None => Ok(()),
        }
    }

    /// Gives the changes that are left for the next attempt.
    async fn try_to_enter(
        &self,
        changes: Vec<RosterChange>,
        evicted: &mut Evicted,
    ) -> Result<Vec<RosterChange>, Error> {
        let (evicting, plain): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| !change.victims().is_empty());
        if plain.is_empty() {
            return self.evict(evicting, evicted).await;
        }
        let mut full = Vec::new();
        let mut plain = plain.into_iter();
        while let Some(mut change) = plain.next() {
            // Without repetitions: one that is delayed could enter a session that has ended meanwhile.
            let request = request::change(self.schema(), &change).into_update_item(self.table);
            let room = match self.table.update_once(request).await {
                Ok(Written::Done(_)) => continue,
                Ok(Written::ConditionFailed { old, .. }) => {
                    self.look_for_room(&mut change, old.as_ref(), evicted)
                        .await?
                }
                Ok(Written::TooLarge) => return Err(limit_reached(&change).into()),
                Err(error) if error.is_retryable() && !error.outcome_unknown() => Room::Perhaps,
                Err(error) => return Err(error.into()),
            };
            if let Room::AfterEviction(roster) = room {
                full.push((change, roster));
                continue;
            }
            // Those after it wait: this one may still refuse.
            let full = full.into_iter().map(|(change, _)| change);
            let left = std::iter::once(change).chain(plain).chain(full);
            return Ok(left.chain(evicting).collect());
        }
        let chosen: Vec<_> = evicting
            .iter()
            .flat_map(RosterChange::victims)
            .copied()
            .collect();
        let full = with_victims(full, &chosen);
        Ok(evicting.into_iter().chain(full).collect())
    }

    /// Enters a session where others have to end for it: in one transaction, whatever the number of rosters.
    async fn evict(
        &self,
        mut changes: Vec<RosterChange>,
        evicted: &mut Evicted,
    ) -> Result<Vec<RosterChange>, Error> {
        let attempts = Attempts::default();
        let items = self.transact_items(&changes)?;
        match self.table.transact(&token()?, items, &attempts).await {
            Ok(Transacted::Done) => {
                evicted.note(&changes);
                Ok(Vec::new())
            }
            Ok(Transacted::Cancelled(reasons)) => {
                // An attempt whose response was lost may have been carried out, and this one may
                // have been refused because of it.
                if attempts.may_have_been_applied() {
                    evicted.note_uncertain(&changes);
                }
                self.amend(&mut changes, &reasons, evicted).await?;
                Ok(changes)
            }
            Ok(Transacted::InProgress) => Ok(changes),
            Err(error) => {
                evicted.note_uncertain(&changes);
                Err(error.into())
            }
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
        let (mut kept, mut refused) = (Vec::with_capacity(changes.len()), Vec::new());
        let mut evicted_before = Vec::new();
        for mut change in changes.drain(..) {
            let victims = new_victims(&change, &mut evicted_before).len();
            let Some((own, rest)) = reasons.split_first() else {
                kept.push(change);
                continue;
            };
            let (of_victims, rest) = rest.split_at(victims.min(rest.len()));
            reasons = rest;
            if is_refused(own) {
                // There is no roster to leave, so the change is done.
                if change.enters.is_some() {
                    refused.push((change, own.item.as_ref()));
                }
                continue;
            }
            // A victim is gone or has moved, so there may be room without an eviction.
            if of_victims.iter().any(is_refused) {
                change.entry = Entry::IfBelowLimit;
            }
            kept.push(change);
        }
        refused.sort_by_key(|(change, _)| change.limit.policy != OnLimit::Reject);
        let mut full = Vec::new();
        for (mut change, item) in refused {
            match self.look_for_room(&mut change, item, evicted).await? {
                Room::Perhaps => kept.push(change),
                Room::AfterEviction(roster) => full.push((change, roster)),
            }
        }
        let chosen: Vec<_> = kept
            .iter()
            .flat_map(RosterChange::victims)
            .copied()
            .collect();
        kept.extend(with_victims(full, &chosen));
        *changes = kept;
        Ok(())
    }

    /// Looks how a session can get its entry, after its roster, which is `item` now, has refused it.
    async fn look_for_room(
        &self,
        change: &mut RosterChange,
        item: Option<&Map>,
        evicted: &mut Evicted,
    ) -> Result<Room, Error> {
        let Some((item, entries)) = item.and_then(|item| Some((item, members(item)?))) else {
            let earlier = self.adopt_earlier(&change.of, change.kept_until);
            change.entry = if earlier.await? {
                Entry::IfBelowLimit
            } else {
                Entry::CreateRoster
            };
            return Ok(Room::Perhaps);
        };
        // If the roster is kept longer already, the new end was the reason for the refusal. So it was if the
        // end is no number, with which TTL never deletes the roster.
        let kept_until = item.get(self.schema().names.expires_at);
        let kept_until = kept_until.and_then(|ends| ends.as_n().ok()?.parse::<f64>().ok());
        change.is_kept_longer = kept_until.is_none_or(|ends| ends > change.kept_until as f64);
        let foreign = foreign_entries(item);
        if !foreign.is_empty() {
            self.remove_entries(&change.of, foreign).await?;
            change.entry = Entry::IfBelowLimit;
            return Ok(Room::Perhaps);
        }
        change.entry = Entry::IfBelowLimit;
        let own = [change.enters, change.leaves];
        let is_in = entries
            .iter()
            .any(|entry| own.contains(&Some(entry.handle)));
        let limit = change.limit;
        let max_entries = limit.sessions as usize;
        let was_probe = change.max_entries < limit.sessions;
        change.max_entries = limit.sessions;
        if is_in || entries.len() < max_entries {
            // There is room. A probe was refused so as to see the roster, which may want a sweep.
            if was_probe {
                self.sweep(&change.of, &entries).await?;
            }
            return Ok(Room::Perhaps);
        }

        let Survey { stale, moved, live } = self.survey(&change.of, &entries).await?;
        if !stale.is_empty() {
            self.drop_entries(&change.of, &stale).await?;
            return Ok(Room::Perhaps);
        }
        if !moved.is_empty() {
            self.drop_moved(&change.of, &moved).await?;
            return Ok(Room::Perhaps);
        }
        if limit.policy == OnLimit::Reject {
            return Err(limit_reached(change).into());
        }
        let needed = entries.len() + 1 - max_entries;
        let live: Vec<_> = live.into_iter().map(|(_, handle)| handle).collect();
        if needed <= MAX_VICTIMS {
            return Ok(Room::AfterEviction(FullRoster {
                live,
                needed,
                len: entries.len(),
            }));
        }
        // The limit was made smaller: there are more victims than one transaction takes. All but one are
        // ended one by one.
        let mut gone = Vec::new();
        for handle in live.into_iter().take(needed - 1) {
            let delete = || request::delete_if(self.table, handle, &change.of, None);
            match self.table.delete(delete).await? {
                Deleted::Removed(_) | Deleted::PresumedRemoved => {
                    evicted.ended.push(handle);
                    gone.push(handle);
                }
                Deleted::Absent => gone.push(handle),
                Deleted::ConditionFailed(_) => {}
            }
        }
        self.drop_entries(&change.of, &gone).await?;
        Ok(Room::Perhaps)
    }
}

/// How a session can get an entry in a roster that has refused it.
enum Room {
    /// As its entry now says.
    Perhaps,
    /// Other sessions of the roster have to end.
    AfterEviction(FullRoster),
}

/// Chooses who is evicted, as few sessions as possible for all of these rosters together.
fn with_victims(
    full: Vec<(RosterChange, FullRoster)>,
    chosen: &[SessionHandle],
) -> impl Iterator<Item = RosterChange> {
    let (changes, rosters): (Vec<_>, Vec<_>) = full.into_iter().unzip();
    let victims = choose_victims(&rosters, chosen);
    let changes = changes.into_iter().zip(rosters).zip(victims);
    changes.map(|((mut change, roster), victims)| {
        change.entry = Entry::Evicting {
            victims,
            expected_len: roster.len,
        };
        change
    })
}

/// The victims of a change that no change before it has evicted.
fn new_victims(change: &RosterChange, evicted: &mut Vec<SessionHandle>) -> Vec<SessionHandle> {
    let victims = change.victims().iter().copied();
    let new: Vec<_> = victims.filter(|victim| !evicted.contains(victim)).collect();
    evicted.extend(&new);
    new
}

fn limit_reached(change: &RosterChange) -> LimitError {
    LimitError {
        index: change.of.attribute.name,
        limit: change.limit.sessions,
    }
}
