//! G20: what a host may answer from its cache, and what it must.

use serde_json::Value;

use super::items::{ends, expires_at, is_live, named, number};
use super::{Model, Op, Violation, require};
use crate::client::{Got, Outcome, Reads, Seen};
use crate::plan::Act;
use crate::wire::written;

/// How much time has passed, in milliseconds: by the clocks of the clients, and by one that only the pauses between
/// attempts move.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    pub clock: u64,
    pub steady: u64,
}

impl Moment {
    /// Whether less than this time has passed since, by both clocks.
    fn is_within(self, time: u64, now: Self) -> bool {
        now.clock - self.clock < time && now.steady - self.steady < time
    }
}

/// A session as it was stored for some time; nothing after its end.
pub(super) struct State {
    item: Option<Value>,
    since: Moment,
    /// The host that stored it, unless it had given up its request.
    by: Option<usize>,
}

/// The oldest states of its session that a load may show, since its host has stored what came then: of the data, and of
/// the times, which a touch changes alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Least {
    data: usize,
    times: usize,
}

/// A copy that a host keeps for sure.
#[derive(Debug)]
pub(super) struct Kept {
    version: u64,
    at: Moment,
    ends: u64,
}

impl Model {
    fn host(&self, op: &Op) -> usize {
        self.clients[op.client].host
    }

    fn has_cache(&self, op: &Op) -> bool {
        self.clients[op.client].cache.is_some()
    }

    /// Whether one of these operations can have the answer of a read that the other one has sent.
    pub fn share_reads(&self, op: usize, other: usize) -> bool {
        let (one, two) = (&self.ops[op], &self.ops[other]);
        let is_shared = |op: &Op| matches!(op.act, Act::Load(_) | Act::Update(..));
        op != other
            && self.has_cache(one)
            && self.host(one) == self.host(two)
            && is_shared(one)
            && is_shared(two)
            && one.target == two.target
    }

    /// The operations that may get the answer of this request.
    pub fn sharers(&self, op: usize, operation: &str) -> Vec<usize> {
        let others = (0..self.ops.len()).filter(|other| {
            let is_read = operation == "GetItem" && !self.ops[*other].done;
            *other == op || is_read && self.share_reads(op, *other)
        });
        others.collect()
    }

    /// An operation begins on a host that may keep copies.
    pub(super) fn meets_cache(&mut self, op: &mut Op) {
        let Some(time) = self.clients[op.client].cache else {
            return;
        };
        op.at = self.time;
        let host = self.host(op);
        let clients = &self.clients;
        for other in &mut self.ops {
            if !other.done && clients[other.client].host == host {
                op.alone = false;
                other.alone = false;
            }
        }
        let Some(target) = &op.target else { return };
        for (i, state) in self.states.get(target).into_iter().flatten().enumerate() {
            if state.by != Some(host) {
                continue;
            }
            op.least.times = i;
            let version = |i: usize| {
                let item = self.states[target][i].item.as_ref();
                item.and_then(|item| number(item, "version"))
            };
            if i == 0 || version(i) != version(i - 1) {
                op.least.data = i;
            }
        }
        if let (Reads::Cached(version), Some(kept)) =
            (op.reads, self.kept.get(&(host, target.clone())))
        {
            op.is_kept = kept.version >= version
                && kept.at.is_within(time, self.time)
                && kept.ends > op.began;
        }
    }

    /// A host sends a request: before, it forgets the sessions to which that writes.
    pub(super) fn forgets_copies(&mut self, op: usize, operation: &str, input: &Value) {
        let host = self.host(&self.ops[op]);
        for handle in written(operation, input) {
            self.kept.remove(&(host, handle.to_owned()));
        }
    }

    /// A session is stored so from now on.
    pub(super) fn is_stored(&mut self, op: usize, handle: &str, item: Option<&Value>) {
        let by = (!self.arrives_late).then(|| self.host(&self.ops[op]));
        self.states
            .entry(handle.to_owned())
            .or_default()
            .push(State {
                item: item.cloned(),
                since: self.time,
                by,
            });
    }

    /// An operation has ended: after a read or a `create` that nothing has met, its host has a copy.
    pub(super) fn keeps_copy(&mut self, op: usize, outcome: &Outcome) {
        let op = &self.ops[op];
        let reads = matches!(op.reads, Reads::Consistent | Reads::Cached(_));
        let (Act::Create(..) | Act::Load(_), Ok(Got::Session(session))) = (&op.act, &outcome.got)
        else {
            return;
        };
        let item = match op.act {
            Act::Load(_) => op.shown.last().cloned().flatten(),
            _ => {
                let states = self.states.get(&session.handle);
                states.and_then(|states| states.first()?.item.clone())
            }
        };
        let is_certain = reads && op.alone && !op.faulted && op.requests.len() == 1;
        if let (true, true, Some(item)) = (self.has_cache(op), is_certain, item) {
            let kept = Kept {
                version: session.version,
                at: op.at,
                ends: ends(&item),
            };
            let key = (self.host(op), session.handle.clone());
            self.kept.insert(key, kept);
        }
    }

    /// A load has shown what none of its reads has: a copy of its host, that is not too old, lacks nothing that its host
    /// has stored before, and is live.
    pub(super) fn is_in_memory(&self, op: &Op, session: &Seen) -> Result<(), Violation> {
        let time = self.clients[op.client].cache.unwrap_or(0);
        let states = self.states.get(&session.handle);
        let states: &[State] = states.map_or(&[], Vec::as_slice);
        // It was still so at a moment that is not too long ago.
        let is_recent = |i: usize| {
            let next = states.get(i + 1);
            next.is_none_or(|next| next.since.is_within(time, op.at))
        };
        let all = states.iter().enumerate();
        let all = all.filter_map(|(i, state)| Some((i, state.item.as_ref()?)));
        let is_same_data = |item: &Value| {
            Some(session.version) == number(item, "version")
                && Some(session.created_at) == number(item, "created_at")
                && session.authenticated_at == number(item, "authenticated_at")
                && session.fields == named(item, &session.fields)
        };
        let data: Vec<_> = all
            .clone()
            .filter(|(_, item)| is_same_data(item))
            .map(|(i, _)| i)
            .collect();
        let last = data.last().copied();
        require(last.is_some(), "G20", || {
            "what was loaded from memory was never stored".to_owned()
        })?;
        require(last >= Some(op.least.data), "G20", || {
            "what the same host had written is missed".to_owned()
        })?;
        let data = data.into_iter().find(|i| is_recent(*i));
        let too_old = || format!("what another host did is missed for more than {time} ms");
        let Some(data) = data else {
            return require(false, "G20", too_old);
        };
        // Since then, its host can have touched it.
        let mut times = all.filter(|(i, item)| {
            *i >= data.max(op.least.times)
                && session.expires_at == expires_at(item)
                && is_recent(*i)
        });
        let mut are_known = times.clone();
        require(are_known.next().is_some(), "G20", || {
            format!("the end of a copy, {}, is wrong", session.expires_at)
        })?;
        require(
            times.any(|(_, item)| is_live(item, op.began)),
            "G20",
            || "an expired session was loaded from memory".to_owned(),
        )
    }
}
