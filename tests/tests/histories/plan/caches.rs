//! Hosts with a cache, and what meets it. They are drawn in half of the histories, beside the rest, so that the others
//! stay the same.

use std::array;

use fastrand::Rng;
use session_store::ReadConsistency;

use super::{Act, Client, Fault, Set, Step};

/// For how long a cache keeps copies, in milliseconds: from less than the time that passes with each step, which is
/// eight, to longer than a session lasts.
const TIMES: [u64; 9] = [4, 8, 16, 40, 1_000, 30_000, 150_000, 400_000, 3_600_000];

/// Lets clients share a host, gives hosts a cache, and lets several clients be one browser.
pub(super) fn with_caches(seed: u64, clients: &mut [Client]) {
    let rng = &mut Rng::with_seed(seed ^ 0xcac4e);
    if rng.bool() {
        return;
    }
    let time = TIMES[rng.usize(..TIMES.len())];
    let [shares_hosts, is_one_browser, is_eventual] = array::from_fn(|_| rng.bool());
    for i in 0..clients.len() {
        clients[i].cache = (rng.u8(..5) > 0).then_some(time);
        if is_eventual && rng.bool() {
            clients[i].reads = ReadConsistency::Eventual;
        }
        if is_one_browser {
            clients[i].browser = 0;
        }
        if i > 0 && shares_hosts && rng.u8(..3) > 0 {
            let host = clients[rng.usize(..i)].host;
            clients[i] = Client {
                browser: clients[i].browser,
                ..clients[host]
            };
        }
    }
}

/// Adds loads after a part of the steps, and moves the clock by less than the caches keep their copies, by as much, and
/// by more.
pub(super) fn with_loads(
    seed: u64,
    steps: Vec<Step>,
    clients: &[Client],
    slots: usize,
) -> Vec<Step> {
    let Some(time) = clients.iter().find_map(|client| client.cache) else {
        return steps;
    };
    let rng = &mut Rng::with_seed(seed ^ 0x10ad5);
    let faults: Vec<_> = steps.iter().map(|step| step.faults.clone()).collect();
    let mut draw = Draw {
        rng,
        time,
        clients,
        faults,
    };
    let mut all = Vec::with_capacity(steps.len() * 2);
    for (i, mut step) in steps.into_iter().enumerate() {
        if let Act::Load(_) = step.act {
            step.plain = draw.rng.u8(..5) == 0;
        }
        all.push(step);
        // Not before the sessions are there.
        if i + 1 < slots {
            continue;
        }
        let slot = draw.rng.usize(..slots);
        match draw.rng.u8(..16) {
            0..5 => {
                let step = draw.load(slot);
                all.push(step);
            }
            5..7 => {
                let step = draw.advance();
                all.push(step);
            }
            7 => draw.overtaken(&mut all, slot, 1000 + i as u64),
            8..10 => draw.crossed(&mut all, slot),
            _ => {}
        }
    }
    all
}

struct Draw<'a> {
    rng: &'a mut Rng,
    time: u64,
    clients: &'a [Client],
    faults: Vec<Vec<Option<Fault>>>,
}

impl Draw<'_> {
    fn step(&mut self, client: usize, act: Act) -> Step {
        let faults = match self.rng.u8(..3) {
            0 => self.faults[self.rng.usize(..self.faults.len())].clone(),
            _ => Vec::new(),
        };
        Step {
            client,
            act,
            faults,
            behind: 0,
            plain: false,
            dropped: None,
        }
    }

    fn load(&mut self, slot: usize) -> Step {
        let client = self.rng.usize(..self.clients.len());
        self.load_of(client, slot)
    }

    fn load_of(&mut self, client: usize, slot: usize) -> Step {
        let plain = self.rng.u8(..6) == 0;
        let behind = [0, 0, 1, 2][self.rng.usize(..4)];
        Step {
            plain,
            behind,
            ..self.step(client, Act::Load(slot))
        }
    }

    /// Each step takes eight milliseconds itself.
    fn advance(&mut self) -> Step {
        let time = self.time;
        let millis = match self.rng.u8(..8) {
            0 => time / 2,
            1 => self.rng.u64(..time),
            2 => time.saturating_sub(24),
            3 => time.saturating_sub(16),
            4 => time.saturating_sub(8),
            5 => time,
            6 => time + 8,
            _ => time / 4,
        };
        self.step(0, Act::Advance(millis))
    }

    /// A client reads a session, while another one of its host writes to it or ends it, and is told no version. Then the
    /// first one comes back.
    fn crossed(&mut self, all: &mut Vec<Step>, slot: usize) {
        let reader = self.rng.usize(..self.clients.len());
        let host = self.clients[reader].host;
        let on_host = |client: &usize| *client != reader && self.clients[*client].host == host;
        let Some(writer) = (0..self.clients.len()).find(on_host) else {
            return;
        };
        let act = match self.rng.u8(..8) {
            0..6 => Act::Update(slot, Set::new()),
            6 => Act::Delete(slot),
            _ => Act::RevokeHandle(slot),
        };
        let mut meeting = [
            Step {
                plain: self.rng.bool(),
                ..self.step(reader, Act::Load(slot))
            },
            self.step(writer, act),
        ];
        if self.rng.bool() {
            meeting.reverse();
        }
        all.extend(meeting);
        for _ in 0..2 {
            let step = self.load_of(reader, slot);
            all.push(step);
        }
    }

    /// A client loads a session, and somebody else writes to it, or ends it. Then the first one comes back, and can touch
    /// it meanwhile.
    fn overtaken(&mut self, all: &mut Vec<Step>, slot: usize, unique: u64) {
        let [reader, writer] = array::from_fn(|_| self.rng.usize(..self.clients.len()));
        let step = self.load_of(reader, slot);
        all.push(step);
        let loads = self.load_of(writer, slot);
        let act = match self.rng.u8(..8) {
            0..5 => {
                all.push(loads);
                Act::Save(slot, vec![("red", Some(unique))], None)
            }
            5 => Act::Update(slot, Set::new()),
            6 => Act::Delete(slot),
            _ => Act::RevokeHandle(slot),
        };
        let step = self.step(writer, act);
        all.push(step);
        if self.rng.bool() {
            let step = self.step(0, Act::Advance(self.time / 2));
            all.push(step);
            let step = self.step(reader, Act::Touch(slot));
            all.push(step);
            let step = self.step(0, Act::Advance(self.time / 2));
            all.push(step);
        } else {
            let step = self.advance();
            all.push(step);
        }
        for _ in 0..self.rng.usize(1..3) {
            let step = self.load_of(reader, slot);
            all.push(step);
        }
    }
}
