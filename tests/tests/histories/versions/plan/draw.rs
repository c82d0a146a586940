//! Draws a history from its seed.

use fastrand::Rng;
use session_store::ReadConsistency;

use super::{
    Act, Fault, FaultKind, Loading, Plan, Requests, Set, Settings, Side, Step, Touches, Which,
};
use crate::versions::spec::{By, Kind, Part, Spec};
use crate::versions::types::specs;

/// More differences than this are two deploys.
const MOST_DIFFERENCES: usize = 2;

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0xdeb1_0e55);
        let [before, after] = versions(&mut rng);
        let sides = [before, after].map(|spec| {
            let settings = settings(&mut rng, &spec);
            Side {
                spec: adjusted(spec, &settings),
                settings,
            }
        });
        let clients = rng.usize(2..=3);
        let mut draw = Draw {
            rng: &mut rng,
            slots: 0,
            users: 2,
            sides: &sides,
            faulty: seed % 2 == 1,
            counter: 100,
            on: vec![0; clients],
            steps: Vec::new(),
        };
        draw.slots = draw.rng.usize(2..=4);
        draw.users = draw.rng.u64(1..=2);
        draw.timeline();
        let (slots, steps) = (draw.slots, draw.steps);
        Self {
            seed,
            sides,
            slots,
            steps,
        }
    }
}

/// Two versions that differ in a part that is drawn first, so that each part is changed often.
fn versions(rng: &mut Rng) -> [Spec; 2] {
    let all = specs();
    let part = rng.choice(Part::ALL).expect("there are parts");
    let mut pairs = Vec::new();
    for before in &all {
        for after in &all {
            let differences = before.differences(after);
            let steps = before.renamed.abs_diff(after.renamed);
            if differences.contains(&part) && differences.len() <= MOST_DIFFERENCES && steps <= 1 {
                pairs.push([before, after]);
            }
        }
    }
    let pair = rng.choice(&pairs).expect("each part differs somewhere");
    pair.map(Spec::clone)
}

/// The version as it is with the settings of a program.
fn adjusted(mut spec: Spec, settings: &Settings) -> Spec {
    spec.absolute = settings.absolute.unwrap_or(spec.absolute);
    spec.idle = settings.idle.unwrap_or(spec.idle).min(spec.absolute);
    if let Some((by, sessions)) = settings.limit
        && let Kind::Roster(limit) = &mut spec.kinds[by as usize]
    {
        limit.sessions = sessions as usize;
    }
    spec
}

fn settings(rng: &mut Rng, spec: &Spec) -> Settings {
    let lowers = |rng: &mut Rng| rng.u8(..10) == 0;
    let limited = By::ALL
        .into_iter()
        .find(|by| spec.kind(*by).limit().is_some());
    Settings {
        idle: lowers(rng).then_some(spec.idle / 3),
        absolute: lowers(rng).then_some(spec.absolute / 2),
        limit: limited.filter(|_| lowers(rng)).map(|by| (by, 1)),
        touch: match rng.u8(..10) {
            0..3 => Touches::Always,
            3..7 => Touches::Tenth,
            7..9 => Touches::Half,
            _ => Touches::Never,
        },
        share_loads: rng.u8(..3) == 0,
        reads: match rng.u8(..3) {
            0 => ReadConsistency::ReadYourWrites,
            _ => ReadConsistency::Consistent,
        },
    }
}

struct Draw<'a> {
    rng: &'a mut Rng,
    slots: usize,
    users: u64,
    sides: &'a [Side; 2],
    faulty: bool,
    counter: u64,
    /// The version that each client runs.
    on: Vec<usize>,
    steps: Vec<Step>,
}

impl Draw<'_> {
    /// Only the first version, both, only the second; then mostly back again, and sometimes on.
    fn timeline(&mut self) {
        self.step(0, 0, Act::Start);
        self.phase(4..12);
        self.roll(1);
        if self.rng.u8(..10) < 7 {
            self.roll(0);
            if self.rng.u8(..10) < 4 {
                self.roll(1);
            }
        }
    }

    /// A deploy of this version, while the other still runs.
    fn roll(&mut self, to: usize) {
        self.step(0, to, Act::Start);
        if self.rng.u8(..3) == 0 {
            self.step(0, to, Act::Compare);
        }
        let first = self.rng.usize(..self.on.len());
        self.on[first] = to;
        self.phase(3..10);
        while let Some(client) = self.on.iter().position(|on| *on != to) {
            self.on[client] = to;
            self.phase(0..5);
        }
        self.step(0, to, Act::Compare);
        self.step(0, 1 - to, Act::Stop);
        if self.rng.bool() {
            self.phase(0..4);
            self.reindex(to);
        }
        self.phase(3..12);
    }

    /// To the end, or until a fault, and then again.
    fn reindex(&mut self, side: usize) {
        for _ in 0..self.rng.usize(1..=2) {
            let rate = if self.rng.bool() { 500 } else { 3 };
            self.step(0, side, Act::Reindex(rate));
            if self.faulty && self.rng.u8(..3) == 0 {
                let fault = self.fault();
                self.steps.last_mut().expect("it was pushed").fault = Some(fault);
                self.phase(0..3);
            }
        }
        self.step(0, side, Act::Compare);
    }

    fn phase(&mut self, length: std::ops::Range<usize>) {
        for _ in 0..self.rng.usize(length) {
            self.operation();
        }
    }

    fn step(&mut self, client: usize, side: usize, act: Act) {
        self.steps.push(Step {
            client,
            side,
            act,
            fault: None,
        });
    }

    fn operation(&mut self) {
        let client = self.rng.usize(..self.on.len());
        let mut side = self.on[client];
        // A request that the program of before has not finished.
        if self.rng.u8(..6) == 0 {
            side = 1 - side;
        }
        let act = self.act();
        let is_time = matches!(act, Act::Advance(_) | Act::AdvanceToEnd(..) | Act::Sweep);
        let fault = self.faulty && !is_time && self.rng.u8(..5) == 0;
        let fault = fault.then(|| self.fault());
        self.steps.push(Step {
            client,
            side,
            act,
            fault,
        });
        if is_time && self.rng.u8(..10) < 6 {
            self.step(0, side, Act::Sweep);
        }
    }

    fn fault(&mut self) -> Fault {
        Fault {
            kind: match self.rng.u8(..5) {
                0 => FaultKind::Lost,
                1 => FaultKind::ResponseLost,
                2 => FaultKind::Torn,
                3 => FaultKind::Throttled,
                _ => FaultKind::Failed,
            },
            of: match self.rng.u8(..4) {
                0 => Requests::Reads,
                1 => Requests::All,
                _ => Requests::Writes,
            },
            every: self.rng.u8(..3) == 0,
        }
    }

    fn act(&mut self) -> Act {
        let slot = self.rng.usize(..self.slots);
        match self.rng.u8(..100) {
            0..14 => Act::Create(slot, self.set(2)),
            14..26 => Act::Load(slot, self.loading()),
            26..36 => Act::Save(slot, self.set(3), self.own_idle()),
            36..41 => Act::Update(slot, self.set(2)),
            41..42 => Act::CancelUpdate(slot, self.set(2)),
            42..54 => Act::Touch(slot),
            54..59 => Act::Cycle(slot, self.set(1)),
            59..64 => Act::LogIn(slot, self.set(2)),
            64..66 => Act::Refresh(slot),
            66..68 => Act::Delete(slot),
            68..69 => Act::RevokeHandle(slot),
            69..73 => Act::Revoke(self.by(), self.user(), self.which()),
            73..83 => Act::List(self.by(), self.user(), self.limit()),
            83..84 => Act::RevokeAll,
            84..85 => match self.rng.u8(..3) {
                0 => Act::CreateTable,
                1 => Act::VerifyTable,
                _ => Act::Reindex(500),
            },
            85..90 => Act::AdvanceToEnd(slot, self.rng.i64(-3..=3)),
            90..92 => Act::AdvanceToEnd(slot, self.rng.i64(-2000..=1000)),
            _ => Act::Advance(self.time()),
        }
    }

    /// How long it takes until the next step: mostly within the shorter idle timeout.
    fn time(&mut self) -> u64 {
        let of = |side: usize| &self.sides[side].spec;
        let (a, b) = (of(0), of(1));
        let shorter = a.idle.min(b.idle);
        let longer = a.idle.max(b.idle);
        match self.rng.u8(..20) {
            0..6 => self.rng.u64(1..60) * SECOND,
            6..12 => shorter / 100 * self.rng.u64(5..95),
            12..15 => longer / 100 * self.rng.u64(5..95),
            15..17 => shorter + self.rng.u64(..3) * SECOND,
            17 => a.absolute.min(b.absolute) + self.rng.u64(..3),
            18 => self.rng.u64(1..24) * HOUR,
            _ => self.rng.u64(7..10) * DAY,
        }
    }

    fn loading(&mut self) -> Loading {
        match self.rng.u8(..6) {
            0 => Loading::Twice,
            1 => Loading::OwnWrites,
            _ => Loading::Once,
        }
    }

    fn own_idle(&mut self) -> Option<Option<u64>> {
        (self.rng.u8(..8) == 0).then(|| match self.rng.u8(..4) {
            0 => None,
            1 => Some(60),
            2 => Some(20 * 60),
            _ => Some(10 * 86_400),
        })
    }

    fn by(&mut self) -> By {
        let teams = |side: &Side| side.spec.kind(By::Team).is_index();
        match self.sides.iter().any(teams) && self.rng.u8(..5) < 2 {
            true => By::Team,
            false => By::User,
        }
    }

    fn user(&mut self) -> u64 {
        self.rng.u64(1..=self.users)
    }

    fn which(&mut self) -> Which {
        match self.rng.u8(..6) {
            0 => Which::Except(self.rng.usize(..self.slots)),
            1 => Which::Only(self.rng.usize(..self.slots)),
            2 => Which::Before(self.rng.u64(..100)),
            3 => Which::Slowly,
            _ => Which::All,
        }
    }

    fn limit(&mut self) -> Option<usize> {
        (self.rng.u8(..8) == 0).then(|| self.rng.usize(1..3))
    }

    /// Up to so many other fields, and often a user and a team.
    fn set(&mut self, most: usize) -> Set {
        let mut set = Set::new();
        for (name, part) in [("user", 6), ("team", 4)] {
            if self.rng.u8(..10) < part {
                let leaves = self.rng.u8(..8) == 0;
                set.push((name, (!leaves).then(|| self.user())));
            }
        }
        for _ in 0..self.rng.usize(..=most) {
            let names = ["red", "green", "nick", "bulk", "extra"];
            let name = names[self.rng.usize(..names.len())];
            self.counter += 1;
            if set.iter().all(|(other, _)| *other != name) {
                set.push((name, Some(self.counter)));
            }
        }
        set
    }
}
