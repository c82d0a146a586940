//! The operations that write sessions.

use session_store::Error;

use super::History;
use super::entries::entries;
use super::step::Actor;
use super::table::{Effects, State};
use crate::versions::model::{Check, Kept, Life, Truth, broken};
use crate::versions::plan::Set;
use crate::versions::spec::Spec;
use crate::versions::types::{FIELDS, Fields};

/// The outcome of a write.
pub(super) enum Outcome {
    Done,
    /// It may be stored.
    Perhaps,
    Gone,
    Limit,
}

/// The fields of a change that differ from what a copy or a session has.
pub(super) fn changed(spec: &Spec, set: &Set, from: &Fields) -> Vec<(&'static str, Option<u64>)> {
    let known = set.iter().filter(|(name, _)| spec.knows(name));
    known
        .filter(|(name, value)| from[name] != *value)
        .copied()
        .collect()
}

pub(super) fn names(changes: &Set) -> Vec<&'static str> {
    changes.iter().map(|(name, _)| *name).collect()
}

impl History<'_> {
    pub(super) fn outcome(
        &mut self,
        actor: Actor,
        what: &str,
        result: Result<(), Error>,
    ) -> Check<Outcome> {
        match result {
            Ok(()) => Ok(Outcome::Done),
            Err(Error::Gone(_)) => Ok(Outcome::Gone),
            Err(Error::Limit(_)) => Ok(Outcome::Limit),
            error => {
                self.unless_faulty(actor, what, error)?;
                Ok(Outcome::Perhaps)
            }
        }
    }

    pub(super) async fn create(&mut self, actor: Actor, slot: usize, set: &Set) -> Check {
        let (spec, now, step) = (self.spec(actor.side).clone(), self.now(), self.model.step);
        self.copies.remove(&(actor.side, actor.client, slot));
        let created = self.program(actor).create(slot, set).await;
        let empty: Fields = FIELDS.iter().map(|name| (*name, None)).collect();
        let mut fields = Fields::from([("count", Some(0))]);
        fields.extend(empty.into_iter().filter(|(name, _)| *name != "count"));
        fields.extend(set.iter().filter(|(name, _)| spec.knows(name)).copied());
        let handle = created
            .as_ref()
            .map_or(String::new(), |seen| seen.handle.to_string());
        let truth = Truth::begun(&spec, &handle, fields, now, step);
        let entered = entries(&spec, &truth, &[], true);
        let (result, seen) = match created {
            Ok(seen) => (Ok(()), Some(seen)),
            Err(error) => (Err(error), None),
        };
        let allowed = match self.outcome(actor, "a create", result)? {
            Outcome::Done => vec![State::Begun(truth)],
            Outcome::Gone => return broken!("G10", "a create found its session gone"),
            Outcome::Limit => {
                self.check_refusal(actor, "", &entered)?;
                self.same_or_orphan(actor, truth, step)
            }
            Outcome::Perhaps => self.same_or_orphan(actor, truth, step),
        };
        self.account_for_entry(actor, None, (&entered, seen.as_ref()), allowed)
            .await?;
        if let Some(seen) = seen {
            self.ids[slot] = Some(seen.id);
            self.note_copy(actor, slot);
        }
        Ok(())
    }

    /// A put that could not be taken back leaves a session under an unknown id.
    pub(super) fn same_or_orphan(&self, actor: Actor, truth: Truth, step: usize) -> Vec<State> {
        if !actor.faulty {
            return vec![State::Same];
        }
        let mut orphan = truth;
        for promises in &mut orphan.promises {
            promises.roster = Kept::NotSince(step);
        }
        vec![State::Same, State::Begun(orphan)]
    }

    pub(super) async fn save(
        &mut self,
        actor: Actor,
        slot: usize,
        set: &Set,
        idle: Option<Option<u64>>,
    ) -> Check {
        let Some((seen, truth, knows)) = self.copy(actor, slot) else {
            return Ok(());
        };
        let (spec, now, step) = (self.spec(actor.side).clone(), self.now(), self.model.step);
        let changes = changed(&spec, set, &seen.fields);
        let result = self.program(actor).save(slot, set, idle).await;
        let outcome = self.outcome(actor, "a save", result)?;
        let handle = seen.handle.to_string();
        let Some(before) = truth else {
            if !matches!(outcome, Outcome::Gone | Outcome::Perhaps) && !changes.is_empty() {
                return broken!("G1", "an ended session was saved");
            }
            return self.account(Effects::none()).await.map(drop);
        };
        let mut after = before.clone();
        if let Some(own) = idle {
            after.own = own;
        }
        after.extend(&spec, now);
        after.fields.extend(changes.iter().copied());
        after.wrote(&spec, &names(&changes), knows, step);
        let entered = entries(&spec, &after, &names(&changes), false);
        let is_idle = changes.is_empty() && idle.is_none();
        let life = self.model.life_of_copy(&before, &spec, now);
        let allowed = match (&outcome, life) {
            (Outcome::Done, _) if is_idle => vec![State::Same, State::Becomes(after)],
            (Outcome::Done, Life::Over) => {
                return broken!(
                    "G19: live",
                    "a session that is over was saved at {now}: {before:?}"
                );
            }
            (Outcome::Gone, Life::Live) => {
                return broken!(
                    "G19: live",
                    "a live session is said to be gone at {now}: {before:?}"
                );
            }
            (Outcome::Done, _) => vec![State::Becomes(after)],
            (Outcome::Perhaps, Life::Live | Life::Either) => {
                vec![State::Becomes(after), State::Same]
            }
            (Outcome::Gone | Outcome::Perhaps, _) => vec![State::Same],
            (Outcome::Limit, _) => {
                self.check_refusal(actor, &handle, &entered)?;
                vec![State::Same]
            }
        };
        let copy = match outcome {
            Outcome::Done => self.program(actor).copy(slot),
            _ => None,
        };
        let shown = (&entered, copy.as_ref());
        self.account_for_entry(actor, Some(handle), shown, allowed)
            .await?;
        match copy {
            Some(_) if knows => self.note_copy(actor, slot),
            Some(_) => {}
            None => self.forget(actor, slot),
        }
        Ok(())
    }

    pub(super) async fn update(&mut self, actor: Actor, slot: usize, set: &Set) -> Check {
        let Some(id) = self.ids[slot].clone() else {
            return Ok(());
        };
        let (spec, now, step) = (self.spec(actor.side).clone(), self.now(), self.model.step);
        let handle = id.handle().to_string();
        let truth = self.model.sessions.get(&handle).cloned();
        let updated = self.program(actor).update(&id, set).await;
        let count = updated.as_ref().ok().copied();
        let outcome = self.outcome(actor, "an update", updated.map(drop))?;
        let cut_off = self.cut_off(actor);
        let Some(before) = truth else {
            if !matches!(outcome, Outcome::Gone | Outcome::Perhaps) {
                return broken!("G1", "an ended session was updated");
            }
            let effects = Effects::none().may_end("an update after revoke_all", cut_off);
            return self.account(effects).await.map(drop);
        };
        let mut after = before.clone();
        let mut changes = changed(&spec, set, &before.fields);
        let next = before.fields["count"].unwrap_or(0) + 1;
        if count.is_some_and(|count| count != next) {
            return broken!("G3", "an update counted {count:?} in place of {next}");
        }
        changes.push(("count", Some(next)));
        after.extend(&spec, now);
        after.fields.extend(changes.iter().copied());
        after.wrote(&spec, &names(&changes), true, step);
        let entered = entries(&spec, &after, &names(&changes), false);
        let life = self.model.life(&before, &spec, now);
        let mut allowed = match (&outcome, life) {
            (Outcome::Done, Life::Over) => {
                return broken!(
                    "G19: live",
                    "a session that is over was updated at {now}: {before:?}"
                );
            }
            (Outcome::Gone, Life::Live) => {
                return broken!(
                    "G19: live",
                    "a live session is said to be gone at {now}: {before:?}"
                );
            }
            (Outcome::Done, _) => vec![State::Becomes(after)],
            (Outcome::Perhaps, Life::Live | Life::Either) => {
                vec![State::Becomes(after), State::Same]
            }
            (Outcome::Gone | Outcome::Perhaps, _) => vec![State::Same],
            (Outcome::Limit, _) => {
                self.check_refusal(actor, &handle, &entered)?;
                vec![State::Same]
            }
        };
        if cut_off(&before) && !matches!(outcome, Outcome::Done) {
            allowed.push(State::Gone);
        }
        self.account_for_entry(actor, Some(handle), (&entered, None), allowed)
            .await?;
        Ok(())
    }

    pub(super) async fn cancel_update(&mut self, actor: Actor, slot: usize, set: &Set) -> Check {
        let Some(id) = self.ids[slot].clone() else {
            return Ok(());
        };
        let (spec, now) = (self.spec(actor.side).clone(), self.now());
        let truth = self.model.sessions.get(&id.handle().to_string()).cloned();
        let life = truth
            .as_ref()
            .map_or(Life::Over, |it| self.model.life(it, &spec, now));
        let cancelled = self.program(actor).cancel_update(&id, set).await;
        let count = cancelled.as_ref().ok().copied();
        let outcome = self.outcome(actor, "an update", cancelled.map(drop))?;
        let effects = Effects::none().may_end("an update after revoke_all", self.cut_off(actor));
        self.account(effects).await?;
        match (outcome, life) {
            (Outcome::Done, Life::Over) => {
                broken!("G19: live", "an update found a session that is over")
            }
            (Outcome::Gone, Life::Live) => {
                broken!("G19: live", "an update does not find a live session")
            }
            (Outcome::Done, _) if count != truth.and_then(|it| it.fields["count"]) => {
                broken!("G3", "an update read {count:?}")
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn touch(&mut self, actor: Actor, slot: usize) -> Check {
        let Some((seen, truth, knows)) = self.copy(actor, slot) else {
            return Ok(());
        };
        let (spec, now) = (self.spec(actor.side).clone(), self.now());
        let result = self.program(actor).touch(slot).await;
        let outcome = self.outcome(actor, "a touch", result)?;
        let handle = seen.handle.to_string();
        let Some(before) = truth else {
            self.account(Effects::none()).await?;
            if !matches!(outcome, Outcome::Done) {
                self.forget(actor, slot);
            }
            return Ok(());
        };
        let life = self.model.life_of_copy(&before, &spec, now);
        let mut mended = before.clone();
        // A touch that cannot mend the session extends it all the same.
        if knows && matches!(outcome, Outcome::Done) && !actor.faulty {
            mended.mended(&spec);
        }
        let mut after = mended.clone();
        after.extend(&spec, now);
        let is_due = self.is_touch_due(actor, &before);
        let never = self.plan.sides[actor.side]
            .settings
            .touch
            .percent()
            .is_none();
        let (same, extended) = (State::Becomes(mended), State::Becomes(after));
        let allowed = match (&outcome, life) {
            (Outcome::Limit, _) => return broken!("G19: limit", "a touch was refused by a limit"),
            (Outcome::Gone, Life::Live) => {
                return broken!(
                    "G19: live",
                    "a live session is said to be gone at {now}: {before:?}"
                );
            }
            (Outcome::Gone, _) | (_, Life::Over) => vec![State::Same],
            (_, _) if never => vec![same],
            (Outcome::Done, Life::Live) if is_due && knows => vec![extended],
            _ => vec![extended, same],
        };
        self.account(Effects::on(Some(handle), allowed)).await?;
        match outcome {
            Outcome::Done if life == Life::Over => {}
            Outcome::Done if knows => self.note_copy(actor, slot),
            Outcome::Done => {}
            _ => self.forget(actor, slot),
        }
        Ok(())
    }

    /// Whether a touch by a copy that knows the session must extend it.
    fn is_touch_due(&self, actor: Actor, truth: &Truth) -> bool {
        let (spec, now) = (self.spec(actor.side), self.now());
        let Some(percent) = self.plan.sides[actor.side].settings.touch.percent() else {
            return false;
        };
        let idle = truth.own.map_or(spec.idle, |own| own * 1000);
        let granted = (truth.granted(spec, now) * 1000).saturating_sub(now);
        let left = truth.ends(spec).saturating_sub(now);
        // Ends are whole seconds.
        (now - truth.touched) * 100 >= idle * percent
            || (left + 2000) * 100 < granted * (100 - percent)
    }
}
