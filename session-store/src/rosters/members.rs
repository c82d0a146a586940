//! Leaving rosters, and finding out who is still in them.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::dynamodb::{Deleted, Table, Written, request};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{DAY, Evicted, Found, Lifetime, Map, Member, rosters_of};
use crate::schema::{IndexValue, Schema};

/// How many stale entries are worth the three requests that drop them: about one KB.
const MIN_SWEPT: usize = 17;

/// The rosters in a table.
pub(crate) struct Rosters<'a> {
    pub(super) table: &'a Table,
}

impl<'a> Rosters<'a> {
    pub(crate) fn new(table: &'a Table) -> Self {
        Self { table }
    }

    pub(super) fn schema(&self) -> &'static Schema {
        self.table.schema()
    }

    /// Ends a session, and removes it from its rosters.
    pub(crate) async fn end(&self, handle: SessionHandle) -> Result<Deleted, Error> {
        let delete = || request::delete(self.table, handle);
        let deleted = self.table.delete(delete).await?;
        if let Deleted::Removed(item) = &deleted {
            self.leave_all(&rosters_of(self.schema(), item), handle)
                .await;
        }
        Ok(deleted)
    }

    /// Removes the entries of these sessions, and gives the roster as it is then if that is asked for;
    /// `None` if there is none.
    pub(crate) async fn leave(
        &self,
        of: &IndexValue,
        handles: &[SessionHandle],
        returned: ReturnValue,
    ) -> Result<Option<Map>, Error> {
        let mut left = None;
        for handles in handles.chunks(request::MAX_LEAVING) {
            let leave = || {
                let leave = request::leave(self.schema(), of, handles);
                leave
                    .into_update_item(self.table)
                    .return_values(returned.clone())
            };
            left = match self.table.update(leave).await? {
                Written::Done(item) => item,
                Written::ConditionFailed { .. } | Written::TooLarge => None,
            };
        }
        Ok(left)
    }

    /// Removes a session that is gone from its rosters.
    ///
    /// If that fails, a stale entry remains; the next writer that meets it removes it.
    pub(crate) async fn leave_all(&self, rosters: &[IndexValue], handle: SessionHandle) {
        for of in rosters {
            if let Err(error) = self.leave(of, &[handle], ReturnValue::None).await {
                tracing::debug!(%handle, %error, "the roster entry of an ended session remains");
            }
        }
    }

    pub(super) async fn drop_entries(
        &self,
        of: &IndexValue,
        stale: &[SessionHandle],
    ) -> Result<(), Error> {
        self.leave(of, stale, ReturnValue::None).await.map(drop)
    }

    /// Drops the oldest entries if many of them are of sessions that must have expired.
    pub(super) async fn sweep(&self, of: &IndexValue, entries: &[Member]) -> Result<(), Error> {
        let now = self.table.now().seconds();
        // A day more than the absolute timeout: no two clocks differ by as much.
        let is_over = |entry: &&Member| {
            let lifetime = Lifetime::new(self.schema(), entry.created_at, None);
            lifetime.absolute_end() + DAY < now
        };
        let oldest = entries.iter().rev().take(request::MAX_BATCH);
        let over: Vec<_> = oldest.filter(is_over).copied().collect();
        if over.len() < MIN_SWEPT {
            return Ok(());
        }
        let (stale, _) = self.survey(of, &over).await?;
        self.drop_entries(of, &stale).await
    }

    /// Reads the sessions of these entries, and ends those that have expired. Gives the entries that are
    /// stale by then, and those of sessions that are live and have the value.
    pub(super) async fn survey(
        &self,
        of: &IndexValue,
        entries: &[Member],
    ) -> Result<(Vec<SessionHandle>, Vec<Member>), Error> {
        let (mut stale, mut live) = (Vec::new(), Vec::new());
        for page in entries.chunks(request::MAX_BATCH) {
            let handles: Vec<_> = page.iter().map(|entry| entry.handle).collect();
            let shown = [self.schema().names.expires_at, of.attribute.name];
            let mut items = self.table.items(&handles, &shown).await?;
            for entry in page {
                let handle = entry.handle;
                let Some(item) = items.remove(&handle) else {
                    // A session that is absent never comes back: no id is used twice.
                    stale.push(handle);
                    continue;
                };
                let has_value = item.get(of.attribute.name) == Some(&of.value);
                let now = self.table.now();
                if let Ok(Found::Expired) = Found::of(self.schema(), handle, Some(item), now) {
                    let delete = || request::end_expired(self.table, handle, now);
                    if !matches!(self.table.delete(delete).await?, Deleted::ConditionFailed) {
                        stale.push(handle);
                        continue;
                    }
                }
                // A session of another value has moved since, and keeps its entry: it may come back.
                if has_value {
                    live.push(*entry);
                }
            }
        }
        Ok((stale, live))
    }

    /// The sessions that were ended to make room. If a response was lost, those of them that are gone.
    pub(crate) async fn ended(&self, evicted: Evicted) -> Vec<SessionHandle> {
        let Evicted { mut ended, perhaps } = evicted;
        if perhaps.is_empty() {
            return ended;
        }
        let live = self.table.items(&perhaps, &[]).await;
        let live = live.unwrap_or_default();
        let gone = perhaps
            .into_iter()
            .filter(|handle| !live.contains_key(handle) && !ended.contains(handle));
        let gone: Vec<_> = gone.collect();
        ended.extend(gone);
        ended
    }
}
