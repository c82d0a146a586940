//! The operations that end sessions.

use session_store::Error;

use super::History;
use super::step::Actor;
use super::table::{Effects, State, short};
use crate::versions::model::{Check, Kept, Life, Truth, broken};
use crate::versions::plan::Which;
use crate::versions::program::{Revocation, Selected};
use crate::versions::spec::By;

impl History<'_> {
    pub(super) async fn delete(&mut self, actor: Actor, slot: usize) -> Check {
        let Some(id) = self.ids[slot].clone() else {
            return Ok(());
        };
        let deleted = self.program(actor).delete(&id).await;
        self.ended(actor, id.handle().to_string(), deleted).await
    }

    pub(super) async fn revoke_handle(&mut self, actor: Actor, slot: usize) -> Check {
        let Some(id) = self.ids[slot].clone() else {
            return Ok(());
        };
        let revoked = self.program(actor).revoke_handle(&id.handle()).await;
        self.ended(actor, id.handle().to_string(), revoked.map(drop))
            .await
    }

    async fn ended(&mut self, actor: Actor, handle: String, result: Result<(), Error>) -> Check {
        let done = self.unless_faulty(actor, "a log-out", result)?;
        let allowed = match done {
            Some(()) => vec![State::Gone],
            None => vec![State::Gone, State::Same],
        };
        let effects = Effects::on(Some(handle), allowed).may_end("a log-out", |_| false);
        self.account(effects).await.map(drop)
    }

    pub(super) async fn revoke_all(&mut self, actor: Actor) -> Check {
        let moment = self.now();
        let Some(ended) = self.program(actor).revoke_all(moment).await else {
            return Ok(());
        };
        let done = self.unless_faulty(actor, "revoke_all_created_before", ended)?;
        self.model.cutoff[1] = moment;
        if done.is_some() {
            self.model.cutoff[0] = moment;
        }
        self.account(Effects::none()).await.map(drop)
    }

    pub(super) async fn revoke(&mut self, actor: Actor, by: By, value: u64, which: Which) -> Check {
        let now = self.now();
        let handle = |slot: usize| self.ids[slot].as_ref().map(|id| id.handle());
        let selected = match which {
            Which::All => Some(Selected::All),
            Which::Except(slot) => handle(slot).map(Selected::Except),
            Which::Only(slot) => handle(slot).map(Selected::Only),
            Which::Before(millis) => Some(Selected::Before(now - millis)),
            Which::Slowly => Some(Selected::Slowly),
        };
        let Some(selected) = selected else {
            return Ok(());
        };
        let Some(revoked) = self.program(actor).revoke(by, value, &selected).await else {
            return Ok(());
        };
        let is_chosen = move |truth: &Truth| match selected {
            Selected::All | Selected::Slowly => true,
            Selected::Except(handle) => truth.handle != handle.to_string(),
            Selected::Only(handle) => truth.handle == handle.to_string(),
            Selected::Before(moment) => truth.created < moment,
        };
        let cut_off = self.cut_off(actor);
        let before = self.model.sessions.clone();
        let revoked = self.unless_faulty(actor, "a revocation", revoked)?;
        let may_end = move |truth: &Truth| {
            cut_off(truth) || (is_chosen(truth) && truth.has(by, value) != Life::Over)
        };
        self.account(Effects::none().may_end("a revocation", may_end))
            .await?;
        let Some(revoked) = revoked else {
            return Ok(());
        };
        let gone = |truth: &&Truth| !self.model.sessions.contains_key(&truth.handle);
        let gone: Vec<_> = before.values().filter(gone).collect();
        let shown: Vec<_> = gone.iter().map(|it| short(&it.handle)).collect();
        let complete = revoked.complete;
        self.trace
            .push(format!("    ended {shown:?}, complete: {complete}"));
        self.check_revocation(
            actor,
            (by, value),
            &selected,
            &revoked,
            before.values().collect(),
        )
    }

    fn check_revocation(
        &self,
        actor: Actor,
        (by, value): (By, u64),
        selected: &Selected,
        revoked: &Revocation,
        sessions: Vec<&Truth>,
    ) -> Check {
        let (spec, now) = (self.spec(actor.side), self.now());
        if !actor.faulty && !revoked.failed.is_empty() {
            return broken!(
                "G17",
                "{} sessions could not be ended without a fault",
                revoked.failed.len()
            );
        }
        let mut ended = 0;
        for truth in sessions {
            let is_left = self.model.sessions.contains_key(&truth.handle);
            if !is_left {
                // A revocation does not ask whether all sessions were revoked before.
                ended += usize::from(self.model.life_of_copy(truth, spec, now) != Life::Over);
                continue;
            }
            let chosen = match selected {
                Selected::All | Selected::Slowly => true,
                Selected::Except(handle) => truth.handle != handle.to_string(),
                Selected::Only(handle) => truth.handle == handle.to_string(),
                Selected::Before(moment) => truth.created < *moment,
            };
            let is_live = self.model.life(truth, spec, now) == Life::Live;
            let is_of = truth.fields[by.field()] == Some(value);
            let failed = revoked
                .failed
                .iter()
                .any(|it| it.to_string() == truth.handle);
            if !chosen || !is_live || !is_of || failed {
                continue;
            }
            if let Selected::Only(_) = selected {
                // No index is asked, only the attribute.
                if truth.promises(by).attribute == Kept::Yes {
                    return broken!("G9", "a session was not ended by its handle: {truth:?}");
                }
                continue;
            }
            self.may_miss(spec, by, truth, revoked.complete, "ended")?;
        }
        if !actor.faulty && revoked.deleted > ended {
            let deleted = revoked.deleted;
            return broken!(
                "G17",
                "{deleted} live sessions are said to be ended, and {ended} were"
            );
        }
        Ok(())
    }
}
