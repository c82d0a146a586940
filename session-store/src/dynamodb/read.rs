//! Reads: of one session, of a roster, of what a listing shows, and of an index.

use std::collections::HashMap;

use futures_util::future::join_all;

use crate::error::{Chain, ServiceError};
use crate::id::SessionHandle;
use crate::item::{
    COMPLETE, CUTOFFS, CompleteIndexes, Map, Member, Millis, Partition, Position, RosterKey,
    Window, cutoff_of, handle_of, is_before_cutoff, is_of_another_type, members, moved_to,
};
use crate::schema::Attribute;

use super::request;
use super::retry::{MAX_BATCH_ATTEMPTS, pause};
use super::send::{Patience, Sending};
use super::table::Table;

/// A page of the keys in one partition of a default index.
pub(crate) struct KeysPage {
    pub(crate) keys: Vec<Map>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<Map>,
}

impl Table {
    /// The item of a session; none if it was revoked by the cutoff.
    pub(crate) async fn read(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Map>, ServiceError> {
        if self.schema().revoke_all {
            return self.read_checked_against_cutoff(handle, consistent).await;
        }
        let request = request::load(self, handle, consistent);
        let read = self.send(request, Sending::Read).await?;
        Ok(read.item)
    }

    /// Reads a session and the cutoff together.
    async fn read_checked_against_cutoff(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Map>, ServiceError> {
        let mut items = Vec::new();
        let first_too = self.is_first_cutoff_due();
        let mut request = request::load_with_cutoff(self, handle, consistent, first_too);
        for attempt in 1..=MAX_BATCH_ATTEMPTS {
            let read = self.send(request, Sending::Read).await?;
            let answered = read.responses.into_iter().flatten();
            items.extend(answered.flat_map(|(_, items)| items));
            let Some(left) = read.unprocessed_keys.filter(|left| !left.is_empty()) else {
                let is_session = |item: &Map| handle_of(self.schema(), item).is_some();
                let (sessions, copies): (Vec<_>, Vec<_>) = items.into_iter().partition(is_session);
                let moments = copies.iter().map(moment_of);
                let moments = moments.collect::<Result<Vec<_>, _>>()?;
                let cutoff = moments.iter().max().copied();
                if first_too {
                    let is_everywhere = match (cutoff, moments.as_slice()) {
                        (None, _) => true,
                        (Some(_), [first, copy]) if first == copy => true,
                        (Some(cutoff), _) => self.copy_cutoff(cutoff).await,
                    };
                    if is_everywhere {
                        self.note_first_cutoff();
                    }
                }
                let Some(session) = sessions.into_iter().next() else {
                    return Ok(None);
                };
                if cutoff.is_some_and(|cutoff| is_before_cutoff(self.schema(), &session, cutoff)) {
                    self.end_revoked(handle, &session).await;
                    return Ok(None);
                }
                return Ok(Some(session));
            };
            request = request::unprocessed(self, left);
            pause(attempt).await;
        }
        Err(ServiceError::unprocessed("BatchGetItem"))
    }

    /// Brings all copies of the cutoff up to this moment: an earlier program, or a write that failed, has set
    /// some of them alone. Whether that worked; if not, the next load reads the first copy again.
    async fn copy_cutoff(&self, moment: Millis) -> bool {
        let copies = (0..CUTOFFS).map(|copy| async move {
            let revoke = || {
                let cutoff = request::revoke_all(self.schema(), copy, moment);
                cutoff.into_update_item(self)
            };
            self.update(revoke).await.map(drop)
        });
        let copied: Result<Vec<_>, _> = join_all(copies).await.into_iter().collect();
        if let Err(error) = &copied {
            tracing::debug!(error = %Chain(error), "not all copies of the moment of `revoke_all` could be written");
        }
        copied.is_ok()
    }

    /// Deletes a session that was revoked by the cutoff, for programs that do not look at the cutoff. If
    /// that fails, the next load tries again.
    async fn end_revoked(&self, handle: SessionHandle, session: &Map) {
        if is_of_another_type(self.schema(), session) {
            return;
        }
        let delete = || request::end(self, handle);
        if let Err(error) = self.delete(delete).await {
            tracing::debug!(%handle, error = %Chain(&error), "a session that was revoked with all others remains");
        }
    }

    /// The entries of a roster, newest session first: one consistent read.
    pub(crate) async fn members(
        &self,
        roster: &RosterKey,
        patience: Patience,
    ) -> Result<Vec<Member>, ServiceError> {
        let request = || request::roster(self, roster);
        let read = self.read_with(patience, request).await?;
        Ok(read.item.as_ref().and_then(members).unwrap_or_default())
    }

    /// The items of these rosters: one consistent read of them all.
    pub(crate) async fn rosters(
        &self,
        rosters: &[RosterKey],
        patience: Patience,
    ) -> Result<Vec<Map>, ServiceError> {
        let mut items = Vec::new();
        let mut request = request::rosters(self, rosters);
        for attempt in 1..=MAX_BATCH_ATTEMPTS {
            let read = self.read_with(patience, || request.clone());
            let read = read.await?;
            let answered = read.responses.into_iter().flatten();
            items.extend(answered.flat_map(|(_, items)| items));
            let Some(left) = read.unprocessed_keys.filter(|left| !left.is_empty()) else {
                return Ok(items);
            };
            request = request::unprocessed(self, left);
            pause(attempt).await;
        }
        Err(ServiceError::unprocessed("BatchGetItem"))
    }

    /// The items of these sessions, with these attributes of each, or with all: consistent reads, without the
    /// sessions that are absent, and those that were revoked by the cutoff.
    pub(crate) async fn items(
        &self,
        handles: &[SessionHandle],
        shown: Option<&[&'static str]>,
    ) -> Result<HashMap<SessionHandle, Map>, ServiceError> {
        let mut items = HashMap::with_capacity(handles.len());
        // DynamoDB refuses a batch that names a key twice.
        let mut handles = handles.to_vec();
        handles.sort_unstable();
        handles.dedup();
        for batch in handles.chunks(request::MAX_BATCH) {
            self.read_batch(batch, shown, &mut items).await?;
        }
        self.remove_revoked(&mut items).await?;
        Ok(items)
    }

    async fn read_batch(
        &self,
        handles: &[SessionHandle],
        shown: Option<&[&'static str]>,
        items: &mut HashMap<SessionHandle, Map>,
    ) -> Result<(), ServiceError> {
        let mut wanted = handles.to_vec();
        for attempt in 1..=MAX_BATCH_ATTEMPTS {
            let request = request::items(self, wanted.iter().copied(), shown);
            let read = self.send(request, Sending::Read).await?;
            let answered = read.responses.into_iter().flatten();
            for item in answered.flat_map(|(_, items)| items) {
                let handle = handle_of(self.schema(), &item);
                // The mark of a change of id is no session.
                if let Some(handle) = handle.filter(|_| moved_to(self.schema(), &item).is_none()) {
                    items.insert(handle, item);
                }
            }
            let left = read.unprocessed_keys.into_iter().flatten();
            let left = left.flat_map(|(_, keys)| keys.keys);
            wanted = left
                .filter_map(|key| handle_of(self.schema(), &key))
                .collect();
            if wanted.is_empty() {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(ServiceError::unprocessed("BatchGetItem"))
    }

    /// Removes the sessions that were revoked by the cutoff.
    async fn remove_revoked(
        &self,
        items: &mut HashMap<SessionHandle, Map>,
    ) -> Result<(), ServiceError> {
        if !self.schema().revoke_all || items.is_empty() {
            return Ok(());
        }
        let request = request::cutoff(self);
        let read = self.send(request, Sending::Read).await?;
        if let Some(cutoff) = read.item.as_ref().map(moment_of).transpose()? {
            items.retain(|_, item| !is_before_cutoff(self.schema(), item, cutoff));
        }
        Ok(())
    }

    /// One page of the keys in a partition of a default index.
    pub(crate) async fn keys_page(
        &self,
        attribute: &Attribute,
        partition: &Partition,
        window: Window,
        start: Option<Map>,
        limit: Option<i32>,
        patience: Patience,
    ) -> Result<KeysPage, ServiceError> {
        let start = || start.clone();
        let request = || request::find(self, attribute, partition, window, start(), limit);
        let found = self.read_with(patience, request).await?;
        Ok(KeysPage {
            keys: found.items.unwrap_or_default(),
            next: found.last_evaluated_key,
        })
    }
}

/// A page of all items of the table.
pub(crate) struct ScanPage {
    pub(crate) items: Vec<Map>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<Map>,
}

impl Table {
    /// A page of all items of the table, whatever they are, from this key on.
    pub(crate) async fn scan_page(
        &self,
        start: Option<Map>,
        limit: i32,
    ) -> Result<ScanPage, ServiceError> {
        let request = || request::scan(self, start.clone(), limit);
        let scanned = self.read_with(Patience::WithThrottling, request).await?;
        // An answer that has lost its items must not pass for the end of the table (G10).
        let items = scanned
            .items
            .ok_or_else(|| ServiceError::unprocessed("Scan"))?;
        Ok(ScanPage {
            items,
            next: scanned.last_evaluated_key,
        })
    }

    /// Whether there is a session of the type, if one page of the table tells that.
    pub(crate) async fn has_session(&self) -> Result<Option<bool>, ServiceError> {
        const PAGE: i32 = 100;
        let page = self.scan_page(None, PAGE).await?;
        let schema = self.schema();
        let mut sessions = page
            .items
            .iter()
            .filter(|item| handle_of(schema, item).is_some());
        let has_session = sessions.any(|item| !is_of_another_type(schema, item));
        Ok((has_session || page.next.is_none()).then_some(has_session))
    }

    /// The indexes of the type that are complete, as the table says.
    pub(crate) async fn complete_indexes(&self) -> Result<CompleteIndexes, ServiceError> {
        Ok(CompleteIndexes::of(self.indexes_item().await?.as_ref()))
    }

    /// Where a reindex of the type goes on, and whether the table says that an index is complete.
    pub(crate) async fn reindex_position(&self) -> Result<(Option<Position>, bool), ServiceError> {
        let item = self.indexes_item().await?.unwrap_or_default();
        let position = Position::of(self.schema(), &item, self.now());
        Ok((position, item.contains_key(COMPLETE)))
    }

    async fn indexes_item(&self) -> Result<Option<Map>, ServiceError> {
        let request = request::indexes(self);
        Ok(self.send(request, Sending::Read).await?.item)
    }
}

/// The moment before which all sessions are revoked. If it cannot be read, neither can any session (G10).
fn moment_of(cutoff: &Map) -> Result<Millis, ServiceError> {
    cutoff_of(cutoff).ok_or_else(ServiceError::unreadable_cutoff)
}
