//! What an operation may say at its end.

use session_store::Error;

use super::items::{expires_at, is_live, named, number};
use super::{Model, Op, Violation, require};
use crate::binaries::{Fields, Got, Outcome};
use crate::plan::Act;

impl Model {
    /// An operation has come to its end, at this time by its client's clock.
    ///
    /// Gives the fields that are stored of the copy in hand, if it wrote.
    pub fn ends(
        &mut self,
        op: usize,
        outcome: &Outcome,
        now: u64,
    ) -> Result<Option<Fields>, Violation> {
        self.ops[op].done = true;
        let op = &self.ops[op];
        let gone = |handle: &str| {
            self.truth
                .get(handle)
                .is_none_or(|item| !is_live(item, now))
        };
        let mine = |handle: &str| match self.moved.get(handle) {
            Some((new, client, _)) if *client == op.client => Some(new),
            _ => None,
        };
        self.counts(op)?;
        let writes = matches!(op.act, Act::Save(..) | Act::Update(..));
        let known = match op.act {
            Act::Load(_) => "G10",
            _ => "G13",
        };
        match &outcome.got {
            Ok(_) => {}
            Err(Error::Gone(_)) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(op.found_none(now) || gone(target), "G10", || {
                    "a session that is live is said to be gone".to_owned()
                })?;
                if let (Act::Cycle(..), Some(new)) = (&op.act, mine(target)) {
                    require(gone(new), "G7", || {
                        "a change of id that was carried out is said to have found nothing"
                            .to_owned()
                    })?;
                }
            }
            Err(error) => {
                let unknown = match error {
                    Error::Conflict(error) => error.outcome_unknown(),
                    Error::Service(error) => {
                        require(op.faulted, "G10", || {
                            format!("no fault, and {error}: {:?}", error.code())
                        })?;
                        error.outcome_unknown()
                    }
                    error => return require(false, "G10", || format!("{error}")).map(|()| None),
                };
                require(!unknown || op.lost || op.pending.resumed, "G13", || {
                    format!("every request was answered, and the outcome is unknown: {error}")
                })?;
                require(unknown || !writes || op.applied == 0, known, || {
                    format!("it was applied, and says that it was not: {error}")
                })?;
                if let (Act::Cycle(..), false) = (&op.act, unknown) {
                    let target = op.target.as_deref().unwrap_or_default();
                    require(mine(target).is_none(), "G7", || {
                        format!("the id was changed, and it says that it was not: {error}")
                    })?;
                }
                if let (Act::Create(..), false) = (&op.act, unknown) {
                    require(op.put.is_empty() || op.late_put, "G2", || {
                        "a create that failed left an item".to_owned()
                    })?;
                }
            }
        }
        let Ok(got) = &outcome.got else {
            if let (Some(copy), Some(target)) = (&outcome.copy, &op.target) {
                require(copy.handle == *target, "G7", || {
                    "a failure changed the id in hand".to_owned()
                })?;
            }
            return Ok(None);
        };
        match (&op.act, got) {
            (Act::Create(..), Got::Session(session)) => {
                let mut left: Vec<_> = op
                    .put
                    .iter()
                    .filter(|put| **put != session.handle)
                    .collect();
                left.retain(|put| self.truth.contains_key(*put));
                require(op.put.contains(&session.handle), "G13", || {
                    "nothing was stored".to_owned()
                })?;
                require(left.is_empty() || op.late_put, "G2", || {
                    "a create left a second item".to_owned()
                })?;
            }
            (Act::Load(_), Got::Absent) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(op.found_none(now) || gone(target), "G10", || {
                    "a live session was not found".to_owned()
                })?;
            }
            (Act::Load(_), Got::Session(session)) => {
                let read = op.read.get(&session.handle).cloned().flatten();
                require(read.is_some(), "G10", || {
                    "a session was found where none is".to_owned()
                })?;
                let read = read.unwrap_or_default();
                require(is_live(&read, op.began), "G5", || {
                    "an expired session was loaded".to_owned()
                })?;
                let same = session.expires_at == expires_at(&read)
                    && Some(session.version) == number(&read, "version")
                    && Some(session.created_at) == number(&read, "created_at")
                    && session.fields == named(&read, &session.fields);
                require(same, "G10", || {
                    "what was loaded is not what is stored".to_owned()
                })?;
            }
            (Act::Update(..), Got::Count(count)) => {
                require(op.applied == 1, "G13", || {
                    "an update says that it is stored, and is not".to_owned()
                })?;
                require(op.stored["count"] == Some(*count), "G3", || {
                    "an increment was lost".to_owned()
                })?;
            }
            (Act::Save(..), _) => {
                let due = !op.pending.must.is_empty() || op.pending.idle;
                require(!due || op.applied == 1 || op.already, "G13", || {
                    "a save says that it is stored, and is not".to_owned()
                })?;
                return Ok(outcome.copy.as_ref().map(|copy| copy.fields.clone()));
            }
            (Act::Cycle(..), _) => {
                let target = op.target.as_deref().unwrap_or_default();
                let new = mine(target);
                let copy = outcome.copy.as_ref();
                let right = copy.is_some_and(|copy| Some(&copy.handle) == new);
                require(right, "G7", || {
                    "the id in hand is not the one that is valid".to_owned()
                })?;
                let stored = &self.moved[target].2;
                let item = copy.and_then(|copy| self.truth.get(&copy.handle));
                return Ok(Some(item.map_or(stored.clone(), |item| {
                    let like = copy.map(|copy| copy.fields.clone()).unwrap_or_default();
                    named(item, &like)
                })));
            }
            (Act::Delete(_) | Act::RevokeHandle(_), got) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(!self.truth.contains_key(target), "G1", || {
                    "a deleted session is still there".to_owned()
                })?;
                if let Got::Revoked(revoked) = got {
                    self.revoked(op, revoked)?;
                }
            }
            (Act::Revoke(user, _), Got::Revoked(revoked)) => {
                self.revoked(op, revoked)?;
                let failed: Vec<_> = revoked
                    .failed()
                    .iter()
                    .map(|f| f.handle().to_string())
                    .collect();
                if !op.late_index && !op.interfered {
                    for handle in &op.present {
                        let left = self
                            .truth
                            .get(handle)
                            .is_some_and(|item| number(item, "user") == Some(*user));
                        let excused = op.spared.as_ref() == Some(handle) || failed.contains(handle);
                        require(!left || excused, "G9", || {
                            "revocation left a session".to_owned()
                        })?;
                    }
                }
            }
            (Act::List(user), Got::Listed(listed)) => {
                for session in listed {
                    let item = op.read.get(&session.handle).cloned().flatten();
                    require(item.is_some(), "G5", || {
                        "a session that is gone is listed".to_owned()
                    })?;
                    let item = item.unwrap_or_default();
                    require(is_live(&item, op.began), "G5", || {
                        "an expired session is listed".to_owned()
                    })?;
                    let same = number(&item, "user") == Some(*user)
                        && number(&item, "created_at") == Some(session.created_at)
                        && expires_at(&item) == session.expires_at;
                    require(same, "G9", || {
                        "a listed session is another's, or not as stored".to_owned()
                    })?;
                }
                if !op.late_index && !op.interfered {
                    for handle in &op.present {
                        let live = self
                            .truth
                            .get(handle)
                            .is_some_and(|item| is_live(item, now));
                        let shown = listed.iter().any(|session| session.handle == *handle);
                        require(!live || shown, "G9", || {
                            "a live session is not listed".to_owned()
                        })?;
                    }
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn revoked(&self, op: &Op, revoked: &session_store::Revoked) -> Result<(), Violation> {
        let deleted = revoked.deleted();
        if !op.lost_delete && !op.interfered {
            require(deleted == op.ended_live, "G9", || {
                format!(
                    "{deleted} sessions are said to be ended, and {} were",
                    op.ended_live
                )
            })?;
        }
        require(revoked.failed().is_empty() || op.faulted, "G9", || {
            "a revocation failed without a fault".to_owned()
        })?;
        let spared = usize::from(
            op.spared
                .as_ref()
                .is_some_and(|spared| op.found.contains(spared)),
        );
        let all = deleted + revoked.already_gone() + revoked.moved() + revoked.failed().len();
        let looked = match op.act {
            Act::RevokeHandle(_) => 1,
            _ => op.found.len() - spared,
        };
        require(all == looked, "G9", || {
            format!("{all} of {looked} sessions are accounted for")
        })
    }
}
