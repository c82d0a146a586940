//! How a revocation goes: page by page of a default index, or round by round of a roster.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::ReturnValue;

use crate::dynamodb::{Deleted, MAX_REVOKE_ROUNDS, Patience, Table, pause, request};
use crate::error::{Chain, ConflictError, DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{
    Found, MEMBERS, Member, Millis, RosterKey, is_of_another_type, members, moved_to, rosters_of,
};
use crate::rosters::Rosters;
use crate::schema::{IndexValue, SessionAttributes};

use super::report::{Outcome, Report, RevokeFailure};
use crate::store::index_selection::{IndexSelection, Pass};

/// Which sessions are to be ended, and how.
pub(super) struct Order<S> {
    pub(super) selection: IndexSelection<S>,
    /// When it began.
    pub(super) began: Millis,
    /// Whether nothing is to be left of these sessions, in no roster.
    pub(super) erases: bool,
    /// Whether something was left all the same.
    pub(super) has_left: AtomicBool,
}

impl<S: SessionAttributes + 'static> Order<S> {
    pub(super) async fn carry_out(&self, report: &mut Report) -> Result<(), Error> {
        if let Some(handle) = self.selection.only {
            report.revoked.is_complete = true;
            return self.end_one(handle, report).await;
        }
        if !self.selection.is_possible() {
            report.revoked.is_complete = true;
            return Ok(());
        }
        report.revoked.is_complete = self.selection.is_complete().await;
        if self.of().attribute.roster().is_some() {
            self.go_through_rosters(report).await?;
        } else {
            self.go_through_index(report).await?;
        }
        if self.erases {
            self.check_erased(report).await?;
        }
        Ok(())
    }

    fn table(&self) -> &Table {
        self.selection.store.table()
    }

    fn rosters(&self) -> Rosters<'_> {
        self.selection.store.rosters()
    }

    fn of(&self) -> &IndexValue {
        &self.selection.of
    }

    async fn end_one(&self, handle: SessionHandle, report: &mut Report) -> Result<(), Error> {
        if self.selection.spares(handle) {
            return Ok(());
        }
        let (handle, outcome) = self.revoke_wherever(handle).await;
        let outcome = outcome?;
        // A session that is gone leaves its roster; one that has moved keeps its entry.
        if self.of().attribute.roster().is_some()
            && !matches!(outcome, Outcome::Moved | Outcome::OfAnotherType)
        {
            let roster = std::slice::from_ref(self.of());
            self.rosters().leave_for_good(roster, handle).await;
        }
        report.note(handle, Ok(outcome));
        Ok(())
    }

    async fn go_through_index(&self, report: &mut Report) -> Result<(), Error> {
        let end = |handle| self.revoke_wherever(handle);
        let note = |pass, (handle, outcome): (SessionHandle, Result<Outcome, Error>)| {
            if pass == Pass::Second {
                // The first pass has counted these.
                if !matches!(outcome, Ok(Outcome::Deleted) | Err(_)) {
                    return;
                }
                let failed = &mut report.revoked.failed;
                failed.retain(|failure| failure.handle != handle);
            }
            report.note(handle, outcome);
        };
        self.selection.go_through_index(end, note).await
    }

    /// Goes through the rosters of earlier programs first: a session only ever moves from there to its own.
    async fn go_through_rosters(&self, report: &mut Report) -> Result<(), Error> {
        let (table, schema) = (self.table(), self.table().schema());
        let mut keys = RosterKey::all(schema, self.of());
        let patience = Patience::WithThrottling;
        let found = table.rosters(&keys, patience).await?;
        let mut met = Met::default();
        let (mut rosters, mut unreadable) = (Vec::new(), false);
        keys.reverse();
        for key in keys {
            let roster = found.iter().find(|item| key.is_of(schema, item));
            match roster.map(members) {
                Some(Some(entries)) => rosters.push((key, entries)),
                Some(None) => unreadable = true,
                None => {}
            }
        }
        let entries = rosters.iter().flat_map(|(_, entries)| entries);
        met.newest = entries.map(|entry| entry.created_at).max();
        let own = RosterKey::of(schema, self.of());
        let mut has_earlier = false;
        for (key, entries) in rosters {
            if key != own {
                has_earlier = true;
                self.go_through_roster(&key, entries, report, &mut met)
                    .await?;
            } else if !has_earlier {
                self.go_through_roster(&key, entries, report, &mut met)
                    .await?;
            }
        }
        if has_earlier {
            // Meanwhile sessions may have moved here, and the roster may have begun.
            let entries = table.members(&own, patience).await?;
            self.go_through_roster(&own, entries, report, &mut met)
                .await?;
        }
        report.revoked.moved += met.moved.len();
        if unreadable {
            return Err(DecodeError::of_roster(MEMBERS).into());
        }
        Ok(())
    }

    async fn go_through_roster(
        &self,
        roster: &RosterKey,
        mut entries: Vec<Member>,
        report: &mut Report,
        met: &mut Met,
    ) -> Result<(), Error> {
        let table = self.table();
        // The entries of other types are theirs to drop, and they may be in an earlier roster.
        let drops_moved = *roster == RosterKey::of(table.schema(), self.of());
        let met_before = entries.iter().map(|entry| entry.handle);
        let met_before: Vec<_> = met_before
            .filter(|handle| met.gone.contains(handle))
            .collect();
        let rosters = self.rosters();
        if !met_before.is_empty() {
            let left = rosters.leave(roster, &met_before, ReturnValue::None);
            note_remains(left.await.map(drop));
        }
        for round in 1..=MAX_REVOKE_ROUNDS {
            let handles = self.wanted(&entries, met.newest);
            let handles = handles.filter(|handle| {
                !met.failed_for_good.contains(handle) && !met.gone.contains(handle)
            });
            let handles = handles.filter(|handle| drops_moved || !met.strangers.contains(handle));
            let handles: Vec<_> = handles.collect();
            if handles.is_empty() {
                break;
            }
            let failed = &mut report.revoked.failed;
            failed.retain(|failure| !handles.contains(&failure.handle));
            let (mut gone, mut moved) = (Vec::with_capacity(handles.len()), Vec::new());
            let note = |(handle, outcome): (SessionHandle, Result<Outcome, Error>)| {
                met.moved.remove(&handle);
                match &outcome {
                    Ok(Outcome::Moved | Outcome::OfAnotherType) => {
                        moved.push(handle);
                        met.strangers.insert(handle);
                        if let Ok(Outcome::Moved) = outcome {
                            met.moved.insert(handle);
                        }
                        return;
                    }
                    Ok(Outcome::Deleted | Outcome::AlreadyGone) => gone.push(handle),
                    Err(error) if !is_retryable(error) => {
                        met.failed_for_good.insert(handle);
                    }
                    Err(_) => {}
                }
                report.note(handle, outcome);
            };
            let end = |handle| self.revoke_if(handle);
            self.selection.for_each(handles, end, note).await;
            if drops_moved && !moved.is_empty() {
                // A session that comes back keeps its entry, or gets a new one, and is met again.
                note_remains(rosters.drop_moved(self.of(), &moved).await);
            }
            let left = if gone.is_empty() {
                // No session ended. Those that moved may have left the roster by now.
                pause(round).await;
                Ok(None)
            } else {
                let left = rosters.leave(roster, &gone, ReturnValue::AllNew);
                left.await.map(Some)
            };
            met.gone.extend(gone);
            entries = match left {
                Ok(Some(left)) => left.as_ref().and_then(members).unwrap_or_default(),
                // The sessions have ended all the same. But only the roster tells whether others moved.
                failed => {
                    note_remains(failed.map(drop));
                    table.members(roster, Patience::WithThrottling).await?
                }
            };
        }
        if entries.is_empty() && !met.gone.is_empty() && !self.erases {
            note_remains(rosters.end_if_empty(roster).await);
        }
        let failed: HashSet<_> = report
            .revoked
            .failed
            .iter()
            .map(|failure| failure.handle)
            .collect();
        let left = self.wanted(&entries, met.newest).filter(|handle| {
            let is_known = failed.contains(handle) || met.gone.contains(handle);
            !is_known && !met.strangers.contains(handle)
        });
        report
            .revoked
            .failed
            .extend(left.map(|handle| RevokeFailure {
                handle,
                error: ConflictError::new(handle, MAX_REVOKE_ROUNDS).into(),
            }));
        Ok(())
    }

    /// The sessions of a roster that are to be ended: not those that were created after it was first read.
    fn wanted<'a>(
        &'a self,
        entries: &'a [Member],
        newest: Option<Millis>,
    ) -> impl Iterator<Item = SessionHandle> + 'a {
        entries
            .iter()
            .filter(move |entry| Some(entry.created_at) <= newest)
            .filter(|entry| self.selection.is_old_enough(Some(entry.created_at)))
            .map(|entry| entry.handle)
            .filter(|handle| !self.selection.spares(*handle))
    }
}

/// The sessions that a revocation has met in the rosters of a value.
#[derive(Default)]
struct Met {
    /// When the youngest of them was created, as the rosters were first read.
    newest: Option<Millis>,
    failed_for_good: HashSet<SessionHandle>,
    gone: HashSet<SessionHandle>,
    /// Those that have another value.
    moved: HashSet<SessionHandle>,
    /// Those, and those of another type.
    strangers: HashSet<SessionHandle>,
}

/// An entry that remains is of a session that has ended or moved, and is dropped when it is met again.
fn note_remains(cleaned_up: Result<(), Error>) {
    if let Err(error) = cleaned_up {
        tracing::debug!(error = %Chain(&error), "entries of sessions that were revoked remain in their roster");
    }
}

fn is_retryable(error: &Error) -> bool {
    matches!(error, Error::Service(error) if error.is_retryable())
}

impl<S: SessionAttributes + 'static> Order<S> {
    /// Removes a session that was erased from the rosters of its other values.
    async fn leave_others(&self, handle: SessionHandle, deleted: &Result<Deleted, Error>) {
        if !self.erases {
            return;
        }
        let has_left = match deleted {
            Ok(Deleted::Removed(item)) => {
                let mut rosters = rosters_of(self.table().schema(), item);
                rosters.retain(|roster| roster.attribute.name != self.of().attribute.name);
                !self.rosters().leave_for_good(&rosters, handle).await
            }
            // Nobody knows what it held.
            Ok(Deleted::PresumedRemoved) => true,
            Ok(Deleted::Absent | Deleted::ConditionFailed(_)) | Err(_) => false,
        };
        self.has_left.fetch_or(has_left, Ordering::Relaxed);
    }

    /// An erasure is complete if no roster of the value is there.
    async fn check_erased(&self, report: &mut Report) -> Result<(), Error> {
        let table = self.table();
        let keys = RosterKey::all(table.schema(), self.of());
        let mut has_left = self.has_left.load(Ordering::Relaxed);
        if self.of().attribute.roster().is_some() {
            for key in &keys {
                note_remains(self.rosters().end_if_empty(key).await);
            }
            let rosters = table.rosters(&keys, Patience::WithThrottling).await?;
            has_left |= !rosters.is_empty();
        }
        report.revoked.is_complete &= !has_left;
        Ok(())
    }

    /// Ends a session if it has the value.
    async fn revoke_if(&self, handle: SessionHandle) -> (SessionHandle, Result<Outcome, Error>) {
        let table = self.table();
        let delete = || request::delete_if(table, handle, self.of(), None);
        let deleted = table.delete_patiently(delete).await;
        self.leave_others(handle, &deleted).await;
        (handle, deleted.map(|was| outcome(table, handle, was)))
    }

    /// The same under its new handle, if it has one since. That of a log-in stays: it is a session of its own,
    /// which began after this revocation.
    async fn revoke_wherever(&self, of: SessionHandle) -> (SessionHandle, Result<Outcome, Error>) {
        let table = self.table();
        let mut handle = of;
        let before = self
            .selection
            .created_before
            .unwrap_or(Millis(self.began.0 + 1));
        for hop in 0..MAX_REVOKE_ROUNDS {
            let created_before = (hop > 0).then_some(before);
            let delete = || request::delete_if(table, handle, self.of(), created_before);
            let deleted = table.delete_patiently(delete).await;
            self.leave_others(handle, &deleted).await;
            let deleted = match deleted {
                Ok(deleted) => deleted,
                Err(error) => return (handle, Err(error)),
            };
            if let Deleted::ConditionFailed(item) = &deleted
                && let Some(to) = moved_to(table.schema(), item)
                && !self.selection.spares(to)
            {
                handle = to;
                continue;
            }
            // The session of the old handle is gone, and the roster keeps the entry of the new one.
            if let (Deleted::ConditionFailed(_), 1..) = (&deleted, hop) {
                return (of, Ok(Outcome::AlreadyGone));
            }
            return (handle, Ok(outcome(table, handle, deleted)));
        }
        let error = ConflictError::new(handle, MAX_REVOKE_ROUNDS);
        (handle, Err(error.into()))
    }
}

/// The outcome for a session whose delete ended so.
pub(super) fn outcome(table: &Table, handle: SessionHandle, deleted: Deleted) -> Outcome {
    match deleted {
        Deleted::Removed(item) => {
            match Found::of(table.schema(), handle, Some(item), table.now()) {
                Ok(Found::Expired) => Outcome::AlreadyGone,
                _ => Outcome::Deleted,
            }
        }
        Deleted::PresumedRemoved => Outcome::Deleted,
        Deleted::Absent => Outcome::AlreadyGone,
        Deleted::ConditionFailed(item) if is_of_another_type(table.schema(), &item) => {
            Outcome::OfAnotherType
        }
        // It has a new handle, under which it is met.
        Deleted::ConditionFailed(item) if moved_to(table.schema(), &item).is_some() => {
            Outcome::AlreadyGone
        }
        Deleted::ConditionFailed(_) => Outcome::Moved,
    }
}
