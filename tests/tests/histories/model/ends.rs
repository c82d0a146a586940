//! The results that an operation may report at its end.

use serde_json::Value;
use session_store::{Error, Revoked};

use super::items::{expires_at, is_live, named, number};
use super::reads::found_by_handle;
use super::{Model, Op, Violation, require};
use crate::client::{Got, Listed, Outcome, Reads, Seen, Stored};
use crate::plan::Act;

impl Model {
    /// An operation has ended, at this time of its client's clock.
    ///
    /// Returns what is stored of its copy, if the operation wrote or read that.
    pub fn ends(
        &mut self,
        op: usize,
        outcome: &Outcome,
        now: u64,
    ) -> Result<Option<Stored>, Violation> {
        self.ops[op].done = true;
        self.acknowledges(op, outcome);
        self.keeps_copy(op, outcome);
        match (&self.ops[op].act, &outcome.got, &outcome.copy) {
            (Act::Create(..), Ok(Got::Session(session)), _)
            | (Act::LogIn(..), Ok(_), Some(session)) => {
                self.told.insert(session.handle.clone());
            }
            _ => {}
        }
        let op = &self.ops[op];
        if is_refused_save(op, outcome) {
            // It may have finished an earlier change of id first.
            require(op.pending.resumed || op.requests.is_empty(), "G14", || {
                "a save that was refused sent a request".to_owned()
            })?;
            return Ok(self.stored_with_new_id(op, outcome.copy.as_ref()));
        }
        self.counts(op, now)?;
        self.evictions_are_told(op, outcome)?;
        let got = match &outcome.got {
            Ok(got) => got,
            Err(error) => {
                self.failed(op, error, outcome, now)?;
                self.keeps_its_id(op, outcome.copy.as_ref())?;
                return Ok(self.stored_with_new_id(op, outcome.copy.as_ref()));
            }
        };
        let target = op.target.as_deref().unwrap_or_default();
        match (&op.act, got) {
            (Act::Create(..), Got::Session(session)) => self.created(op, session)?,
            (Act::Load(_), Got::Absent) => {
                require(!op.shown.is_empty(), "G20", || {
                    "an absent session was answered from memory".to_owned()
                })?;
                let consistent = op.reads == Reads::Consistent;
                let gone = op.found_none(now) || consistent && self.gone(target, now);
                require(gone, "G10", || "a live session was not found".to_owned())?;
            }
            (Act::Load(_), Got::Session(session)) => {
                self.loaded(op, session)?;
                Self::own_writes_are_read(op, session)?;
            }
            (Act::Find(_, user), Got::Absent) => {
                let read = op.read.get(target).and_then(Option::as_ref);
                let is_other = user.is_some() && read.is_some_and(|it| number(it, "user") != *user);
                let gone = is_other || op.found_none(now) || self.gone(target, now);
                require(gone, "G10", || "a live session was not found".to_owned())?;
            }
            (Act::Find(_, user), Got::Found(found, fields)) => {
                found_by_handle(op, *user, found, fields)?
            }
            (Act::Update(..) | Act::UpdateHandle(..), Got::Count(count)) => {
                require(op.applied == 1, "G13", || {
                    "an update says that it is stored, and is not".to_owned()
                })?;
                require(op.stored["count"] == Some(*count), "G3", || {
                    "an increment was lost".to_owned()
                })?;
            }
            (Act::Save(..), _) => {
                self.keeps_its_id(op, outcome.copy.as_ref())?;
                let due = op.pending.is_due();
                require(!due || op.applied == 1 || op.already, "G13", || {
                    "a save says that it is stored, and is not".to_owned()
                })?;
                return Ok(outcome.copy.as_ref().map(|copy| Stored {
                    fields: copy.fields.clone(),
                    idle: None,
                }));
            }
            (Act::Cycle(..), _) => {
                let new = self.moved_by(op, target);
                let copy = outcome.copy.as_ref();
                let right = copy.is_some_and(|copy| Some(&copy.handle) == new);
                require(right, "G7", || {
                    "the id of the copy is not the valid one".to_owned()
                })?;
                return Ok(self.stored_with_new_id(op, copy));
            }
            (Act::LogIn(..), _) => {
                let Some(copy) = &outcome.copy else {
                    return Ok(None);
                };
                self.logged_in(op, copy)?;
                if op.put.contains(&copy.handle) {
                    self.created(op, copy)?;
                }
                let item = self.truth.get(&copy.handle);
                return Ok(Some(Stored {
                    fields: item.map_or(copy.fields.clone(), |item| named(item, &copy.fields)),
                    idle: item.and_then(|item| number(item, "idle")),
                }));
            }
            (Act::Reauthenticate(..), _) => {
                if let Some(copy) = &outcome.copy {
                    self.proven(op, copy, now)?;
                }
                return Ok(self.stored_with_new_id(op, outcome.copy.as_ref()));
            }
            (Act::Refresh(_), _) => {
                self.keeps_its_id(op, outcome.copy.as_ref())?;
                if let Some(copy) = &outcome.copy {
                    let read = op.read.get(&copy.handle).cloned().flatten();
                    let read = read.unwrap_or_default();
                    refreshed(op, &read, copy)?;
                    return Ok(Some(Stored {
                        fields: named(&read, &copy.fields),
                        idle: number(&read, "idle"),
                    }));
                }
            }
            (Act::Touch(_), _) => {
                self.keeps_its_id(op, outcome.copy.as_ref())?;
                return Ok(self.stored_with_new_id(op, outcome.copy.as_ref()));
            }
            (Act::Delete(_) | Act::RevokeHandle(_), got) => {
                self.ended_under_any_handle(op)?;
                if let Got::Revoked(revoked) = got {
                    self.revoked(op, revoked, now)?;
                }
            }
            (Act::RevokeOnly(..), Got::Revoked(revoked)) => {
                self.revoked(op, revoked, now)?;
                // It had the user all the time, under whatever handle.
                require(op.due.is_empty(), "G18", || {
                    "the session that was to be revoked is still there".to_owned()
                })?;
            }
            (Act::Revoke(user, _), Got::Revoked(revoked)) => {
                self.revoked(op, revoked, now)?;
                self.revocation_is_complete(op, *user, revoked)?;
            }
            (Act::UpdateAll(_), Got::Updated(updated)) => self.updated(op, updated, now)?,
            (Act::List(user), Got::Listed(listed)) => {
                listed_as_stored(op, *user, listed)?;
                self.listing_is_complete(op, listed, now)?;
            }
            _ => {}
        }
        self.rosters_hold()?;
        Ok(None)
    }

    /// Whether a session has ended by now.
    pub(super) fn gone(&self, handle: &str, now: u64) -> bool {
        let item = self.truth.get(handle);
        item.is_none_or(|item| !is_live(item, now))
    }

    fn failed(&self, op: &Op, error: &Error, outcome: &Outcome, now: u64) -> Result<(), Violation> {
        let target = op.target.as_deref().unwrap_or_default();
        // It may have finished an earlier change of id.
        let current = outcome.copy.as_ref().map(|copy| copy.handle.as_str());
        let current = current.unwrap_or(target);
        let writes = matches!(
            op.act,
            Act::Save(..) | Act::Update(..) | Act::UpdateHandle(..)
        );
        let known = match op.act {
            Act::Load(_) | Act::Find(..) => "G10",
            _ => "G13",
        };
        let unknown = match error {
            Error::Gone(error) if matches!(op.act, Act::UpdateHandle(..)) => {
                return self.gone_by_handle(op, error.is_replaced(), now);
            }
            Error::Gone(error) => {
                require(!matches!(op.act, Act::LogIn(..)), "G7", || {
                    "a log-in is said to have found nothing".to_owned()
                })?;
                self.gone_or_moved(op, current, error.is_replaced(), now)?;
                require(op.found_none(now) || self.gone(current, now), "G10", || {
                    "a session that is live is said to be gone".to_owned()
                })?;
                let new = self.moved_by(op, target);
                let lost = op.changes_id()
                    && op.saw_end > now
                    && new.is_some_and(|new| !self.gone(new, now));
                return require(!lost, "G7", || {
                    "a change of id that was carried out is said to have found nothing".to_owned()
                });
            }
            Error::Conflict(error) => error.outcome_unknown(),
            Error::Service(error) => {
                require(op.faulted, "G10", || {
                    format!("no fault, and {error}: {:?}", error.code())
                })?;
                error.outcome_unknown()
            }
            Error::Limit(_) => {
                self.limit_was_reached(op)?;
                false
            }
            error => return require(false, "G10", || format!("{error}")),
        };
        require(!unknown || op.lost || op.pending.resumed, "G13", || {
            format!("every request was answered, and the outcome is unknown: {error}")
        })?;
        require(unknown || !writes || op.applied == 0, known, || {
            format!("it was applied, and says that it was not: {error}")
        })?;
        if unknown {
            return Ok(());
        }
        match op.act {
            _ if op.changes_id() && op.put.is_empty() => {
                require(self.moved_by(op, current).is_none(), "G7", || {
                    format!("the id was changed, and it says that it was not: {error}")
                })
            }
            Act::Create(..) | Act::LogIn(..) => {
                let left = op.put.iter().any(|put| self.truth.contains_key(put));
                // A refused `create` takes itself back, if that request is carried out.
                let stays = op.lost_delete;
                require(!left || op.late_put || stays, "G2", || {
                    "a create that failed left an item".to_owned()
                })
            }
            _ => Ok(()),
        }
    }

    fn created(&self, op: &Op, session: &Seen) -> Result<(), Violation> {
        require(op.put.contains(&session.handle), "G13", || {
            "nothing was stored".to_owned()
        })?;
        let mut others = op.put.iter().filter(|put| **put != session.handle);
        let left = others.any(|put| self.truth.contains_key(put));
        require(!left || op.late_put, "G2", || {
            "a create left a second item".to_owned()
        })
    }

    fn revoked(&self, op: &Op, revoked: &Revoked, now: u64) -> Result<(), Violation> {
        let deleted = revoked.deleted();
        if !op.lost_delete && !op.interfered {
            // A session that expired before the response came may also count as expired.
            let most = op.ended_live.len();
            let least = op.ended_live.iter().filter(|ends| **ends > now);
            require((least.count()..=most).contains(&deleted), "G9", || {
                format!("{deleted} sessions are said to be ended, and {most} were")
            })?;
        }
        require(revoked.failed().is_empty() || op.faulted, "G9", || {
            "a revocation failed without a fault".to_owned()
        })?;
        // The rounds of a consistent index can meet a session twice.
        if self.limit.is_some() && (op.faulted || op.interfered) {
            return Ok(());
        }
        let all = deleted + revoked.already_gone() + revoked.moved() + revoked.failed().len();
        let looked = match op.act {
            Act::RevokeHandle(_) | Act::RevokeOnly(..) => 1,
            _ => op.asked(),
        };
        require(all == looked, "G9", || {
            format!("{all} of {looked} sessions are accounted for")
        })
    }

    fn revocation_is_complete(
        &self,
        op: &Op,
        user: u64,
        revoked: &Revoked,
    ) -> Result<(), Violation> {
        let failed = revoked.failed().iter();
        let failed: Vec<_> = failed.map(|f| f.handle().to_string()).collect();
        if self.limit.is_some() {
            return self.roster_is_revoked(op, &failed, revoked.moved());
        }
        if op.late_index || op.interfered {
            return Ok(());
        }
        for handle in &op.present {
            let excused = op.spared.as_ref() == Some(handle) || failed.contains(handle);
            require(!self.has(handle, user) || excused, "G9", || {
                "revocation left a session".to_owned()
            })?;
        }
        Ok(())
    }

    fn listing_is_complete(&self, op: &Op, listed: &[Listed], now: u64) -> Result<(), Violation> {
        if self.limit.is_some() {
            return self.roster_is_listed(op, listed, now);
        }
        if op.late_index || op.interfered {
            return Ok(());
        }
        for handle in &op.present {
            let shown = listed.iter().any(|session| session.handle == *handle);
            require(shown || self.gone(handle, now), "G9", || {
                "a live session is not listed".to_owned()
            })?;
        }
        Ok(())
    }
}

/// A copy has the item that was read, but for its own unsaved changes.
fn refreshed(op: &Op, read: &Value, copy: &Seen) -> Result<(), Violation> {
    require(is_live(read, op.began), "G5", || {
        "a session that is gone was refreshed".to_owned()
    })?;
    let stored = named(read, &copy.fields);
    let same = Some(copy.version) == number(read, "version")
        && Some(copy.created_at) == number(read, "created_at")
        && copy.fields.iter().all(|(name, value)| {
            stored.get(name) == Some(value) || op.pending.may.contains_key(name)
        });
    require(same, "G10", || {
        "what was refreshed is not what is stored".to_owned()
    })?;
    // It may have finished an earlier change of id first, and others can have changed what that had stored.
    let is_finished = op.target.as_ref() != Some(&copy.handle);
    let finished = op.pending.first.as_ref().filter(|_| is_finished);
    let mut kept = op.pending.must.clone();
    kept.retain(|name, value| finished.is_none_or(|first| first.get(name) != Some(value)));
    require(
        kept.iter()
            .all(|(name, value)| copy.fields.get(name) == Some(value)),
        "G3",
        || "a refresh dropped an unsaved change".to_owned(),
    )
}

fn listed_as_stored(op: &Op, user: u64, listed: &[Listed]) -> Result<(), Violation> {
    for session in listed {
        let item = op.read.get(&session.handle).cloned().flatten();
        require(item.is_some(), "G5", || {
            "a session that is gone is listed".to_owned()
        })?;
        let item = item.unwrap_or_default();
        require(is_live(&item, op.began), "G5", || {
            "an expired session is listed".to_owned()
        })?;
        let same = number(&item, "user") == Some(user)
            && number(&item, "created_at") == Some(session.created_at)
            && expires_at(&item) == session.expires_at;
        require(same, "G9", || {
            "a listed session is another's, or not as stored".to_owned()
        })?;
    }
    Ok(())
}

/// A save does not store an absolute timeout that its copy has chosen.
fn is_refused_save(op: &Op, outcome: &Outcome) -> bool {
    let is_save = matches!(op.act, Act::Save(..)) && !op.pending.absolute.is_empty();
    is_save && matches!(&outcome.got, Err(Error::Encode(error)) if error.path() == "absolute")
}
