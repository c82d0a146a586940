//! One step: its fault, its time, and the operations that write nothing.

use std::time::Duration;

use session_store::Error;
use session_store::test_util::Fault as WireFault;

use super::listing::index_name;
use super::table::Effects;
use super::{CLIENTS, Copy, History};
use crate::versions::model::{Check, Life, Truth, broken};
use crate::versions::plan::{Act, Fault, FaultKind, Loading, Step};
use crate::versions::program::{Program, Seen};
use crate::versions::spec::{By, Spec};
use crate::versions::types::Fields;

/// Who acts.
#[derive(Clone, Copy)]
pub(super) struct Actor {
    pub(super) client: usize,
    pub(super) side: usize,
    /// Its requests meet faults.
    pub(super) faulty: bool,
}

fn inject(fault: Fault) -> WireFault {
    match fault.kind {
        FaultKind::Lost => WireFault::Refuse,
        FaultKind::ResponseLost => WireFault::LoseResponse,
        FaultKind::Torn => WireFault::Torn,
        FaultKind::Throttled => WireFault::throttled(),
        FaultKind::Failed => WireFault::Answer(500, "InternalServerError", "the history says so"),
    }
}

impl History<'_> {
    pub(super) async fn step(&mut self, index: usize) -> Check {
        let plan = self.plan;
        let step = &plan.steps[index];
        if let Act::Advance(_) | Act::AdvanceToEnd(..) | Act::Sweep = step.act {
            return self.pass_time(step).await;
        }
        let actor = Actor {
            client: step.client,
            side: step.side,
            faulty: step.fault.is_some(),
        };
        let runs = !self.running[step.side].is_empty();
        if runs == matches!(step.act, Act::Start) && !matches!(step.act, Act::Compare) {
            return Ok(());
        }
        self.clock.advance(Duration::from_millis(1));
        self.trace.push(format!("{} {step}", self.now()));
        if let Some(fault) = step.fault {
            for operation in fault.operations() {
                match fault.every {
                    true => self.wire.every(operation, move || inject(fault)),
                    false => self.wire.next(operation, inject(fault)),
                }
            }
        }
        let checked = self.act(actor, &step.act).await;
        self.wire.clear();
        checked
    }

    async fn act(&mut self, actor: Actor, act: &Act) -> Check {
        match act {
            Act::Advance(_) | Act::AdvanceToEnd(..) | Act::Sweep => Ok(()),
            Act::Start => self.start_all(actor).await,
            Act::Stop => {
                self.running[actor.side].clear();
                self.copies.retain(|(side, ..), _| *side != actor.side);
                Ok(())
            }
            Act::Compare => self.compare().await,
            Act::CreateTable => {
                let created = self.program(actor).create_table().await;
                self.unless_faulty(actor, "create_table", created)?;
                self.account(Effects::none()).await.map(drop)
            }
            Act::Reindex(rate) => self.reindex(actor, *rate).await,
            Act::VerifyTable => {
                let verified = self.program(actor).verify_table().await;
                self.unless_faulty(actor, "verify_table", verified)
                    .map(drop)
            }
            Act::Create(slot, set) => self.create(actor, *slot, set).await,
            Act::Load(slot, how) => self.load(actor, *slot, *how).await,
            Act::Save(slot, set, idle) => self.save(actor, *slot, set, *idle).await,
            Act::Update(slot, set) => self.update(actor, *slot, set).await,
            Act::CancelUpdate(slot, set) => self.cancel_update(actor, *slot, set).await,
            Act::Touch(slot) => self.touch(actor, *slot).await,
            Act::Cycle(slot, set) => self.cycle_id(actor, *slot, set).await,
            Act::LogIn(slot, set) => self.log_in(actor, *slot, set).await,
            Act::Refresh(slot) => self.refresh(actor, *slot).await,
            Act::Delete(slot) => self.delete(actor, *slot).await,
            Act::RevokeHandle(slot) => self.revoke_handle(actor, *slot).await,
            Act::Revoke(by, value, which) => self.revoke(actor, *by, *value, *which).await,
            Act::List(by, value, limit) => self.list(actor, *by, *value, *limit).await,
            Act::RevokeAll => self.revoke_all(actor).await,
        }
    }

    async fn pass_time(&mut self, step: &Step) -> Check {
        match step.act {
            Act::Advance(millis) => self.clock.advance(Duration::from_millis(millis)),
            Act::AdvanceToEnd(slot, more) => {
                let handle = self.handle(slot);
                let session = handle.and_then(|handle| self.model.sessions.get(&handle));
                let Some(end) = session.map(|session| session.ends(self.spec(step.side))) else {
                    return Ok(());
                };
                // The next step comes one millisecond later.
                let target = end.saturating_add_signed(more) - 1;
                if target > self.now() {
                    self.clock.set(target);
                }
            }
            _ => self.sweep().await,
        }
        self.trace.push(format!("{} {:?}", self.now(), step.act));
        Ok(())
    }

    async fn start_all(&mut self, actor: Actor) -> Check {
        let program = self.start(actor.side).await;
        let is_first = self.prepared == [false; 2];
        program.create_table().await.expect("there is no fault");
        program.verify_table().await.expect("it was just created");
        self.prepared[actor.side] = true;
        if is_first {
            self.note_complete(actor.side, self.model.step);
        }
        self.running[actor.side].push(program);
        for _ in 0..CLIENTS {
            let another = self.running[actor.side][0].another();
            self.running[actor.side].push(another);
        }
        self.account(Effects::none()).await.map(drop)
    }

    /// Since this step, the indexes of this version are complete.
    pub(super) fn note_complete(&mut self, side: usize, step: usize) {
        for by in By::ALL {
            let name = index_name(self.spec(side), by);
            self.model.complete.insert((by, name), step);
        }
    }

    pub(super) fn program(&mut self, actor: Actor) -> &mut dyn Program {
        self.running[actor.side][actor.client].as_mut()
    }

    /// Notes that a copy knows the state of now.
    pub(super) fn note_copy(&mut self, actor: Actor, slot: usize) {
        let knows = self.model.step;
        let key = (actor.side, actor.client, slot);
        self.copies.insert(key, Copy { knows });
    }

    /// The copy in a slot, and whether it knows the last state of its session.
    pub(super) fn copy(
        &mut self,
        actor: Actor,
        slot: usize,
    ) -> Option<(Seen, Option<Truth>, bool)> {
        let copy = self.copies.get(&(actor.side, actor.client, slot))?.clone();
        let seen = self.program(actor).copy(slot)?;
        let truth = self.model.sessions.get(&seen.handle.to_string()).cloned();
        let knows = truth
            .as_ref()
            .is_some_and(|truth| copy.knows >= truth.written);
        Some((seen, truth, knows))
    }

    pub(super) fn forget(&mut self, actor: Actor, slot: usize) {
        self.copies.remove(&(actor.side, actor.client, slot));
        self.program(actor).forget(slot);
    }

    /// The result of an operation that fails only by a fault.
    pub(super) fn unless_faulty<T>(
        &mut self,
        actor: Actor,
        what: &str,
        result: Result<T, Error>,
    ) -> Check<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.trace.push(format!("    {error:?}"));
                match (&error, actor.faulty) {
                    (Error::Service(_) | Error::Conflict(_), true) => Ok(None),
                    (Error::Setup(_), true) if what == "create_table" => Ok(None),
                    _ => broken!("G10", "{what} failed without a fault: {error:?}"),
                }
            }
        }
    }

    /// Whether sessions of before the cutoff may end by this operation.
    pub(super) fn cut_off(&self, actor: Actor) -> impl Fn(&Truth) -> bool + 'static {
        let (applies, before) = (self.spec(actor.side).revoke_all, self.model.cutoff[1]);
        move |truth| applies && truth.created < before
    }

    pub(super) async fn load(&mut self, actor: Actor, slot: usize, how: Loading) -> Check {
        let Some(id) = self.ids[slot].clone() else {
            return Ok(());
        };
        self.copies.remove(&(actor.side, actor.client, slot));
        let loaded = self.program(actor).load(slot, &id, how).await;
        let loaded = self.unless_faulty(actor, "a load", loaded)?;
        let truth = self.model.sessions.get(&id.handle().to_string()).cloned();
        let effects = Effects::none().may_end("a load after revoke_all", self.cut_off(actor));
        self.account(effects).await?;
        let Some(loaded) = loaded else {
            return Ok(());
        };
        let now = self.now();
        let spec = self.spec(actor.side).clone();
        let life = match &truth {
            Some(truth) => self.model.life(truth, &spec, now),
            None => Life::Over,
        };
        match (loaded, truth, life) {
            (Some(_), None, _) => broken!("G1", "an ended session was loaded"),
            (Some(_), Some(truth), Life::Over) => broken!(
                "G19: live",
                "a session that ended at {} for {} was loaded at {now}: {truth:?}",
                truth.ends(&spec),
                spec.name
            ),
            (None, Some(truth), Life::Live) => broken!(
                "G19: live",
                "a session that lives until {} for {} was not found at {now}: {truth:?}",
                truth.ends(&spec),
                spec.name
            ),
            (Some(seen), Some(truth), _) => {
                self.note_copy(actor, slot);
                if seen.created != truth.created || seen.touched != truth.touched {
                    return broken!("G6", "loaded with other times: {seen:?} of {truth:?}");
                }
                self.same_fields(&spec, &seen.fields, &truth.fields)
            }
            (None, _, _) => Ok(()),
        }
    }

    /// Compares the fields that a version knows.
    pub(super) fn same_fields(&self, spec: &Spec, shown: &Fields, stored: &Fields) -> Check {
        for name in spec.fields {
            if shown[name] != stored[name] {
                let (shown, stored) = (shown[name], stored[name]);
                return broken!(
                    "G3, G4",
                    "`{name}` is {shown:?} for {}, and was stored as {stored:?}",
                    spec.name
                );
            }
        }
        Ok(())
    }

    pub(super) async fn refresh(&mut self, actor: Actor, slot: usize) -> Check {
        let Some((_, truth, _)) = self.copy(actor, slot) else {
            return Ok(());
        };
        let refreshed = self.program(actor).refresh(slot).await;
        let effects = Effects::none().may_end("a refresh after revoke_all", self.cut_off(actor));
        self.account(effects).await?;
        let (spec, now) = (self.spec(actor.side).clone(), self.now());
        let life = truth
            .as_ref()
            .map_or(Life::Over, |it| self.model.life(it, &spec, now));
        if let Err(Error::Gone(_)) = refreshed {
            self.forget(actor, slot);
            return match life {
                Life::Live => broken!("G19: live", "a refresh does not find a live session"),
                _ => Ok(()),
            };
        }
        let refreshed = self.unless_faulty(actor, "a refresh", refreshed)?;
        if refreshed.is_none() {
            return Ok(());
        }
        if life == Life::Over {
            return broken!(
                "G19: live",
                "a refresh found a session that is over: {truth:?}"
            );
        }
        self.note_copy(actor, slot);
        let seen = self.program(actor).copy(slot).expect("it was refreshed");
        self.same_fields(&spec, &seen.fields, &truth.expect("it is live").fields)
    }
}
