//! How a change of many sessions goes: page by page of a default index, or through a roster.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::dynamodb::{MAX_REVOKE_ROUNDS, MAX_THROTTLED_RETRIES, Patience, pause};
use crate::error::{ConflictError, DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{MEMBERS, Member, Millis, RosterKey, members};
use crate::schema::SessionData;
use crate::store::index_selection::{IndexSelection, Pass};
use crate::store::update_handle::{Change, Selection};

use super::report::Report;

/// Which sessions are to be changed, and how.
pub(super) struct Order<S> {
    pub(super) selection: IndexSelection<S>,
    pub(super) change: Arc<dyn Fn(&mut S) + Send + Sync>,
}

/// The outcome for one session.
type Outcome = (SessionHandle, Result<Change<()>, Error>);

impl<S: SessionData> Order<S> {
    pub(super) async fn carry_out(&self, report: &mut Report) -> Result<(), Error> {
        if let Some(handle) = self.selection.only {
            report.updated.is_complete = true;
            let (handle, changed) = self.change_one(handle, &|_| true).await;
            report.note(handle, Ok(changed?));
            return Ok(());
        }
        if !self.selection.is_possible() {
            report.updated.is_complete = true;
            return Ok(());
        }
        report.updated.is_complete = self.selection.is_complete().await;
        if self.selection.of.attribute.roster().is_some() {
            return self.go_through_rosters(report).await;
        }
        let change = |handle| self.change_one(handle, &|_| true);
        let note = |pass, (handle, changed): Outcome| match pass {
            Pass::First => report.note(handle, changed),
            Pass::Second => report.note_again(handle, changed),
        };
        self.selection.go_through_index(change, note).await
    }

    /// A session that was in a roster at first and is not found under that handle has another one by now: either its
    /// mark has told, or the roster tells.
    async fn go_through_rosters(&self, report: &mut Report) -> Result<(), Error> {
        let mut entries = self.entries().await?;
        let mut met: HashSet<SessionHandle> = HashSet::new();
        // An entry of an earlier program, and its session under the handle that it has since, are one.
        let claimed = Mutex::new(HashSet::new());
        let is_first = |handle| {
            let mut claimed = claimed.lock().unwrap_or_else(PoisonError::into_inner);
            claimed.insert(handle)
        };
        for round in 1..=MAX_REVOKE_ROUNDS {
            let wanted = entries
                .iter()
                .filter(|entry| self.selection.is_old_enough(Some(entry.created_at)));
            let handles: Vec<_> = wanted.map(|entry| entry.handle).collect();
            met.extend(&handles);
            let mut lost = HashSet::new();
            let note = |(handle, changed): Outcome| {
                if let Ok(Change::Gone) = changed {
                    lost.insert(handle);
                }
                report.note(handle, changed);
            };
            let change = |handle| self.change_one(handle, &is_first);
            self.selection.for_each(handles, change, note).await;
            let gone = entries.iter().filter(|entry| lost.contains(&entry.handle));
            let gone: BTreeSet<Millis> = gone.map(|entry| entry.created_at).collect();
            if gone.is_empty() {
                return Ok(());
            }
            // A new id does not change when a session was created.
            entries = self.entries().await?;
            entries
                .retain(|entry| gone.contains(&entry.created_at) && !met.contains(&entry.handle));
            if entries.is_empty() {
                return Ok(());
            }
            pause(round).await;
        }
        for entry in entries {
            let error = ConflictError::new(entry.handle, MAX_REVOKE_ROUNDS);
            report.note(entry.handle, Err(error.into()));
        }
        Ok(())
    }

    /// The entries of the roster, and of those that earlier programs have made for the value.
    async fn entries(&self) -> Result<Vec<Member>, Error> {
        let table = self.selection.store.table();
        let keys = RosterKey::all(table.schema(), &self.selection.of);
        let rosters = table.rosters(&keys, Patience::WithThrottling).await?;
        let rosters = rosters.iter().map(members);
        let rosters: Option<Vec<_>> = rosters.collect();
        let rosters = rosters.ok_or_else(|| DecodeError::of_roster(MEMBERS))?;
        let mut entries: Vec<_> = rosters.into_iter().flatten().collect();
        entries.sort_by_key(Member::rank);
        entries.dedup_by_key(|entry| entry.handle);
        Ok(entries)
    }

    async fn change_one(
        &self,
        handle: SessionHandle,
        is_first: &(dyn Fn(SessionHandle) -> bool + Sync),
    ) -> Outcome {
        let mut throttled = 0;
        let selected = Mutex::new(None);
        let has = |handle, created_at| {
            let mut selected = selected.lock().unwrap_or_else(PoisonError::into_inner);
            // After a pause it is asked again.
            let was = selected.replace(handle);
            was == Some(handle) || self.has(handle, created_at) && is_first(handle)
        };
        let selection = Selection {
            value: Some(&self.selection.of),
            has: &has,
        };
        loop {
            let mut change = |session: &mut S| (self.change)(session);
            let changed = self
                .selection
                .store
                .change_wherever(handle, selection, &mut change);
            let changed = changed.await;
            let is_again = |error: &Error| matches!(error, Error::Service(error) if error.is_throttled() && !error.outcome_unknown());
            match changed {
                Err(error) if is_again(&error) && throttled < MAX_THROTTLED_RETRIES => {
                    throttled += 1;
                    pause(throttled).await;
                }
                changed => return (handle, changed),
            }
        }
    }

    /// Whether a session is to be changed, also under a handle that it has got since.
    fn has(&self, handle: SessionHandle, created_at: Option<Millis>) -> bool {
        !self.selection.spares(handle) && self.selection.is_old_enough(created_at)
    }
}
