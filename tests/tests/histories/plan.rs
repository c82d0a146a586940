//! A history as data: the operations of each client and the faults. It is made smaller while it still
//! fails.

mod caches;
mod draw;
mod fault;
mod later;
mod mishaps;

use std::fmt;

use session_store::ReadConsistency;

pub use self::fault::{Fault, Flaw, is_refusal};

/// The largest number of clients; each has its own place on the wire.
pub const CLIENTS: usize = 4;

/// Idle and absolute timeout of the session types, and the longer idle timeout of "remember me".
pub const IDLE: u64 = 10 * 60;
pub const ABSOLUTE: u64 = 25 * 60;
pub const REMEMBERED: u64 = 20 * 60;
/// A shorter absolute timeout of a session's own.
pub const SHORT: u64 = 15 * 60;

/// The limit of the programs with a limit.
pub const LIMIT: usize = 2;

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub clients: Vec<Client>,
    pub slots: usize,
    pub steps: Vec<Step>,
    /// How many of a hundred turns begin the next step instead of continuing one.
    pub haste: u32,
    /// A client whose requests travel slowly, so that much happens in between.
    pub slow: Option<usize>,
    /// It is slow only while the outcome of a request is unknown to it.
    pub slow_after_loss: bool,
    /// The engine does not recognise a transaction by its token, like DynamoDB after ten minutes.
    pub forget_tokens: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub binary: Binary,
    /// The difference of its clock from the others', in milliseconds.
    pub skew: i64,
    /// How it loads sessions.
    pub reads: ReadConsistency,
    /// The client whose store it uses: itself, or an earlier one that is on the same host.
    pub host: usize,
    /// Clients with the same number know the versions that any of them was told.
    pub browser: usize,
    /// For how long the cache of its host keeps copies, in milliseconds, if it has one.
    pub cache: Option<u64>,
}

/// The program of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Old,
    /// The next release, with one more field, which is also promoted.
    New,
    /// A program whose attribute is computed from two fields.
    Computed,
    /// The old one, but it stores its sessions as bytes.
    Bytes,
    /// A program with a consistent index, and a limit that evicts the oldest session.
    Evicting,
    /// A program with a consistent index, and a limit that refuses one more session.
    Refusing,
    /// A program with a consistent index and no limit.
    Boundless,
}

impl Binary {
    /// The limit of this program's consistent index, if it has one.
    pub fn limit(self) -> Option<Limit> {
        let (sessions, evicts) = match self {
            Self::Old | Self::New | Self::Computed | Self::Bytes => return None,
            Self::Evicting => (LIMIT, true),
            Self::Refusing => (LIMIT, false),
            Self::Boundless => (usize::MAX, false),
        };
        Some(Limit { sessions, evicts })
    }
}

/// How many sessions of one user there can be, and what happens to one more.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub sessions: usize,
    /// It ends the oldest; otherwise it is refused.
    pub evicts: bool,
}

impl Limit {
    /// The limit of one user, which can be lower.
    pub fn of(self, user: u64) -> usize {
        match self.sessions {
            usize::MAX => usize::MAX,
            sessions => sessions.min(seats(user)),
        }
    }
}

/// How many sessions a user may have, by the programs with a limit: one of them pays for fewer.
pub fn seats(user: u64) -> usize {
    if user == 2 { LIMIT - 1 } else { LIMIT }
}

#[derive(Clone, Debug)]
pub struct Step {
    pub client: usize,
    pub act: Act,
    /// The faults of its first requests, in the order in which they are sent.
    pub faults: Vec<Option<Fault>>,
    /// If one of its reads is not consistent, it returns the item from before this many changes. If it ends
    /// a session by its id, it takes the one from before this many changes of id.
    pub behind: usize,
    /// It loads by `load`, although it knows a version.
    pub plain: bool,
    /// Its future is dropped after it has waited so often: for a request to arrive, for an answer, or for time to pass.
    pub dropped: Option<usize>,
}

pub type Set = Vec<(&'static str, Option<u64>)>;

#[derive(Clone, Debug)]
pub enum Act {
    /// Time passes, in milliseconds.
    Advance(u64),
    /// Time passes until the session expires, plus or minus this much.
    AdvanceToEnd(usize, i64),
    Create(usize, Set),
    Load(usize),
    /// Changes fields, may choose the session's own idle timeout, and saves.
    Save(usize, Set, Option<Option<u64>>),
    /// Adds one to the counter, and changes fields.
    Update(usize, Set),
    Touch(usize),
    Cycle(usize, Set),
    LogIn(usize, Set),
    /// A new id, since the user has authenticated again.
    Reauthenticate(usize, Set),
    Refresh(usize),
    Delete(usize),
    Revoke(u64, Option<usize>),
    RevokeHandle(usize),
    /// Ends one session, if it belongs to this user.
    RevokeOnly(u64, usize),
    List(u64),
    /// Adds one to the counter of each session of this user.
    UpdateAll(u64),
    /// Reads one session by its handle: any, or only one of this user.
    Find(usize, Option<u64>),
    /// Adds one to the counter of a session of somebody else, by its handle, and changes fields.
    UpdateHandle(usize, Set),
}

/// Why a session gets a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    Cycled,
    Reauthenticated,
    LoggedIn,
}

impl Act {
    /// The session's own absolute timeout that a change of id chooses, by the value of a field.
    pub fn absolute(&self) -> Option<Option<u64>> {
        let (Self::Cycle(_, set) | Self::LogIn(_, set) | Self::Reauthenticate(_, set)) = self
        else {
            return None;
        };
        let level = set.iter().find(|(name, _)| *name == "level")?.1?;
        [Some(Some(SHORT)), Some(None), None][level as usize % 3]
    }

    /// Why it gives its session a new id, if it does.
    pub fn new_id(&self) -> Option<NewId> {
        match self {
            Self::Cycle(..) => Some(NewId::Cycled),
            Self::Reauthenticate(..) => Some(NewId::Reauthenticated),
            Self::LogIn(..) => Some(NewId::LoggedIn),
            _ => None,
        }
    }

    /// The fields that it changes.
    pub fn set(&mut self) -> Option<&mut Set> {
        match self {
            Self::Create(_, set)
            | Self::Save(_, set, _)
            | Self::Update(_, set)
            | Self::UpdateHandle(_, set)
            | Self::Cycle(_, set)
            | Self::LogIn(_, set)
            | Self::Reauthenticate(_, set) => Some(set),
            _ => None,
        }
    }

    /// The copy that it works on.
    pub fn copy(&self) -> Option<usize> {
        match self {
            Self::Save(slot, ..)
            | Self::Touch(slot)
            | Self::Cycle(slot, _)
            | Self::LogIn(slot, _)
            | Self::Reauthenticate(slot, _)
            | Self::Refresh(slot) => Some(*slot),
            _ => None,
        }
    }
}

impl Plan {
    /// Histories with a part of this one removed, the largest parts first.
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
            if step.behind > 0 {
                let mut plan = self.clone();
                plan.steps[i].behind = 0;
                all.push(plan);
            }
            if step.dropped.is_some() {
                let mut plan = self.clone();
                plan.steps[i].dropped = None;
                all.push(plan);
            }
            let fields = step.act.clone().set().map_or(0, |set| set.len());
            for field in 0..fields {
                let mut plan = self.clone();
                if let Some(set) = plan.steps[i].act.set() {
                    set.remove(field);
                }
                all.push(plan);
            }
        }
        let changes: [fn(&mut Self); 8] = [
            |plan| plan.each(|_, client| client.cache = None),
            |plan| plan.each(|i, client| client.host = i),
            |plan| plan.each(|i, client| client.browser = i),
            |plan| plan.each(|_, client| client.skew = 0),
            |plan| plan.each(|_, client| client.reads = ReadConsistency::Consistent),
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

    fn each(&mut self, change: impl Fn(usize, &mut Client)) {
        let clients = self.clients.iter_mut().enumerate();
        clients.for_each(|(i, client)| change(i, client));
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

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, client) in self.clients.iter().enumerate() {
            let slow = match (self.slow == Some(i), self.slow_after_loss) {
                (false, _) => "",
                (true, false) => ", slow",
                (true, true) => ", slow while the outcome of a request is unknown to it",
            };
            let on = match client.host {
                host if host == i => String::new(),
                host => format!(", on the host of client {host}"),
            };
            let browser = match client.browser {
                browser if browser == i => String::new(),
                browser => format!(", of the browser of client {browser}"),
            };
            let cache = client.cache.map(|time| format!(", cache for {time} ms"));
            writeln!(
                f,
                "client {i}: {:?}, clock {:+} ms, reads {:?}{slow}{on}{}{browser}",
                client.binary,
                client.skew,
                client.reads,
                cache.unwrap_or_default()
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
            if step.behind > 0 {
                write!(f, ", {} changes behind", step.behind)?;
            }
            if step.plain {
                write!(f, ", plainly")?;
            }
            if let Some(waits) = step.dropped {
                write!(f, ", dropped at wait {}", waits + 1)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
