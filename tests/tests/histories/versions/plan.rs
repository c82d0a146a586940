//! A history of deploys as data: the two versions, and the steps. It is made smaller while it still fails.

mod draw;

use std::fmt;
use std::mem::discriminant;

use session_store::{ReadConsistency, Touch};

use super::spec::{By, Spec};

/// The start of every history, in milliseconds since 1970: far enough ahead that no engine's own TTL
/// deletes items.
pub const BEGINNING: u64 = 2_000_071_500_000;

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// The version that is there first, and the one that is deployed.
    pub sides: [Side; 2],
    pub slots: usize,
    pub steps: Vec<Step>,
}

/// One of the two versions, with its settings.
#[derive(Clone, Debug)]
pub struct Side {
    /// With the timeouts and the limit of the settings.
    pub spec: Spec,
    pub settings: Settings,
}

/// The choices of a program that are made when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub touch: Touches,
    pub share_loads: bool,
    pub reads: ReadConsistency,
    /// Timeouts in milliseconds, and a limit, below those of the type.
    pub idle: Option<u64>,
    pub absolute: Option<u64>,
    pub limit: Option<(By, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    Always,
    Tenth,
    Half,
    Never,
}

impl Touches {
    pub fn policy(self) -> Touch {
        match self {
            Self::Always => Touch::Always,
            Self::Tenth => Touch::After(0.1),
            Self::Half => Touch::After(0.5),
            Self::Never => Touch::Never,
        }
    }

    /// The part of the idle timeout that has to pass, in percent.
    pub fn percent(self) -> Option<u64> {
        match self {
            Self::Always => Some(0),
            Self::Tenth => Some(10),
            Self::Half => Some(50),
            Self::Never => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Step {
    pub client: usize,
    /// The version whose program acts: 0 or 1. The step is nothing if that version does not run.
    pub side: usize,
    pub act: Act,
    pub fault: Option<Fault>,
}

/// Fields that are set. A version ignores those that it does not know.
pub type Set = Vec<(&'static str, Option<u64>)>;

#[derive(Clone, Debug)]
pub enum Act {
    /// Creates what the version needs of the table, and starts its programs.
    Start,
    /// Ends the programs of the version, and the copies that they hold.
    Stop,
    /// All versions that run load and list all sessions.
    Compare,
    CreateTable,
    VerifyTable,
    /// At so many sessions a second.
    Reindex(u32),
    /// Time passes, in milliseconds.
    Advance(u64),
    /// Time passes until the session of this slot ends for this version, plus or minus this much.
    AdvanceToEnd(usize, i64),
    /// DynamoDB deletes what has expired.
    Sweep,
    Create(usize, Set),
    Load(usize, Loading),
    /// Changes fields, may choose the session's own idle timeout, and saves.
    Save(usize, Set, Option<Option<u64>>),
    Update(usize, Set),
    CancelUpdate(usize, Set),
    Touch(usize),
    Cycle(usize, Set),
    LogIn(usize, Set),
    Refresh(usize),
    Delete(usize),
    RevokeHandle(usize),
    Revoke(By, u64, Which),
    List(By, u64, Option<usize>),
    RevokeAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    Once,
    /// With the client's own writes, if the program reads so.
    OwnWrites,
    /// Two loads at once, which may share a read.
    Twice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    Except(usize),
    Only(usize),
    /// Those that were created before this many milliseconds ago.
    Before(u64),
    /// One after the other, and twice.
    Slowly,
}

/// A fault of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// It hits reads, writes, or both.
    pub of: Requests,
    /// It hits all attempts, and not only the first request of each operation.
    pub every: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request does not arrive.
    Lost,
    /// It is carried out, and the response is lost.
    ResponseLost,
    /// It is carried out, and the response breaks off.
    Torn,
    Throttled,
    /// 500; it is not carried out.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    Reads,
    Writes,
    All,
}

impl Fault {
    /// The operations whose requests it hits.
    pub fn operations(self) -> &'static [&'static str] {
        const ALL: [&str; 8] = [
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems",
        ];
        match self.of {
            Requests::Reads => &ALL[..4],
            Requests::Writes => &ALL[4..],
            Requests::All => &ALL,
        }
    }
}

impl Act {
    fn set(&mut self) -> Option<&mut Set> {
        match self {
            Self::Create(_, set)
            | Self::Save(_, set, _)
            | Self::Update(_, set)
            | Self::CancelUpdate(_, set)
            | Self::Cycle(_, set)
            | Self::LogIn(_, set) => Some(set),
            _ => None,
        }
    }
}

impl Plan {
    /// Whether a deploy gives the table in use an index that it lacks.
    pub fn adds_an_index(&self) -> bool {
        let [old, new] = self.sides.each_ref().map(|side| &side.spec);
        By::ALL.iter().any(|&by| {
            let [old, new] = [old.kind(by), new.kind(by)];
            let is_same = discriminant(&old) == discriminant(&new);
            new.is_in_table() && !is_same
        })
    }

    /// Smaller plans: with steps, faults, settings or changed fields removed, the largest parts first.
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
            let mut change = |change: &dyn Fn(&mut Step)| {
                let mut plan = self.clone();
                change(&mut plan.steps[i]);
                all.push(plan);
            };
            if step.fault.is_some() {
                change(&|step| step.fault = None);
            }
            if step.client > 0 {
                change(&|step| step.client = 0);
            }
            if let Act::Save(_, _, Some(_)) = step.act {
                change(&|step| {
                    if let Act::Save(_, _, idle) = &mut step.act {
                        *idle = None;
                    }
                });
            }
            let fields = step.act.clone().set().map_or(0, |set| set.len());
            for field in 0..fields {
                change(&|step| {
                    step.act.set().expect("it has fields").remove(field);
                });
            }
        }
        for side in 0..2 {
            let settings = &self.sides[side].settings;
            if settings.share_loads || settings.reads != ReadConsistency::Consistent {
                let mut plan = self.clone();
                plan.sides[side].settings.share_loads = false;
                plan.sides[side].settings.reads = ReadConsistency::Consistent;
                all.push(plan);
            }
        }
        all
    }

    pub fn faults(&self) -> usize {
        self.steps.iter().filter(|it| it.fault.is_some()).count()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (side, name) in self.sides.iter().zip(["A", "B"]) {
            writeln!(f, "{name}: {:?}", side.spec)?;
            writeln!(f, "   {:?}", side.settings)?;
        }
        let differences = self.sides[0].spec.differences(&self.sides[1].spec);
        writeln!(f, "they differ in {differences:?}")?;
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = ["A", "B"][self.side];
        write!(f, "{side}{}: {:?}", self.client, self.act)?;
        if let Some(fault) = self.fault {
            let which = if fault.every { "every" } else { "the first" };
            write!(f, ", {:?} for {which} of {:?}", fault.kind, fault.of)?;
        }
        Ok(())
    }
}
