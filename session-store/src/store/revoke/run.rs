//! How a revocation goes: page by page of a default index, or round by round of a roster.

use std::collections::{HashSet, VecDeque};

use aws_sdk_dynamodb::types::ReturnValue;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream;

use super::{Order, Outcome, Progress, RevokeFailure, Revoked};
use crate::dynamodb::failure::Attempts;
use crate::dynamodb::request::session as request;
use crate::dynamodb::write::{Deleted, MAX_ATTEMPTS, backoff, conflict};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::image::{handle_of, stored_expiry};
use crate::item::lifetime::{Millis, is_live};
use crate::item::roster::{Member, Roster, members};
use crate::item::shards::Partition;
use crate::item::value::Map;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// How often a roster is gone through. More than once is for sessions that move meanwhile.
const MAX_ROUNDS: u32 = 8;

/// Of how many partitions of an index a page is held at once.
const PAGES: usize = 8;

/// How many keys a page has at most: it is held until its sessions are ended. Their query is billed by
/// half a unit more at most for the end of a page.
const KEYS: i32 = 1_000;

/// What was done so far, and who is told.
pub(super) struct Report {
    pub(super) revoked: Revoked,
    pub(super) progress: Option<Progress>,
}

impl Report {
    fn note(&mut self, handle: SessionHandle, outcome: Result<Outcome, Error>) {
        self.revoked.note(handle, outcome);
        if let Some(progress) = &mut self.progress {
            progress(&self.revoked);
        }
    }
}

impl<S: SessionAttributes + 'static> Order<S> {
    pub(super) async fn carry_out(&self, report: &mut Report) -> Result<(), Error> {
        if let Some(handle) = self.only {
            self.end_one(handle, report).await
        } else if self.of.attribute.roster().is_some() {
            self.go_through_roster(report).await
        } else {
            self.go_through_index(report, Pass::First).await?;
            if let Some(delay) = self.sweep_after {
                tokio::time::sleep(delay).await;
                self.go_through_index(report, Pass::Second).await?;
            }
            Ok(())
        }
    }

    async fn end_one(&self, handle: SessionHandle, report: &mut Report) -> Result<(), Error> {
        if self.except.contains(&handle) {
            return Ok(());
        }
        let (_, outcome) = self.store.revoke_if(handle, &self.of).await;
        let outcome = outcome?;
        if self.of.attribute.roster().is_some() && !matches!(outcome, Outcome::Moved) {
            let roster = std::slice::from_ref(&self.of);
            self.store.leave_all(roster, handle).await;
        }
        report.note(handle, Ok(outcome));
        Ok(())
    }

    async fn go_through_index(&self, report: &mut Report, pass: Pass) -> Result<(), Error> {
        let partitions = self.of.partitions().into_iter();
        let mut unread: VecDeque<_> = partitions.map(|partition| (partition, None)).collect();
        while !unread.is_empty() {
            let pages = unread.drain(..unread.len().min(PAGES));
            let pages = pages.map(|(partition, start)| self.page(partition, start));
            let mut handles = Vec::new();
            for (partition, found, start) in try_join_all(pages).await? {
                handles.extend(found);
                if start.is_some() {
                    unread.push_back((partition, start));
                }
            }
            let (store, of) = (&self.store, &self.of);
            let mut deletes = stream::iter(handles)
                .map(|handle| store.revoke_if(handle, of))
                .buffer_unordered(self.in_flight);
            while let Some((handle, outcome)) = deletes.next().await {
                if let Pass::Second = pass {
                    // The first pass has counted it.
                    if matches!(outcome, Ok(Outcome::AlreadyGone | Outcome::Moved)) {
                        continue;
                    }
                    report
                        .revoked
                        .failed
                        .retain(|failure| failure.handle != handle);
                }
                report.note(handle, outcome);
            }
        }
        Ok(())
    }

    /// A page of a partition: whom it names, and where the next begins.
    async fn page(
        &self,
        partition: Partition,
        start: Option<Map>,
    ) -> Result<(Partition, Vec<SessionHandle>, Option<Map>), Error> {
        let (target, attribute) = (self.store.target(), self.of.attribute);
        let find = request::find(
            target,
            attribute,
            &partition,
            self.created_before,
            start,
            Some(KEYS),
        );
        let page = find.send().await;
        let page = page.map_err(|error| self.store.failed("Query", error))?;
        let keys = page.items().iter();
        let handles = keys.filter_map(|key| handle_of(S::SCHEMA, key));
        let handles = handles.filter(|handle| !self.except.contains(handle));
        Ok((partition, handles.collect(), page.last_evaluated_key))
    }

    async fn go_through_roster(&self, report: &mut Report) -> Result<(), Error> {
        let mut entries = self.store.entries(&self.of).await?;
        let newest = entries.iter().map(|entry| entry.created_at).max();
        // Those that cannot be ended at all, and those that could not be in the last round.
        let mut hopeless = HashSet::new();
        let mut moved = HashSet::new();
        for round in 1..=MAX_ROUNDS {
            report
                .revoked
                .failed
                .retain(|failure| hopeless.contains(&failure.handle));
            moved.clear();
            let handles = self.wanted(&entries, newest);
            let handles: Vec<_> = handles
                .filter(|handle| !hopeless.contains(handle))
                .collect();
            if handles.is_empty() {
                break;
            }
            let mut gone = Vec::with_capacity(handles.len());
            let (store, of) = (&self.store, &self.of);
            let mut deletes = stream::iter(handles)
                .map(|handle| store.revoke_if(handle, of))
                .buffer_unordered(self.in_flight);
            while let Some((handle, outcome)) = deletes.next().await {
                match &outcome {
                    Ok(Outcome::Moved) => {
                        moved.insert(handle);
                        continue;
                    }
                    Ok(Outcome::Deleted | Outcome::AlreadyGone) => gone.push(handle),
                    Err(error) if !is_retryable(error) => {
                        hopeless.insert(handle);
                    }
                    Err(_) => {}
                }
                report.note(handle, outcome);
            }
            drop(deletes);
            entries = match gone.is_empty() {
                // Perhaps those that moved away have left the roster by now.
                true => {
                    backoff(round).await;
                    self.store.entries(&self.of).await?
                }
                false => {
                    let left = self
                        .store
                        .leave(&self.of, &gone, ReturnValue::AllNew)
                        .await?;
                    left.as_ref().and_then(members).unwrap_or_default()
                }
            };
        }
        let revoked = &mut report.revoked;
        revoked.moved += moved.len();
        let failed: HashSet<_> = revoked
            .failed
            .iter()
            .map(|failure| failure.handle)
            .collect();
        let left = self.wanted(&entries, newest);
        let left = left.filter(|handle| !failed.contains(handle) && !moved.contains(handle));
        revoked.failed.extend(left.map(|handle| RevokeFailure {
            handle,
            error: conflict(handle, MAX_ROUNDS).into(),
        }));
        Ok(())
    }

    /// Those of a roster that are to be ended: none that came after it was first read.
    fn wanted<'a>(
        &'a self,
        entries: &'a [Member],
        newest: Option<Millis>,
    ) -> impl Iterator<Item = SessionHandle> + 'a {
        let before = self.created_before;
        entries
            .iter()
            .filter(move |entry| Some(entry.created_at) <= newest)
            .filter(move |entry| before.is_none_or(|before| entry.created_at < before))
            .map(|entry| entry.handle)
            .filter(|handle| !self.except.contains(handle))
    }
}

/// Which time it is that an index is gone through.
#[derive(Clone, Copy)]
enum Pass {
    First,
    /// For what the index had not shown yet.
    Second,
}

fn is_retryable(error: &Error) -> bool {
    matches!(error, Error::Service(error) if error.is_retryable())
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Ends a session if it has this value. Where there were too many requests, it waits and tries
    /// again, beyond what the SDK does.
    async fn revoke_if(
        &self,
        handle: SessionHandle,
        of: &Roster,
    ) -> (SessionHandle, Result<Outcome, Error>) {
        let attempts = Attempts::default();
        let request = || request::delete_if(self.target(), handle, of);
        for attempt in 1..MAX_ATTEMPTS {
            match self.delete_attempt(request, &attempts).await {
                Err(Error::Service(error)) if error.is_throttled() => backoff(attempt).await,
                deleted => return (handle, deleted.map(|was| self.outcome(handle, was))),
            }
        }
        let deleted = self.delete_attempt(request, &attempts).await;
        (handle, deleted.map(|was| self.outcome(handle, was)))
    }

    pub(super) fn outcome(&self, handle: SessionHandle, deleted: Deleted) -> Outcome {
        match deleted {
            Deleted::Was(item) => match stored_expiry(S::SCHEMA, handle, &item) {
                Ok(expires_at) if !is_live(expires_at, self.now()) => Outcome::AlreadyGone,
                _ => Outcome::Deleted,
            },
            Deleted::Lost => Outcome::Deleted,
            Deleted::Absent => Outcome::AlreadyGone,
            Deleted::Refused => Outcome::Moved,
        }
    }
}
