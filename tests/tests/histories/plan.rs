//! A history as data: what each client does and what goes wrong, drawn from a seed, and made
//! smaller while it still fails.

use std::fmt;

use fastrand::Rng;

use crate::wire::is_read;

/// How many clients there can be; each has a place of its own on the wire.
pub const CLIENTS: usize = 4;

/// Idle and absolute timeout of the session types, and the longer idle timeout of "remember me".
pub const IDLE: u64 = 10 * 60;
pub const ABSOLUTE: u64 = 60 * 60;
pub const REMEMBERED: u64 = 20 * 60;

/// The limit of the programs that have one.
pub const LIMIT: usize = 2;

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub clients: Vec<Client>,
    pub slots: usize,
    pub steps: Vec<Step>,
    /// Of a hundred turns, how many begin the next step rather than go on with one under way.
    pub haste: u32,
    /// A client whose requests travel slowly, so that much happens in between.
    pub slow: Option<usize>,
    /// It is slow only while it waits to learn what became of a request.
    pub slow_after_loss: bool,
    /// The engine recognises no transaction by its token, as DynamoDB does not after ten minutes.
    pub forget_tokens: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub binary: Binary,
    /// How far its clock is from the others', in milliseconds.
    pub skew: i64,
}

/// Which program a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Old,
    /// The next release, with one more field, which is promoted too.
    New,
    /// One whose attribute is computed from two fields.
    Computed,
    /// One with a consistent index and a limit, past which the oldest session ends.
    Evicting,
    /// One with a consistent index and a limit, past which there is no further session.
    Refusing,
    /// One with a consistent index and no limit.
    Boundless,
}

impl Binary {
    /// What the consistent index of this program allows, if it has one.
    pub fn limit(self) -> Option<Limit> {
        let (sessions, evicts) = match self {
            Self::Old | Self::New | Self::Computed => return None,
            Self::Evicting => (LIMIT, true),
            Self::Refusing => (LIMIT, false),
            Self::Boundless => (usize::MAX, false),
        };
        Some(Limit { sessions, evicts })
    }
}

/// How many sessions of one user there can be, and what a further one does.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub sessions: usize,
    /// It ends the oldest; otherwise it is refused.
    pub evicts: bool,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub client: usize,
    pub act: Act,
    /// What its first requests meet, in the order in which they are sent.
    pub faults: Vec<Option<Fault>>,
}

pub type Set = Vec<(&'static str, Option<u64>)>;

#[derive(Clone, Debug)]
pub enum Act {
    /// Time passes, in milliseconds.
    Advance(u64),
    /// Time passes until the session ends, and this much more or less.
    AdvanceToEnd(usize, i64),
    Create(usize, Set),
    Load(usize),
    /// Changes fields, may choose an idle timeout of the session's own, and saves.
    Save(usize, Set, Option<Option<u64>>),
    /// Adds one to the counter, and changes fields.
    Update(usize, Set),
    Touch(usize),
    Cycle(usize, Set),
    Delete(usize),
    Revoke(u64, Option<usize>),
    RevokeHandle(usize),
    /// Ends one session, if it is this user's.
    RevokeOnly(u64, usize),
    List(u64),
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never gets there.
    Refuse,
    /// It is carried out, and the connection breaks before the answer.
    Lose,
    TimeOutBefore,
    TimeOutAfter,
    /// The client hears nothing, and the request arrives later.
    Delay,
    Throttle,
    FailBefore,
    FailAfter,
    /// A transaction holds the item.
    Conflict,
    /// The index lacks a session that was written just before.
    IndexMisses,
    /// The index shows a session that is elsewhere by now, or nowhere.
    IndexStale,
    /// A part of a batch is left undone.
    Unprocessed,
}

impl Fault {
    /// Whether this can happen to a request of this operation.
    pub fn can_meet(self, operation: &str) -> bool {
        match self {
            Self::Conflict => !is_read(operation),
            Self::IndexMisses | Self::IndexStale => operation == "Query",
            Self::Unprocessed => operation == "BatchGetItem",
            _ => true,
        }
    }

    /// Whether the client cannot tell if the request was carried out.
    pub fn loses(self) -> bool {
        !matches!(
            self,
            Self::Throttle
                | Self::Conflict
                | Self::IndexMisses
                | Self::IndexStale
                | Self::Unprocessed
        )
    }
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        // Drawn apart, so that the histories without a roster stay what they were before it.
        let roster = match Rng::with_seed(seed ^ 0x4057e4).u8(..10) {
            0 | 1 => Some(Binary::Evicting),
            2 => Some(Binary::Refusing),
            3 => Some(Binary::Boundless),
            _ => None,
        };
        let roster = roster.filter(|_| std::env::var("NO_ROSTERS").is_err());
        let rng = &mut Rng::with_seed(seed);
        let computed = rng.u8(..8) == 0;
        let clients: Vec<_> = (0..rng.usize(2..=CLIENTS))
            .map(|_| Client {
                binary: match (roster, computed, rng.u8(..3)) {
                    (Some(binary), ..) => binary,
                    (_, true, _) => Binary::Computed,
                    (_, _, 0) => Binary::New,
                    _ => Binary::Old,
                },
                skew: [0, 0, 0, 2_000, -2_000, 30_000, -30_000][rng.usize(..7)],
            })
            .collect();
        // Enough sessions of few users for a roster to be full now and then.
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
                // Whoever does not learn which id is valid is to ask again, now and then later.
                Act::Cycle(slot, _) if draw.rng.u8(..3) == 0 => {
                    let client = step.client;
                    steps.push(step);
                    if draw.rng.bool() {
                        let more = draw.rng.i64(-500..2_000);
                        steps.push(draw.with_faults(client, Act::AdvanceToEnd(slot, more)));
                    }
                    steps.push(draw.with_faults(client, Act::Cycle(slot, Set::new())));
                }
                // Many write to a session while one waits to learn what became of its own write.
                Act::Save(slot, ..) | Act::Update(slot, _) if draw.rng.u8(..6) == 0 => {
                    let waits = step.client;
                    steps.push(Step {
                        client: waits,
                        act: Act::Load(slot),
                        faults: Vec::new(),
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

    /// Histories with something taken out of this one, the boldest first.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut size = self.steps.len() / 2;
        while size > 0 {
            for from in (0..self.steps.len()).step_by(size) {
                let mut plan = self.clone();
                plan.steps.drain(from..(from + size).min(self.steps.len()));
                all.push(plan);
            }
            size /= 2;
        }
        for (i, step) in self.steps.iter().enumerate() {
            for (j, fault) in step.faults.iter().enumerate() {
                if fault.is_some() {
                    let mut plan = self.clone();
                    plan.steps[i].faults[j] = None;
                    all.push(plan);
                }
            }
            if let Act::Create(_, set)
            | Act::Save(_, set, _)
            | Act::Update(_, set)
            | Act::Cycle(_, set) = &step.act
            {
                for field in 0..set.len() {
                    let mut plan = self.clone();
                    if let Act::Create(_, set)
                    | Act::Save(_, set, _)
                    | Act::Update(_, set)
                    | Act::Cycle(_, set) = &mut plan.steps[i].act
                    {
                        set.remove(field);
                    }
                    all.push(plan);
                }
            }
        }
        let changes: [fn(&mut Self); 4] = [
            |plan| plan.clients.iter_mut().for_each(|client| client.skew = 0),
            |plan| plan.slow = None,
            |plan| plan.haste = 0,
            |plan| plan.forget_tokens = false,
        ];
        for change in changes {
            let mut plan = self.clone();
            change(&mut plan);
            if (&plan.clients, plan.slow, plan.haste, plan.forget_tokens)
                != (&self.clients, self.slow, self.haste, self.forget_tokens)
            {
                all.push(plan);
            }
        }
        all
    }

    /// A measure that each reduction lowers.
    pub fn faults(&self) -> usize {
        self.steps
            .iter()
            .flat_map(|step| &step.faults)
            .filter(|fault| fault.is_some())
            .count()
    }
}

struct Draw<'a> {
    rng: &'a mut Rng,
    clients: Vec<Client>,
    slots: usize,
    users: u64,
    /// Of a hundred requests, how many meet a fault.
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
            // More of what a roster has a part in, in place of loads, saves and updates.
            kind = [14, 14, 14, 78, 86, 90, 93, 98][self.rng.usize(..8)];
        }
        let act = match kind {
            0..10 => Act::Advance(match self.rng.u8(..20) {
                0..11 => self.rng.u64(1..60_000),
                11..17 => self.rng.u64(60_000..240_000),
                17..19 => self.rng.u64(IDLE * 900..IDLE * 1_200),
                _ => ABSOLUTE * 1_000,
            }),
            10..14 => Act::AdvanceToEnd(slot, self.rng.i64(-2_000..2_000)),
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

    fn with_faults(&mut self, client: usize, act: Act) -> Step {
        let query = self.roster || matches!(act, Act::List(_) | Act::Revoke(..));
        let requests = if self.roster { 10 } else { 6 };
        let mut faults: Vec<_> = (0..requests).map(|_| self.fault(query)).collect();
        if self.faults > 0 && self.rng.u8(..10) == 0 {
            // As often as the SDK sends a request by itself: nothing gets through.
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

    /// One to three fields with values that nothing else writes; a user now and then.
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

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, client) in self.clients.iter().enumerate() {
            let slow = match (self.slow == Some(i), self.slow_after_loss) {
                (false, _) => "",
                (true, false) => ", slow",
                (true, true) => ", slow while it does not know what became of a request",
            };
            writeln!(
                f,
                "client {i}: {:?}, clock {:+} ms{slow}",
                client.binary, client.skew
            )?;
        }
        if self.forget_tokens {
            writeln!(f, "the engine forgets the tokens of transactions")?;
        }
        for step in &self.steps {
            write!(f, "  client {}: {:?}", step.client, step.act)?;
            let faults: Vec<_> = step.faults.iter().enumerate().collect();
            for (i, fault) in faults {
                if let Some(fault) = fault {
                    write!(f, ", request {}: {fault:?}", i + 1)?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
