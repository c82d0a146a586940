//! Draws a history from a seed.

use fastrand::Rng;
use session_store::ReadConsistency;

use super::caches::{with_caches, with_loads};
use super::later::{with_administrators, with_changes_of_all, with_log_ins, with_proofs};
use super::mishaps::{with_answers, with_drops};
use super::{ABSOLUTE, Act, Binary, CLIENTS, Client, Fault, IDLE, Plan, REMEMBERED, Set, Step};

impl Plan {
    pub fn of(seed: u64) -> Self {
        // Drawn separately, so that the histories without a roster stay the same as before it.
        let roster = match Rng::with_seed(seed ^ 0x4057e4).u8(..10) {
            0 | 1 => Some(Binary::Evicting),
            2 => Some(Binary::Refusing),
            3 => Some(Binary::Boundless),
            _ => None,
        };
        // For the same reason: some of the clients store their sessions as bytes.
        let formats = &mut Rng::with_seed(seed ^ 0xb17e5);
        let bytes = formats.u8(..3) == 0;
        // And some read stale items.
        let reads = &mut Rng::with_seed(seed ^ 0x4ead5);
        let stale = reads.bool();
        let rng = &mut Rng::with_seed(seed);
        let computed = rng.u8(..8) == 0;
        let mut clients: Vec<_> = (0..rng.usize(2..=CLIENTS))
            .map(|i| Client {
                binary: match (roster, computed, rng.u8(..3)) {
                    (Some(binary), ..) => binary,
                    (_, true, _) => Binary::Computed,
                    (_, _, 0) => Binary::New,
                    _ if bytes && formats.bool() => Binary::Bytes,
                    _ => Binary::Old,
                },
                skew: [0, 0, 0, 2_000, -2_000, 30_000, -30_000][rng.usize(..7)],
                reads: match stale {
                    true => READS[reads.usize(..READS.len())],
                    false => ReadConsistency::Consistent,
                },
                host: i,
                browser: i,
                cache: None,
            })
            .collect();
        with_caches(seed, &mut clients);
        // Enough sessions of few users, so that a roster is full now and then.
        let (slots, users) = match roster {
            None => (rng.usize(1..=3), rng.u64(2..=3)),
            Some(_) => (rng.usize(2..=4), rng.u64(1..=2)),
        };
        let faults = [0, 0, 4, 10, 25][rng.usize(..5)];
        let remembered = rng.u8(..4) == 0;
        let mut draw = Draw {
            rng,
            clients: clients.clone(),
            slots,
            users,
            faults,
            remembered,
            roster: roster.is_some(),
            unique: 100,
        };
        let mut steps: Vec<_> = (0..slots).map(|slot| draw.create(slot)).collect();
        let mut slow = (draw.rng.u8(..3) == 0).then(|| draw.rng.usize(..draw.clients.len()));
        let mut slow_after_loss = false;
        let end = steps.len() + draw.rng.usize(10..=38);
        while steps.len() < end {
            let step = draw.step();
            match step.act {
                // A client that does not learn which id is valid asks again, sometimes later.
                Act::Cycle(slot, _) if draw.rng.u8(..3) == 0 => {
                    let client = step.client;
                    steps.push(step);
                    if draw.rng.bool() {
                        let more = draw.rng.i64(-500..2_000);
                        steps.push(draw.with_faults(client, Act::AdvanceToEnd(slot, more)));
                    }
                    steps.push(draw.with_faults(client, Act::Cycle(slot, Set::new())));
                }
                // A session moves to another user and back, by copies that do not know each other, while
                // all sessions of the first user are revoked.
                Act::Save(slot, ..) if draw.roster && draw.rng.u8(..3) == 0 => {
                    let movers = [step.client, draw.rng.usize(..draw.clients.len())];
                    let user = draw.rng.u64(1..=draw.users);
                    steps.push(draw.moves(movers[0], slot, Some(user)));
                    for mover in movers {
                        steps.push(draw.with_faults(mover, Act::Load(slot)));
                    }
                    steps.push(step);
                    let revokes = draw.rng.usize(..draw.clients.len());
                    steps.push(draw.with_faults(revokes, Act::Revoke(user, None)));
                    for mover in movers {
                        let to = draw.rng.u64(0..=draw.users);
                        steps.push(draw.moves(mover, slot, (to > 0).then_some(to)));
                    }
                    steps.push(draw.moves(movers[0], slot, Some(user)));
                }
                // Many write to a session while one client does not know the outcome of its own write.
                Act::Save(slot, ..) | Act::Update(slot, _) if draw.rng.u8(..6) == 0 => {
                    let waits = step.client;
                    steps.push(Step {
                        client: waits,
                        act: Act::Load(slot),
                        faults: Vec::new(),
                        behind: 0,
                        plain: false,
                        dropped: None,
                    });
                    steps.push(step);
                    if let (true, Some(step)) = (draw.faults > 0, steps.last_mut()) {
                        step.faults[..2].fill(Some(Fault::Lose));
                        slow = Some(waits);
                        slow_after_loss = true;
                    }
                    for _ in 0..draw.rng.usize(3..9) {
                        let client = draw.rng.usize(..draw.clients.len());
                        if client != waits {
                            let set = draw.set(client);
                            steps.push(draw.with_faults(client, Act::Update(slot, set)));
                        }
                    }
                }
                _ => steps.push(step),
            }
        }
        for step in &mut steps {
            let reads_late = clients[step.client].reads != ReadConsistency::Consistent;
            if reads_late && matches!(step.act, Act::Load(_)) {
                step.behind = BEHIND[reads.usize(..BEHIND.len())];
            }
        }
        let mut steps = with_log_ins(seed, steps, clients.len());
        with_changes_of_all(seed, &mut steps);
        with_proofs(seed, &mut steps);
        let steps = with_administrators(seed, steps, clients.len(), users);
        let mut steps = with_loads(seed, steps, &clients, slots);
        with_answers(seed, &mut steps);
        with_drops(seed, &mut steps);
        Self {
            seed,
            slots,
            steps,
            haste: [0, 15, 30, 50, 70][rng.usize(..5)],
            slow,
            slow_after_loss,
            forget_tokens: rng.u8(..3) == 0,
            clients,
        }
    }
}

const READS: [ReadConsistency; 5] = [
    ReadConsistency::Consistent,
    ReadConsistency::Eventual,
    ReadConsistency::Eventual,
    ReadConsistency::ReadYourWrites,
    ReadConsistency::ReadYourWrites,
];

/// How many changes a read can miss: none, a few, or all.
const BEHIND: [usize; 8] = [0, 0, 0, 1, 1, 2, 4, usize::MAX];

struct Draw<'a> {
    rng: &'a mut Rng,
    clients: Vec<Client>,
    slots: usize,
    users: u64,
    /// How many of a hundred requests meet a fault.
    faults: u8,
    remembered: bool,
    /// The index is consistent.
    roster: bool,
    unique: u64,
}

impl Draw<'_> {
    fn step(&mut self) -> Step {
        let client = self.rng.usize(..self.clients.len());
        let slot = self.rng.usize(..self.slots);
        let mut kind = self.rng.u8(..100);
        if self.roster && kind >= 18 && self.rng.u8(..4) == 0 {
            // More operations that use a roster, and fewer loads, saves and updates.
            kind = [14, 14, 14, 78, 86, 90, 93, 98][self.rng.usize(..8)];
        }
        let act = match kind {
            0..10 => Act::Advance(match self.rng.u8(..20) {
                0..11 => self.rng.u64(1..60_000),
                11..17 => self.rng.u64(60_000..240_000),
                17..19 => self.rng.u64(IDLE * 900..IDLE * 1_200),
                _ => ABSOLUTE * 1_000,
            }),
            // Within two seconds of the end, or right before or after it: each clock moves by eight milliseconds,
            // and those of two clients differ in the rest.
            10..12 => Act::AdvanceToEnd(slot, self.rng.i64(-2_000..2_000)),
            12..14 => Act::AdvanceToEnd(slot, self.rng.i64(-40..24)),
            14..18 => return self.create(slot),
            18..33 => Act::Load(slot),
            33..54 => {
                let idle = (self.remembered && self.rng.u8(..4) == 0)
                    .then(|| self.rng.bool().then_some(REMEMBERED));
                Act::Save(slot, self.set(client), idle)
            }
            54..66 => {
                let set = match self.rng.bool() {
                    true => Set::new(),
                    false => self.set(client),
                };
                Act::Update(slot, set)
            }
            66..73 => Act::Touch(slot),
            73..84 => {
                let set = match self.rng.bool() {
                    true => Set::new(),
                    false => self.set(client),
                };
                Act::Cycle(slot, set)
            }
            84..87 => Act::Delete(slot),
            87..92 => {
                let except = self.rng.bool().then(|| self.rng.usize(..self.slots));
                Act::Revoke(self.rng.u64(1..=self.users), except)
            }
            92..94 if self.roster && self.rng.bool() => {
                Act::RevokeOnly(self.rng.u64(1..=self.users), slot)
            }
            92..94 => Act::RevokeHandle(slot),
            _ => Act::List(self.rng.u64(1..=self.users)),
        };
        self.with_faults(client, act)
    }

    fn create(&mut self, slot: usize) -> Step {
        let client = self.rng.usize(..self.clients.len());
        let mut set = self.set(client);
        set.retain(|(field, _)| *field != "user");
        set.push(("user", Some(self.rng.u64(1..=self.users))));
        self.with_faults(client, Act::Create(slot, set))
    }

    fn moves(&mut self, client: usize, slot: usize, user: Option<u64>) -> Step {
        self.with_faults(client, Act::Save(slot, vec![("user", user)], None))
    }

    fn with_faults(&mut self, client: usize, act: Act) -> Step {
        let query =
            self.roster || matches!(act, Act::List(_) | Act::Revoke(..) | Act::UpdateAll(_));
        let requests = if self.roster { 10 } else { 6 };
        let mut faults: Vec<_> = (0..requests).map(|_| self.fault(query)).collect();
        if self.faults > 0 && self.rng.u8(..10) == 0 {
            // As often as the SDK itself sends a request: no attempt arrives.
            let same = faults[0].or_else(|| self.any_fault(query));
            faults[..3].fill(same);
            if self.rng.bool() {
                faults[1..3].fill(Some(Fault::Throttle));
            }
        }
        Step {
            client,
            act,
            faults,
            behind: 0,
            plain: false,
            dropped: None,
        }
    }

    fn fault(&mut self, query: bool) -> Option<Fault> {
        match self.rng.u8(..100) < self.faults {
            true => self.any_fault(query),
            false => None,
        }
    }

    fn any_fault(&mut self, query: bool) -> Option<Fault> {
        const ALL: [Fault; 12] = [
            Fault::Lose,
            Fault::Refuse,
            Fault::TimeOutBefore,
            Fault::TimeOutAfter,
            Fault::Delay,
            Fault::Throttle,
            Fault::FailBefore,
            Fault::FailAfter,
            Fault::Conflict,
            Fault::IndexMisses,
            Fault::IndexStale,
            Fault::Unprocessed,
        ];
        let among = if query { 12 } else { 9 };
        Some(ALL[self.rng.usize(..among)])
    }

    /// One to three fields, with values that no other step writes; sometimes a user.
    fn set(&mut self, client: usize) -> Set {
        let mut fields = vec!["red", "green", "level"];
        if self.clients[client].binary == Binary::New {
            fields.extend(["note", "note"]);
        }
        let mut set = Set::new();
        for _ in 0..self.rng.usize(1..=2) {
            let field = fields[self.rng.usize(..fields.len())];
            fields.retain(|other| *other != field);
            self.unique += 1;
            let none = self.rng.u8(..8) == 0;
            set.push((field, (!none).then_some(self.unique)));
        }
        let moves = if self.roster { 2 } else { 4 };
        if self.rng.u8(..moves) == 0 {
            let user = self.rng.u64(0..=self.users);
            set.push(("user", (user > 0).then_some(user)));
        }
        set
    }
}
