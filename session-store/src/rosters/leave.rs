//! Leaving rosters. An entry that remains is stale, and the next writer that meets it removes it.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::dynamodb::{Attempts, Deleted, Table, Transacted, Written, is_refused, request, token};
use crate::error::{Chain, Error};
use crate::id::SessionHandle;
use crate::item::{MEMBERS, Map, RosterKey, has_note, members};
use crate::schema::{IndexValue, Schema};

/// Transactions that drop entries of sessions of another value: the first shows which have come back, or have a
/// note that goes too.
const MAX_DROP_ATTEMPTS: u32 = 2;

/// Times that a session tries to leave a roster that others enter and leave at the same time.
const MAX_LEAVE_ATTEMPTS: u32 = 3;

/// With this limit, a roster is about one write unit.
const SMALL_LIMIT: u32 = 17;

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

    /// Removes the entries of these sessions, and gives the roster as it is then if that is asked for;
    /// `None` if there is none.
    pub(crate) async fn leave(
        &self,
        roster: &RosterKey,
        handles: &[SessionHandle],
        returned: ReturnValue,
    ) -> Result<Option<Map>, Error> {
        let mut left = None;
        for handles in handles.chunks(request::MAX_LEAVING) {
            let leave = || {
                let leave = request::leave(self.schema(), roster, handles);
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

    /// Removes a session that has not begun from its rosters.
    ///
    /// If that fails, a stale entry remains; the next writer that meets it removes it.
    pub(crate) async fn leave_all(&self, rosters: &[IndexValue], handle: SessionHandle) {
        for of in rosters {
            note_remains(handle, self.drop_entries(of, &[handle]).await);
        }
    }

    /// Removes a session that has ended from its rosters, and ends those that have no other. Whether it has left all.
    pub(crate) async fn leave_for_good(
        &self,
        rosters: &[IndexValue],
        handle: SessionHandle,
    ) -> bool {
        let mut has_left = true;
        for of in rosters {
            let roster = RosterKey::of(self.schema(), of);
            let is_small = of.limit().sessions <= SMALL_LIMIT;
            let left = self.leave_or_end(&roster, handle, is_small).await;
            has_left &= left.is_ok();
            note_remains(handle, left);
        }
        has_left
    }

    /// Removes an entry. The roster goes with its last one: its key has the value, which may name a person. To everybody
    /// a roster that is not there is an empty one.
    ///
    /// Whether a session is the last one is not known before, and AWS bills a refused request by the size of the roster.
    /// In a small one, most sessions that a user ends are the last: `ends_first` saves them a request.
    async fn leave_or_end(
        &self,
        roster: &RosterKey,
        handle: SessionHandle,
        mut ends_first: bool,
    ) -> Result<(), Error> {
        for _ in 0..MAX_LEAVE_ATTEMPTS {
            if ends_first {
                let end = || request::end_roster(self.table, roster, Some(handle));
                let Deleted::ConditionFailed(roster) = self.table.delete(end).await? else {
                    return Ok(());
                };
                // There are others.
                if !has_entry(&roster, handle) {
                    return Ok(());
                }
            }
            let leave = || {
                let leave = request::leave_others(self.schema(), roster, handle);
                leave.into_update_item(self.table)
            };
            let refused = match self.table.update(leave).await? {
                Written::ConditionFailed { old, .. } => old,
                Written::Done(_) | Written::TooLarge => return Ok(()),
            };
            if !refused.is_some_and(|roster| is_last(&roster, handle)) {
                return Ok(());
            }
            ends_first = true;
        }
        self.leave(roster, &[handle], ReturnValue::None)
            .await
            .map(drop)
    }

    /// Deletes a roster without entries.
    pub(crate) async fn end_if_empty(&self, roster: &RosterKey) -> Result<(), Error> {
        let end = || request::end_roster(self.table, roster, None);
        self.table.delete(end).await.map(drop)
    }

    pub(super) async fn drop_entries(
        &self,
        of: &IndexValue,
        stale: &[SessionHandle],
    ) -> Result<(), Error> {
        let roster = RosterKey::of(self.schema(), of);
        let left = self.leave(&roster, stale, ReturnValue::None);
        left.await.map(drop)
    }

    /// Removes entries under names that no session can have.
    pub(super) async fn remove_entries(
        &self,
        of: &IndexValue,
        names: Vec<String>,
    ) -> Result<(), Error> {
        let roster = RosterKey::of(self.schema(), of);
        for names in names.chunks(request::MAX_LEAVING) {
            let remove = || {
                let remove = request::remove(self.schema(), &roster, names.iter().cloned());
                remove.into_update_item(self.table)
            };
            self.table.update(remove).await?;
        }
        Ok(())
    }

    /// Removes the entries of sessions that are live and have another value, each on condition that it
    /// still has.
    ///
    /// Such an entry is left where a session was changed by hand, restored from a backup, or written by a
    /// program that does not know the index. A session that comes back to the value meanwhile keeps its
    /// entry, since both are checked in one transaction.
    pub(crate) async fn drop_moved(
        &self,
        of: &IndexValue,
        moved: &[SessionHandle],
    ) -> Result<(), Error> {
        for handles in moved.chunks(request::MAX_MOVED) {
            let unnoted = handles.iter().map(|&handle| request::Moved {
                handle,
                has_note: false,
            });
            let mut moved: Vec<_> = unnoted.collect();
            // Those that have come back are left out of the second attempt.
            for _ in 0..MAX_DROP_ATTEMPTS {
                let (checks, leave) = request::drop_moved(self.schema(), of, &moved);
                let checks = checks.into_iter();
                let items = checks.map(|check| check.into_transact_item(self.table));
                let mut items = items.collect::<Result<Vec<_>, _>>()?;
                items.push(leave.into_transact_item(self.table)?);
                let attempts = Attempts::default();
                let transacted = self.table.transact(&token()?, items, &attempts).await?;
                let Transacted::Cancelled(reasons) = transacted else {
                    break;
                };
                let mut reasons = reasons.iter();
                moved.retain_mut(|moved| {
                    let Some(refused) = reasons.next().filter(|reason| is_refused(reason)) else {
                        return true;
                    };
                    let item = refused.item();
                    let is_noted = item.is_some_and(|item| has_note(moved.handle, of, item));
                    let was_noted = std::mem::replace(&mut moved.has_note, is_noted);
                    // It was refused because of the note, and not of the value.
                    is_noted != was_noted
                        && item.is_some_and(|item| !of.is_value(item.get(of.attribute.name)))
                });
                if moved.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn has_entry(roster: &Map, handle: SessionHandle) -> bool {
    let members = members(roster).unwrap_or_default();
    members.iter().any(|member| member.handle == handle)
}

/// Whether the roster has no entry but perhaps that of this session.
fn is_last(roster: &Map, handle: SessionHandle) -> bool {
    let entries = roster.get(MEMBERS).and_then(|entries| entries.as_m().ok());
    entries.is_some_and(|entries| entries.is_empty() || has_entry(roster, handle))
}

fn note_remains(handle: SessionHandle, left: Result<(), Error>) {
    if let Err(error) = left {
        tracing::debug!(%handle, error = %Chain(&error), "the roster entry of an ended session remains");
    }
}
