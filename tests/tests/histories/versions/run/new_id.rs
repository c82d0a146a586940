//! Changes of id and log-ins.

use session_store::Error;

use super::History;
use super::entries::{Entries, entries};
use super::step::Actor;
use super::table::State;
use super::writes::{Outcome, changed, names};
use crate::versions::model::{Check, Life, Truth, broken};
use crate::versions::plan::Set;
use crate::versions::types::{FIELDS, Fields};

/// How often a change of id is sent again if its outcome is unknown.
const RESUMES: usize = 3;

impl History<'_> {
    pub(super) async fn cycle_id(&mut self, actor: Actor, slot: usize, set: &Set) -> Check {
        self.change_id(actor, slot, set, false).await
    }

    pub(super) async fn log_in(&mut self, actor: Actor, slot: usize, set: &Set) -> Check {
        self.change_id(actor, slot, set, true).await
    }

    async fn change_id(&mut self, actor: Actor, slot: usize, set: &Set, logs_in: bool) -> Check {
        let Some((seen, truth, knows)) = self.copy(actor, slot) else {
            return Ok(());
        };
        let _ = knows;
        let (spec, now, step) = (self.spec(actor.side).clone(), self.now(), self.model.step);
        let changes = changed(&spec, set, &seen.fields);
        let mut result = Ok(());
        for resume in 0..=RESUMES {
            let (set, program) = (
                if resume == 0 { &set[..] } else { &[] },
                self.program(actor),
            );
            let set = set.to_vec();
            result = match logs_in {
                true => program.log_in(slot, &set).await,
                false => program.cycle_id(slot, &set).await,
            };
            match &result {
                Err(error @ (Error::Service(_) | Error::Conflict(_))) if actor.faulty => {
                    self.trace.push(format!("    {error:?}; again"));
                    self.wire.clear();
                }
                _ => break,
            }
        }
        let quiet = Actor {
            faulty: false,
            ..actor
        };
        let outcome = self.outcome(quiet, "a change of id", result)?;
        let copy = self
            .program(actor)
            .copy(slot)
            .filter(|_| matches!(outcome, Outcome::Done));
        let handle = copy
            .as_ref()
            .map_or(String::new(), |copy| copy.handle.to_string());
        let old = seen.handle.to_string();

        let life = truth
            .as_ref()
            .map_or(Life::Over, |it| self.model.life_of_copy(it, &spec, now));
        let mut allowed = Vec::new();
        let mut entered = Entries::new();
        if let Some(before) = &truth {
            let mut after = before.clone();
            after.handle = handle.clone();
            after.fields.extend(changes.iter().copied());
            if logs_in {
                after.created = now;
            }
            after.extend(&spec, now);
            after.moved(&spec, step);
            after.wrote(&spec, &names(&changes), true, step);
            entered = entries(&spec, &after, &names(&changes), false);
            if life != Life::Over {
                allowed.push(State::Replaced(after));
            }
        }
        if logs_in && life != Life::Live {
            let mut fields: Fields = FIELDS.iter().map(|name| (*name, None)).collect();
            fields.extend(seen.fields.iter().map(|(name, value)| (*name, *value)));
            fields.extend(changes.iter().copied());
            let mut begun = Truth::begun(&spec, &handle, fields, now, step);
            // The copy's own idle timeout, which the model does not follow.
            begun.own = self.own_idle_of(&handle).await;
            begun.extend(&spec, now);
            entered.extend(entries(&spec, &begun, &[], true));
            allowed.push(State::Begun(begun.clone()));
            if !matches!(outcome, Outcome::Done) {
                allowed.extend(self.same_or_orphan(actor, begun, step));
            }
        }
        match (&outcome, life) {
            (Outcome::Done, Life::Over) if !logs_in => {
                return broken!(
                    "G19: live",
                    "a session that is over got a new id at {now}: {truth:?}"
                );
            }
            (Outcome::Gone, _) if logs_in => return broken!("G7", "a log-in failed as gone"),
            (Outcome::Gone, Life::Live) => {
                return broken!(
                    "G19: live",
                    "a live session is said to be gone at {now}: {truth:?}"
                );
            }
            (Outcome::Limit, _) => self.check_refusal(actor, &old, &entered)?,
            (Outcome::Done | Outcome::Gone | Outcome::Perhaps, _) => {}
        }
        if !matches!(outcome, Outcome::Done) {
            allowed.retain(|state| !matches!(state, State::Replaced(_)));
            allowed.push(State::Same);
        }
        let shown = (&entered, copy.as_ref());
        self.account_for_entry(actor, Some(old), shown, allowed)
            .await?;
        match copy {
            Some(copy) => {
                self.ids[slot] = Some(copy.id);
                self.note_copy(actor, slot);
            }
            None => self.forget(actor, slot),
        }
        Ok(())
    }
}
