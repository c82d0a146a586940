//! Ending sessions, and finding out who is still in a roster.

use crate::dynamodb::{Deleted, Patience, Written, request};
use crate::error::{ConflictError, DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{
    DAY, Evicted, Found, Lifetime, Member, Millis, OwnTimeouts, RosterKey, is_of_another_type,
    members, moved_to, rosters_of, stored_number,
};
use crate::schema::{IndexValue, OnLimit};
use crate::telemetry::{Ended, Event, note};

use super::leave::Rosters;

#[cfg(feature = "_record")]
use crate::error::Chain;
#[cfg(feature = "_record")]
use crate::item::{Map, mark};

/// How many stale entries are worth the three requests that drop them: about one KB.
const MIN_SWEPT: usize = 17;

/// How many new ids are followed to a session that is being ended. A browser that logs in with many requests at
/// once makes one for each of them.
const MAX_MOVES: u32 = 40;

/// What the sessions of a roster's entries are.
#[derive(Default)]
pub(super) struct Survey {
    /// Those that are gone.
    pub(super) stale: Vec<SessionHandle>,
    /// Those that are live, and have another value or are of another type.
    pub(super) moved: Vec<SessionHandle>,
    /// Those that are live and have the value, in the order in which they are evicted, with the time by
    /// which that goes.
    pub(super) live: Vec<(Millis, SessionHandle)>,
}

impl Rosters<'_> {
    /// Ends a session of this type, and removes it from its rosters. If it has a new handle since, it ends
    /// under that (G18).
    pub(crate) async fn end(&self, mut handle: SessionHandle, by: Ended) -> Result<Deleted, Error> {
        for _ in 0..MAX_MOVES {
            match self.end_here(handle).await? {
                // It is a session of another type, which is nothing to this one (G16).
                Deleted::ConditionFailed(item) if is_of_another_type(self.schema(), &item) => {
                    return Ok(Deleted::Absent);
                }
                Deleted::ConditionFailed(item) => match moved_to(self.schema(), &item) {
                    // As long as the mark is there: the answer with the new id can still be on its way.
                    Some(to) => handle = to,
                    None => {
                        let name = self.schema().names.moved_to;
                        return Err(DecodeError::new(handle, name, "it is no handle").into());
                    }
                },
                deleted => {
                    if let Deleted::Removed(_) | Deleted::PresumedRemoved = deleted {
                        note(Event::Ended(by), Some(handle));
                    }
                    return Ok(deleted);
                }
            }
        }
        Err(ConflictError::new(handle, MAX_MOVES).into())
    }

    /// The same under this handle alone. The condition fails if there is an item that is no session of this
    /// type.
    pub(crate) async fn end_here(&self, handle: SessionHandle) -> Result<Deleted, Error> {
        let delete = || request::end(self.table, handle);
        let deleted = self.table.delete(delete).await?;
        if let Deleted::Removed(item) = &deleted {
            let rosters = rosters_of(self.schema(), item);
            self.leave_for_good(&rosters, handle).await;
        }
        Ok(deleted)
    }

    /// The new handle of a session of this type, if the item is the mark of a change of id.
    #[cfg(feature = "_record")]
    pub(crate) fn leads_to(&self, item: &Map) -> Option<SessionHandle> {
        let is_ours = !is_of_another_type(self.schema(), item);
        moved_to(self.schema(), item).filter(|_| is_ours)
    }

    /// Leaves the mark of a change of id under the old handle, for a framework that deletes the old session
    /// and then creates the new one (G18). If another request has left one there, the mark goes to where that
    /// leads.
    ///
    /// Without it, a late request with the old id takes the session for ended. So a failure is only logged.
    #[cfg(feature = "_record")]
    pub(crate) async fn leave_mark(&self, mut from: SessionHandle, to: SessionHandle) {
        for _ in 0..MAX_MOVES {
            if from == to {
                return;
            }
            let mark = mark(self.schema(), from, to, self.table.now());
            match self.table.put_mark(&mark).await {
                Ok(Written::ConditionFailed { old: Some(old), .. }) => match self.leads_to(&old) {
                    Some(next) => from = next,
                    // The old session is there again, or never went.
                    None => return,
                },
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(%from, %to, error = %Chain(&error), "a change of id left no mark under the old id");
                    return;
                }
            }
        }
    }

    /// Begins the roster of a value with the entries that earlier programs have made under another key, if
    /// there are any. Those stay where they are, for programs that look there.
    ///
    /// Whether there were any.
    pub(super) async fn adopt_earlier(&self, of: &IndexValue, ends: u64) -> Result<bool, Error> {
        let schema = self.schema();
        let mut entries = Vec::new();
        let earlier = RosterKey::earlier(schema, of);
        for roster in self.table.rosters(&earlier, Patience::None).await? {
            entries.extend(members(&roster).unwrap_or_default());
        }
        if entries.is_empty() {
            return Ok(false);
        }
        let adopt = || request::adopt(schema, of, &entries, ends).into_update_item(self.table);
        match self.table.update(adopt).await? {
            Written::Done(_) | Written::ConditionFailed { .. } => Ok(true),
            // Together they are more than a roster can hold. Lists and revocations still read them there.
            Written::TooLarge => Ok(false),
        }
    }

    /// Drops the oldest entries if many of them are of sessions that must have expired.
    pub(super) async fn sweep(&self, of: &IndexValue, entries: &[Member]) -> Result<(), Error> {
        let now = self.table.now();
        let oldest = entries.iter().rev().take(request::MAX_BATCH);
        let over = oldest.filter(|entry| self.is_over(entry, now));
        let over: Vec<_> = over.copied().collect();
        if over.len() < MIN_SWEPT {
            return Ok(());
        }
        let survey = self.survey(of, &over).await?;
        self.drop_entries(of, &survey.stale).await
    }

    /// Whether the session of an entry must have expired: a day more than the absolute timeout has passed,
    /// and no two clocks differ by as much.
    fn is_over(&self, entry: &Member, now: Millis) -> bool {
        let lifetime = Lifetime::new(self.schema(), entry.created_at, OwnTimeouts::default());
        lifetime.absolute_end().saturating_add(DAY) < now.seconds()
    }

    /// Reads the sessions of these entries, and ends those that have expired.
    pub(super) async fn survey(
        &self,
        of: &IndexValue,
        entries: &[Member],
    ) -> Result<Survey, Error> {
        let (schema, mut survey) = (self.schema(), Survey::default());
        let names = &schema.names;
        let by_use = of.limit().policy == OnLimit::EvictLeastRecent;
        for page in entries.chunks(request::MAX_BATCH) {
            let handles: Vec<_> = page.iter().map(|entry| entry.handle).collect();
            let shown = [
                names.expires_at,
                names.touched_at,
                names.idle,
                of.attribute.name,
            ];
            let mut items = self.table.items(&handles, Some(&shown)).await?;
            for entry in page {
                let handle = entry.handle;
                let Some(item) = items.remove(&handle) else {
                    // Or it was revoked with all others, which a program without `revoke_all` does not know.
                    if schema.revoke_all {
                        let end = || request::end(self.table, handle);
                        self.table.delete(end).await?;
                    }
                    // A session that is absent never comes back: no id is used twice.
                    survey.stale.push(handle);
                    continue;
                };
                let has_value = of.is_value(item.get(of.attribute.name));
                let is_ours = has_value && !is_of_another_type(schema, &item);
                let touched_at = stored_number(names.touched_at, handle, &item).map(Millis);
                let now = self.table.now();
                let read = stored_number(names.expires_at, handle, &item).unwrap_or_default();
                let read = (read, touched_at.as_ref().ok().copied());
                let deleted = match Found::of(schema, handle, Some(item), now) {
                    Ok(Found::Expired) => {
                        let delete = || request::end_expired(self.table, handle, now, read);
                        Some(self.table.delete(delete).await?)
                    }
                    // The item does not tell when it ends, but the entry tells that it is long over.
                    Err(_) if self.is_over(entry, now) => {
                        let delete = || request::delete_if(self.table, handle, of, None);
                        Some(self.table.delete(delete).await?)
                    }
                    _ => None,
                };
                // Under a mark there is no session any more.
                let is_gone = |was: &Deleted| match was {
                    Deleted::ConditionFailed(item) => moved_to(schema, item).is_some(),
                    _ => true,
                };
                if deleted.as_ref().is_some_and(is_gone) {
                    survey.stale.push(handle);
                    continue;
                }
                if is_ours {
                    let since = match touched_at {
                        Ok(touched_at) if by_use => touched_at,
                        _ => entry.created_at,
                    };
                    survey.live.push((since, handle));
                } else {
                    survey.moved.push(handle);
                }
            }
        }
        survey.live.sort_unstable();
        Ok(survey)
    }

    /// The sessions that were ended to make room. If a response was lost, those of them that are gone.
    pub(crate) async fn ended(&self, evicted: Evicted) -> Vec<SessionHandle> {
        let ended = self.all_ended(evicted).await;
        for handle in &ended {
            note(Event::Ended(Ended::Eviction), Some(*handle));
        }
        ended
    }

    async fn all_ended(&self, evicted: Evicted) -> Vec<SessionHandle> {
        let Evicted { mut ended, perhaps } = evicted;
        if perhaps.is_empty() {
            return ended;
        }
        let live = self.table.items(&perhaps, Some(&[])).await;
        let live = live.unwrap_or_default();
        let gone = perhaps
            .into_iter()
            .filter(|handle| !live.contains_key(handle) && !ended.contains(handle));
        let gone: Vec<_> = gone.collect();
        ended.extend(gone);
        ended
    }
}
