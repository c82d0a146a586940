//! One history: which client continues next, and the results of the operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use session_store::SessionId;

use super::World;
use super::describe::describe;
use crate::client::{Got, Hand, Outcome, Running, Seen};
use crate::model::{Op, ends};
use crate::plan::{Act, CLIENTS, Plan};

pub(super) struct History<'a> {
    pub(super) world: &'a World,
    pub(super) plan: &'a Plan,
    pub(super) hands: Vec<Box<dyn Hand>>,
    pub(super) rng: Rng,
    /// The id of each session, from the last client that learned it.
    pub(super) ids: Vec<Option<SessionId>>,
    /// The ids that it had before, the last one last.
    pub(super) earlier: Vec<Vec<SessionId>>,
    pub(super) started: Vec<bool>,
    pub(super) running: Vec<Option<(usize, Running)>>,
    /// How often the operation of each client has waited.
    pub(super) waits: [usize; CLIENTS],
    /// Whether each client was woken since it was last polled.
    pub(super) flags: [Arc<Flag>; CLIENTS],
}

/// The events that can come next.
#[derive(Clone, Copy)]
enum Turn {
    Begin(usize),
    /// A request continues to the engine, or its response to the client.
    Open(usize, usize),
    /// A client has paused long enough before its next attempt.
    Wake(usize),
    /// A client has the answer of a read that another client of its host has sent, or goes on with that read itself.
    Go(usize),
    Deliver(usize),
}

/// How far a step may begin before a step of a busy client.
const WINDOW: usize = 10;

impl History<'_> {
    pub(super) async fn run(&mut self) {
        while self.world.wires.shared().violation.is_none() {
            match self.choose() {
                None => break,
                Some(Turn::Begin(step)) => self.begin(step),
                Some(Turn::Open(_, client) | Turn::Wake(client) | Turn::Go(client))
                    if self.drops(client) =>
                {
                    self.drop_op(client);
                }
                Some(Turn::Open(gate, client)) => {
                    self.world.wires.shared().open(gate);
                    self.poll(client);
                }
                Some(Turn::Wake(client)) => {
                    tokio::time::advance(Duration::from_secs(60)).await;
                    self.world.wires.shared().model.time.steady += 60_000;
                    self.poll(client);
                }
                Some(Turn::Go(client)) => self.poll(client),
                Some(Turn::Deliver(late)) => self.world.wires.deliver(late),
            }
        }
        self.running.clear();
    }

    fn choose(&mut self) -> Option<Turn> {
        let begin = self.next_step();
        let mut others = Vec::new();
        {
            let shared = self.world.wires.shared();
            for client in 0..CLIENTS {
                let gates = shared.gates.iter().enumerate();
                let gates = gates.filter(|(_, gate)| gate.client == client && gate.is_shut());
                let before = others.len();
                others.extend(gates.map(|(i, _)| Turn::Open(i, client)));
                if others.len() == before && self.running[client].is_some() {
                    if self.flags[client].0.load(Ordering::SeqCst) {
                        others.push(Turn::Go(client));
                    } else if !shared.may_wait_for_others(client) {
                        others.push(Turn::Wake(client));
                    }
                }
            }
        }
        let slow = self.plan.slow.filter(|client| {
            let shared = self.world.wires.shared();
            let op = shared.current[*client].map(|op| &shared.model.ops[op]);
            !self.plan.slow_after_loss || op.is_some_and(|op| op.lost)
        });
        let is_slow = |turn: &Turn| match turn {
            Turn::Open(_, client) | Turn::Wake(client) | Turn::Go(client) => slow == Some(*client),
            _ => false,
        };
        let fast: Vec<_> = others
            .iter()
            .copied()
            .filter(|turn| !is_slow(turn))
            .collect();
        let late = self.world.wires.shared().late.len();
        if late > 0 && self.rng.u8(..10) == 0 {
            return Some(Turn::Deliver(self.rng.usize(..late)));
        }
        let crawl = slow.is_some() && self.rng.u8(..20) != 0;
        match begin {
            Some(step) if others.is_empty() || self.rng.u32(..100) < self.plan.haste => {
                Some(Turn::Begin(step))
            }
            Some(step) if fast.is_empty() && crawl && self.plan.haste > 0 => {
                Some(Turn::Begin(step))
            }
            _ if others.is_empty() => (late > 0).then_some(Turn::Deliver(0)),
            _ if crawl && !fast.is_empty() => Some(fast[self.rng.usize(..fast.len())]),
            _ => Some(others[self.rng.usize(..others.len())]),
        }
    }

    /// The first step whose client is free, and which comes before all others of that client.
    fn next_step(&self) -> Option<usize> {
        let mut waiting = [false; CLIENTS];
        let left = (0..self.plan.steps.len()).filter(|step| !self.started[*step]);
        for step in left.take(WINDOW) {
            let client = self.plan.steps[step].client;
            if self.running[client].is_none() && !waiting[client] {
                return Some(step);
            }
            waiting[client] = true;
        }
        None
    }

    fn advance(&self, millis: u64) {
        for clock in &self.world.wires.clocks {
            clock.advance(Duration::from_millis(millis / 8 * 8));
        }
        let shared = &mut *self.world.wires.shared();
        shared.model.time.clock += millis / 8 * 8;
        for op in &mut shared.model.ops {
            op.interfered |= !op.done;
        }
    }

    fn begin(&mut self, index: usize) {
        self.started[index] = true;
        let step = &self.plan.steps[index];
        let wires = &self.world.wires;
        for clock in &wires.clocks {
            clock.advance(Duration::from_millis(8));
        }
        wires.shared().model.time.clock += 8;
        match step.act {
            Act::Advance(millis) => {
                wires.shared().trace.push(format!("{:?}", step.act));
                return self.advance(millis);
            }
            Act::AdvanceToEnd(slot, more) => {
                let end = self.ids[slot].as_ref().and_then(|id| {
                    let handle = id.handle().to_string();
                    Some(ends(wires.shared().model.truth.get(&handle)?))
                });
                let now = wires.clocks[0].millis();
                let until = end.and_then(|end| end.checked_add_signed(more));
                if let Some(until) = until.filter(|until| *until > now) {
                    wires
                        .shared()
                        .trace
                        .push(format!("{:?}: {} ms", step.act, until - now));
                    self.advance(until - now);
                }
                return;
            }
            _ => {}
        }

        let client = step.client;
        let hand = &self.hands[client];
        let mut op = Op::new(client, step.act.clone(), wires.clocks[client].millis());
        let mut id = None;
        let mut except = None;
        match step.act {
            Act::Create(..) | Act::List(_) | Act::UpdateAll(_) => {}
            Act::Revoke(_, slot) => except = slot.and_then(|slot| self.ids[slot].clone()),
            Act::Load(slot)
            | Act::Update(slot, _)
            | Act::Delete(slot)
            | Act::RevokeHandle(slot)
            | Act::RevokeOnly(_, slot)
            | Act::Find(slot, _)
            | Act::UpdateHandle(slot, _) => {
                id = self.ids[slot].clone();
                let earlier = &self.earlier[slot];
                let behind = step.behind.min(earlier.len());
                if behind > 0 && !matches!(step.act, Act::Load(_) | Act::Update(..)) {
                    id = earlier.get(earlier.len() - behind).cloned();
                }
                op.target = id.as_ref().map(|id| id.handle().to_string());
                let Some(id) = &id else { return };
                if let Act::Load(_) = step.act {
                    op.reads = hand.reads(id, !step.plain);
                }
            }
            Act::Save(..)
            | Act::Touch(_)
            | Act::Cycle(..)
            | Act::LogIn(..)
            | Act::Reauthenticate(..)
            | Act::Refresh(_) => {
                let Some((handle, pending)) = hand.prepare(&step.act, op.began) else {
                    return;
                };
                op.target = Some(handle);
                op.pending = pending;
            }
            Act::Advance(_) | Act::AdvanceToEnd(..) => {}
        }
        let reads = op.reads;
        op.spared = except.as_ref().map(|id| id.handle().to_string());
        {
            let shared = &mut *wires.shared();
            let on = op
                .target
                .as_ref()
                .map(|target| shared.name(target))
                .unwrap_or_default();
            let number = shared.model.begins(op);
            let how = match step.act {
                Act::Load(_) => format!(", {reads:?}"),
                _ => String::new(),
            };
            let act = &step.act;
            let begins = format!("[{number}] client {client} begins {act:?} {on}{how}");
            shared.trace.push(begins);
            shared.current[client] = Some(number);
            shared.faults[client] = step.faults.clone();
            shared.behind[client] = step.behind;
        }
        self.waits[client] = 0;
        let running = hand.begin(&step.act, id, except, reads);
        self.running[client] = Some((index, running));
        self.poll(client);
    }

    /// Lets a client run until it waits for a gate or for time to pass.
    fn poll(&mut self, client: usize) {
        let Some((_, running)) = &mut self.running[client] else {
            return;
        };
        self.world.wires.shared().polled = client;
        let flag = &self.flags[client];
        flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(flag));
        let mut context = Context::from_waker(&waker);
        loop {
            // The whole history is one task, which tokio must not make yield half-way.
            let mut running = std::pin::pin!(tokio::task::unconstrained(&mut *running));
            if let std::task::Poll::Ready(outcome) = running.as_mut().poll(&mut context) {
                return self.end(client, outcome);
            }
            if !flag.0.swap(false, Ordering::SeqCst) {
                return;
            }
        }
    }

    fn end(&mut self, client: usize, outcome: Outcome) {
        let Some((index, _)) = self.running[client].take() else {
            return;
        };
        let act = &self.plan.steps[index].act;
        let wires = &self.world.wires;
        let shared = &mut *wires.shared();
        let op = shared.end_op(client).expect("it was under way");
        let now = wires.clocks[client].millis();
        let line = format!(
            "[{op}] {}",
            describe(&outcome, |handle| shared.name(handle))
        );
        shared.trace.push(line);
        match shared.model.ends(op, &outcome, now) {
            Err(violation) => {
                shared.violation.get_or_insert(violation);
            }
            Ok(Some(stored)) => {
                if let Some(slot) = act.copy() {
                    let has_written = !matches!(act, Act::Refresh(_));
                    self.hands[client].settled(slot, &stored, has_written);
                }
            }
            Ok(None) => {}
        }
        let had = shared.model.ops[op].target.clone();
        match (act, &outcome.got, &outcome.copy) {
            (Act::Create(slot, _), Ok(Got::Session(seen)), _) => {
                self.ids[*slot] = Some(seen.id.clone());
                self.earlier[*slot].clear();
            }
            (act, _, Some(seen)) if had.as_ref() != Some(&seen.handle) => {
                self.has_new_id(act, seen)
            }
            _ => {}
        }
    }

    /// A client learned that the session of its copy has a new id.
    fn has_new_id(&mut self, act: &Act, seen: &Seen) {
        if let Some(slot) = act.copy() {
            let earlier = self.ids[slot].replace(seen.id.clone());
            self.earlier[slot].extend(earlier);
        }
    }

    /// Whether the operation of a client is dropped, which goes on otherwise.
    fn drops(&mut self, client: usize) -> bool {
        let Some((step, _)) = &self.running[client] else {
            return false;
        };
        let waits = self.waits[client];
        self.waits[client] += 1;
        self.plan.steps[*step].dropped == Some(waits)
    }

    /// Drops the future of an operation. The client goes on with its copy.
    fn drop_op(&mut self, client: usize) {
        let Some((step, running)) = self.running[client].take() else {
            return;
        };
        drop(running);
        let act = &self.plan.steps[step].act;
        let slot = act.copy();
        let copy = slot.and_then(|slot| self.hands[client].copy(slot));
        let wires = &self.world.wires;
        let shared = &mut *wires.shared();
        let rng = &mut self.rng;
        let op = shared
            .drop_op(client, || rng.bool())
            .expect("it was under way");
        let on = copy.as_ref().map(|copy| shared.name(&copy.handle));
        let on = on.map(|name| format!(", the copy is {name}"));
        shared
            .trace
            .push(format!("[{op}] dropped{}", on.unwrap_or_default()));
        if let Err(violation) = shared.model.drops(op, copy.as_ref()) {
            shared.violation.get_or_insert(violation);
        }
        let op = &shared.model.ops[op];
        if let (Some(slot), Some(copy)) = (slot, &copy) {
            if let Some(stored) = shared.model.stored_with_new_id(op, Some(copy)) {
                self.hands[client].settled(slot, &stored, true);
            }
            if let Some(stored) = op.perhaps_knows() {
                self.hands[client].perhaps_settled(slot, stored);
            }
            if op.target.as_ref() != Some(&copy.handle) {
                let act = act.clone();
                self.has_new_id(&act, copy);
            }
        }
    }
}

#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
