//! What the guarantees allow, checked at each step of the engine and each end of an operation.
//!
//! The engine takes one request at a time, so that the item before and after each is known. All
//! checks are of that: no copy of the store's own logic is in here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use session_store::Error;

use crate::binaries::{Fields, Got, Outcome, Pending};
use crate::plan::{ABSOLUTE, Act, IDLE, REMEMBERED};

/// What was not allowed.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The guarantee, by number.
    pub guarantee: &'static str,
    pub what: String,
}

fn require(
    holds: bool,
    guarantee: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    match holds {
        true => Ok(()),
        false => Err(Violation {
            guarantee,
            what: what(),
        }),
    }
}

/// An operation under way, and what became known of it.
#[derive(Debug)]
pub struct Op {
    pub client: usize,
    pub act: Act,
    /// The client's clock when it began, in milliseconds.
    pub began: u64,
    /// The session that it is about, if it is about one that is known.
    pub target: Option<String>,
    pub spared: Option<String>,
    pub pending: Pending,
    pub requests: Vec<String>,
    /// A request of it met a fault of any kind.
    pub faulted: bool,
    /// A request of it went without an answer, or with one that tells nothing.
    pub lost: bool,
    pub lost_delete: bool,
    pub late_index: bool,
    /// A put of it arrived after it was taken back: the item stays until it expires, and nobody
    /// knows its id.
    pub late_put: bool,
    /// Somebody else wrote to its session, or time passed, since it began.
    pub interfered: bool,
    /// How often it was applied, and the fields that were stored.
    applied: u32,
    stored: Fields,
    /// All that it was to store was there already, when it found that others had written.
    already: bool,
    /// At one of its requests the session was not there.
    saw_gone: bool,
    /// The earliest end of the session that one of its requests met, in seconds.
    saw_end: u64,
    /// New items that it put.
    put: BTreeSet<String>,
    /// Sessions that it ended, and those of them that were live by its clock.
    ended: usize,
    ended_live: usize,
    /// What the index showed, and what was true of the user's sessions then.
    found: BTreeSet<String>,
    present: BTreeSet<String>,
    read: BTreeMap<String, Option<Value>>,
    pub done: bool,
}

impl Op {
    pub fn new(client: usize, act: Act, began: u64) -> Self {
        Self {
            client,
            act,
            began,
            target: None,
            spared: None,
            pending: Pending::default(),
            requests: Vec::new(),
            faulted: false,
            lost: false,
            lost_delete: false,
            late_index: false,
            late_put: false,
            interfered: false,
            applied: 0,
            stored: Fields::new(),
            already: false,
            saw_gone: false,
            saw_end: u64::MAX,
            put: BTreeSet::new(),
            ended: 0,
            ended_live: 0,
            found: BTreeSet::new(),
            present: BTreeSet::new(),
            read: BTreeMap::new(),
            done: false,
        }
    }

    fn saw(&mut self, item: Option<&Value>) {
        match item {
            None => self.saw_gone = true,
            Some(item) => self.saw_end = self.saw_end.min(expires_at(item)),
        }
    }

    /// Whether it met a session that was not there, or that has expired since by its clock.
    fn found_none(&self, now: u64) -> bool {
        self.saw_gone || self.saw_end <= now / 1000
    }

    fn allowed(&self) -> &'static [&'static str] {
        match self.act {
            Act::Advance(_) | Act::AdvanceToEnd(..) => &[],
            Act::Create(..) => &["PutItem", "DeleteItem"],
            Act::Load(_) => &["GetItem"],
            Act::Save(..) | Act::Touch(_) => &["UpdateItem"],
            Act::Update(..) => &["GetItem", "UpdateItem"],
            Act::Cycle(..) => &["TransactWriteItems"],
            Act::Delete(_) | Act::RevokeHandle(_) => &["DeleteItem"],
            Act::Revoke(..) => &["Query", "DeleteItem"],
            Act::List(_) => &["Query", "BatchGetItem"],
        }
    }
}

/// The table as it is, and all that is known of what is under way.
#[derive(Default)]
pub struct Model {
    pub truth: BTreeMap<String, Value>,
    pub ops: Vec<Op>,
    /// Every handle that ever had an item.
    known: BTreeSet<String>,
    /// Every handle that a `create` ever sent.
    sent: BTreeSet<String>,
    /// From each handle that was changed to the new one, by which client, and what was stored.
    moved: BTreeMap<String, (String, usize, Fields)>,
}

const OWN: [&str; 9] = [
    "id",
    "data",
    "created_at",
    "touched_at",
    "expires_at",
    "idle",
    "version",
    "writes",
    "format",
];

pub fn number(item: &Value, name: &str) -> Option<u64> {
    item[name]["N"].as_str()?.parse().ok()
}

fn expires_at(item: &Value) -> u64 {
    number(item, "expires_at").unwrap_or(0)
}

fn fields(item: &Value) -> BTreeMap<String, Option<u64>> {
    let data = item["data"]["M"].as_object();
    data.into_iter()
        .flatten()
        .map(|(name, _)| (name.clone(), number(&item["data"]["M"], name)))
        .collect()
}

/// The fields of an item under the names that a program gives them.
fn named(item: &Value, like: &Fields) -> Fields {
    let fields = fields(item);
    like.keys()
        .map(|name| (*name, fields.get(*name).copied().flatten()))
        .collect()
}

fn is_live(item: &Value, millis: u64) -> bool {
    expires_at(item) > millis / 1000
}

fn marks(item: &Value) -> Vec<&str> {
    let list = item["writes"]["L"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(|mark| mark["B"].as_str())
        .collect()
}

/// Without those that the store and the programs know: what only others know.
fn strangers(item: &Value, known: &[&str]) -> BTreeMap<String, Value> {
    let item = item.as_object().into_iter().flatten();
    item.filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Model {
    /// A request is on its way.
    pub fn sends(&mut self, op: usize, operation: &str, input: &Value) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        op.requests.push(operation.to_owned());
        let guarantee = match op.allowed().contains(&operation) {
            true => "",
            false if operation.contains("Item") || operation == "Query" || operation == "Scan" => {
                "G14"
            }
            false => "G12",
        };
        require(guarantee.is_empty(), guarantee, || {
            format!("{:?} sends {operation}", op.act)
        })?;
        if operation == "PutItem" {
            let handle = input["Item"]["id"]["S"].as_str().unwrap_or_default();
            require(self.sent.insert(handle.to_owned()), "G1", || {
                "a put is sent twice under one id, and could bring back what was revoked".to_owned()
            })?;
        }
        Ok(())
    }

    /// A request that reads met the table as it is.
    pub fn reads(&mut self, op: usize, operation: &str, input: &Value) {
        let truth = &self.truth;
        let op = &mut self.ops[op];
        match operation {
            "GetItem" => {
                let handle = input["Key"]["id"]["S"].as_str().unwrap_or_default();
                let item = truth.get(handle).cloned();
                op.saw(item.as_ref());
                op.read.insert(handle.to_owned(), item);
            }
            "Query" => {
                let (Act::List(user) | Act::Revoke(user, _)) = op.act else {
                    return;
                };
                let mine = truth
                    .iter()
                    .filter(|(_, item)| number(item, "user") == Some(user));
                op.present.extend(mine.map(|(handle, _)| handle.clone()));
            }
            "BatchGetItem" => {
                for keys in input["RequestItems"].as_object().into_iter().flatten() {
                    for key in keys.1["Keys"].as_array().into_iter().flatten() {
                        let handle = key["id"]["S"].as_str().unwrap_or_default();
                        op.read
                            .insert(handle.to_owned(), truth.get(handle).cloned());
                    }
                }
            }
            _ => {}
        }
    }

    /// This is the answer that the client gets to see.
    pub fn shows(&mut self, op: usize, operation: &str, answer: &Value) {
        if operation == "Query" {
            let items = answer["Items"].as_array().into_iter().flatten();
            let handles = items.filter_map(|item| item["id"]["S"].as_str());
            self.ops[op].found.extend(handles.map(str::to_owned));
        }
    }

    /// A request that writes was carried out or refused: these items were and are.
    pub fn writes(
        &mut self,
        op: usize,
        operation: &str,
        steps: &[(String, Option<Value>, Option<Value>)],
        now: u64,
    ) -> Result<(), Violation> {
        for (handle, before, after) in steps {
            if self.ops[op].target.as_ref() == Some(handle) {
                let op = &mut self.ops[op];
                op.saw(before.as_ref());
                if let (true, Some(item)) = (op.pending.pinned, before) {
                    op.already |= named(item, &op.pending.must) == op.pending.must;
                }
            }
            match after {
                Some(item) => {
                    self.known.insert(handle.clone());
                    self.truth.insert(handle.clone(), item.clone())
                }
                None => self.truth.remove(handle),
            };
        }
        let changed: Vec<_> = steps
            .iter()
            .filter(|(_, before, after)| before != after)
            .collect();
        for (handle, ..) in &changed {
            for (i, other) in self.ops.iter_mut().enumerate() {
                let concerned = other.target.as_ref() == Some(handle) || other.target.is_none();
                other.interfered |= i != op && !other.done && concerned;
            }
        }
        for (_, _, after) in &changed {
            if let Some(item) = after {
                well_formed(item)?;
            }
        }
        match changed.as_slice() {
            [] => Ok(()),
            [(handle, None, Some(item))] => self.appeared(op, operation, handle, item, now),
            [(_, Some(before), Some(after))] => self.changed(op, before, after, now),
            [(handle, Some(before), None)] => self.ended(op, operation, handle, before, now),
            [(old, Some(before), None), (new, None, Some(after))]
            | [(new, None, Some(after)), (old, Some(before), None)] => {
                self.moved(op, (old, before), (new, after), now)
            }
            _ => require(false, "G7", || {
                format!("{operation} changed {} items", changed.len())
            }),
        }
    }

    fn appeared(
        &mut self,
        op: usize,
        operation: &str,
        handle: &str,
        item: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        let Act::Create(_, set) = &op.act else {
            let guarantee = if matches!(op.act, Act::Cycle(..)) {
                "G7"
            } else {
                "G2"
            };
            return require(false, guarantee, || {
                format!("{operation} of {:?} left an item where none was", op.act)
            });
        };
        op.put.insert(handle.to_owned());
        let created = number(item, "created_at").unwrap_or(0);
        require(created >= op.began && created <= now, "G6", || {
            format!("it was created at {created} and says {now}")
        })?;
        let ends = (created + IDLE * 1000)
            .div_ceil(1000)
            .min(created / 1000 + ABSOLUTE);
        require(expires_at(item) == ends, "G6", || {
            format!("a new session ends at {}", expires_at(item))
        })?;
        require(number(item, "version") == Some(1), "G13", || {
            "a new session has version 1".to_owned()
        })?;
        let fields = fields(item);
        for (name, value) in set {
            require(fields.get(*name) == Some(value), "G3", || {
                format!("`{name}` was not stored")
            })?;
        }
        Ok(())
    }

    fn changed(
        &mut self,
        op: usize,
        before: &Value,
        after: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        require(
            matches!(op.act, Act::Save(..) | Act::Update(..) | Act::Touch(_)),
            "G3",
            || format!("{:?} changed an item", op.act),
        )?;
        require(is_live(before, op.began), "G1", || {
            format!(
                "a session that ended at {} was written to by an operation that began at {}",
                expires_at(before),
                op.began / 1000
            )
        })?;
        let new_idle = op.pending.idle;
        let (was, is) = (expires_at(before), expires_at(after));
        expiry(before, after, now, new_idle)?;
        if !op.done {
            let least = (op.began + IDLE * 1000).div_ceil(1000);
            let least = least.min(absolute_end(after));
            require(is >= least || is == was, "G6", || {
                format!("it ends at {is} in place of {least}")
            })?;
        }
        let touched = number(after, "touched_at").unwrap_or(0);
        require(touched >= op.began && touched <= now, "G6", || {
            format!(
                "it was touched at {touched}, between {} and {now}",
                op.began
            )
        })?;

        if let Act::Touch(_) = op.act {
            let but = ["touched_at", "expires_at"];
            return require(
                strangers(before, &but) == strangers(after, &but),
                "G3",
                || "a touch wrote more than the expiry".to_owned(),
            );
        }
        op.applied += 1;
        require(op.applied == 1, "G13", || {
            "a write was applied twice".to_owned()
        })?;
        versions(before, after)?;
        let mut new_marks = marks(after);
        require(
            !new_marks.remove(0).is_empty() && new_marks == marks(before)[..3],
            "G13",
            || "the marks of the writes were not shifted by one".to_owned(),
        )?;
        let (was, is) = (fields(before), fields(after));
        if let Act::Update(_, set) = &op.act {
            op.pending.must = set.iter().copied().collect();
            op.pending
                .must
                .insert("count", Some(was["count"].unwrap_or(0) + 1));
        }
        stored(&op.pending, &was, &is)?;
        op.stored = op
            .pending
            .must
            .keys()
            .map(|name| (*name, is.get(*name).copied().flatten()))
            .collect();
        others(before, after)?;
        if !new_idle {
            require(before["idle"] == after["idle"], "G6", || {
                "a write changed the idle timeout".to_owned()
            })?;
        }
        Ok(())
    }

    fn ended(
        &mut self,
        op: usize,
        operation: &str,
        handle: &str,
        before: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        op.ended += 1;
        op.ended_live += usize::from(is_live(before, now));
        match op.act {
            Act::Delete(_) | Act::RevokeHandle(_) => {
                require(op.target.as_deref() == Some(handle), "G9", || {
                    "another session was ended".to_owned()
                })
            }
            Act::Create(..) => require(op.put.remove(handle), "G1", || {
                "a create ended a session that is not its own".to_owned()
            }),
            Act::Revoke(user, _) => {
                require(number(before, "user") == Some(user), "G9", || {
                    format!(
                        "revoking user {user} ended a session of {:?}",
                        number(before, "user")
                    )
                })?;
                require(op.spared.as_deref() != Some(handle), "G9", || {
                    "an excepted session was ended".to_owned()
                })
            }
            _ => require(false, "G7", || {
                format!("{operation} of {:?} ended a session", op.act)
            }),
        }
    }

    fn moved(
        &mut self,
        op: usize,
        (old, before): (&str, &Value),
        (new, after): (&str, &Value),
        now: u64,
    ) -> Result<(), Violation> {
        let op = &mut self.ops[op];
        require(
            matches!(op.act, Act::Cycle(..)) && op.target.as_deref() == Some(old),
            "G7",
            || format!("{:?} changed an id", op.act),
        )?;
        require(is_live(before, op.began), "G1", || {
            format!(
                "a session that ended at {} got a new id by an operation that began at {}",
                expires_at(before),
                op.began / 1000
            )
        })?;
        op.applied += 1;
        expiry(before, after, now, op.pending.idle)?;
        require(
            before["idle"] == after["idle"] || op.pending.idle,
            "G6",
            || "a new id changed the idle timeout".to_owned(),
        )?;
        versions(before, after)?;
        let (was, is) = (fields(before), fields(after));
        stored(&op.pending, &was, &is)?;
        others(before, after)?;
        let fields = named(after, &op.stored);
        self.moved
            .insert(old.to_owned(), (new.to_owned(), op.client, fields));
        Ok(())
    }

    /// An operation has come to its end, at this time by its client's clock.
    ///
    /// Gives the fields that are stored of the copy in hand, if it wrote.
    pub fn ends(
        &mut self,
        op: usize,
        outcome: &Outcome,
        now: u64,
    ) -> Result<Option<Fields>, Violation> {
        self.ops[op].done = true;
        let op = &self.ops[op];
        let gone = |handle: &str| {
            self.truth
                .get(handle)
                .is_none_or(|item| !is_live(item, now))
        };
        let mine = |handle: &str| match self.moved.get(handle) {
            Some((new, client, _)) if *client == op.client => Some(new),
            _ => None,
        };
        self.counts(op)?;
        let writes = matches!(op.act, Act::Save(..) | Act::Update(..));
        let known = match op.act {
            Act::Load(_) => "G10",
            _ => "G13",
        };
        match &outcome.got {
            Ok(_) => {}
            Err(Error::Gone(_)) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(op.found_none(now) || gone(target), "G10", || {
                    "a session that is live is said to be gone".to_owned()
                })?;
                if let (Act::Cycle(..), Some(new)) = (&op.act, mine(target)) {
                    require(gone(new), "G7", || {
                        "a change of id that was carried out is said to have found nothing"
                            .to_owned()
                    })?;
                }
            }
            Err(error) => {
                let unknown = match error {
                    Error::Conflict(error) => error.outcome_unknown(),
                    Error::Service(error) => {
                        require(op.faulted, "G10", || {
                            format!("no fault, and {error}: {:?}", error.code())
                        })?;
                        error.outcome_unknown()
                    }
                    error => return require(false, "G10", || format!("{error}")).map(|()| None),
                };
                require(!unknown || op.lost || op.pending.resumed, "G13", || {
                    format!("every request was answered, and the outcome is unknown: {error}")
                })?;
                require(unknown || !writes || op.applied == 0, known, || {
                    format!("it was applied, and says that it was not: {error}")
                })?;
                if let (Act::Cycle(..), false) = (&op.act, unknown) {
                    let target = op.target.as_deref().unwrap_or_default();
                    require(mine(target).is_none(), "G7", || {
                        format!("the id was changed, and it says that it was not: {error}")
                    })?;
                }
                if let (Act::Create(..), false) = (&op.act, unknown) {
                    require(op.put.is_empty() || op.late_put, "G2", || {
                        "a create that failed left an item".to_owned()
                    })?;
                }
            }
        }
        let Ok(got) = &outcome.got else {
            if let (Some(copy), Some(target)) = (&outcome.copy, &op.target) {
                require(copy.handle == *target, "G7", || {
                    "a failure changed the id in hand".to_owned()
                })?;
            }
            return Ok(None);
        };
        match (&op.act, got) {
            (Act::Create(..), Got::Session(session)) => {
                let mut left: Vec<_> = op
                    .put
                    .iter()
                    .filter(|put| **put != session.handle)
                    .collect();
                left.retain(|put| self.truth.contains_key(*put));
                require(op.put.contains(&session.handle), "G13", || {
                    "nothing was stored".to_owned()
                })?;
                require(left.is_empty() || op.late_put, "G2", || {
                    "a create left a second item".to_owned()
                })?;
            }
            (Act::Load(_), Got::Absent) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(op.found_none(now) || gone(target), "G10", || {
                    "a live session was not found".to_owned()
                })?;
            }
            (Act::Load(_), Got::Session(session)) => {
                let read = op.read.get(&session.handle).cloned().flatten();
                require(read.is_some(), "G10", || {
                    "a session was found where none is".to_owned()
                })?;
                let read = read.unwrap_or_default();
                require(is_live(&read, op.began), "G5", || {
                    "an expired session was loaded".to_owned()
                })?;
                let same = session.expires_at == expires_at(&read)
                    && Some(session.version) == number(&read, "version")
                    && Some(session.created_at) == number(&read, "created_at")
                    && session.fields == named(&read, &session.fields);
                require(same, "G10", || {
                    "what was loaded is not what is stored".to_owned()
                })?;
            }
            (Act::Update(..), Got::Count(count)) => {
                require(op.applied == 1, "G13", || {
                    "an update says that it is stored, and is not".to_owned()
                })?;
                require(op.stored["count"] == Some(*count), "G3", || {
                    "an increment was lost".to_owned()
                })?;
            }
            (Act::Save(..), _) => {
                let due = !op.pending.must.is_empty() || op.pending.idle;
                require(!due || op.applied == 1 || op.already, "G13", || {
                    "a save says that it is stored, and is not".to_owned()
                })?;
                return Ok(outcome.copy.as_ref().map(|copy| copy.fields.clone()));
            }
            (Act::Cycle(..), _) => {
                let target = op.target.as_deref().unwrap_or_default();
                let new = mine(target);
                let copy = outcome.copy.as_ref();
                let right = copy.is_some_and(|copy| Some(&copy.handle) == new);
                require(right, "G7", || {
                    "the id in hand is not the one that is valid".to_owned()
                })?;
                let stored = &self.moved[target].2;
                let item = copy.and_then(|copy| self.truth.get(&copy.handle));
                return Ok(Some(item.map_or(stored.clone(), |item| {
                    let like = copy.map(|copy| copy.fields.clone()).unwrap_or_default();
                    named(item, &like)
                })));
            }
            (Act::Delete(_) | Act::RevokeHandle(_), got) => {
                let target = op.target.as_deref().unwrap_or_default();
                require(!self.truth.contains_key(target), "G1", || {
                    "a deleted session is still there".to_owned()
                })?;
                if let Got::Revoked(revoked) = got {
                    self.revoked(op, revoked)?;
                }
            }
            (Act::Revoke(user, _), Got::Revoked(revoked)) => {
                self.revoked(op, revoked)?;
                let failed: Vec<_> = revoked
                    .failed()
                    .iter()
                    .map(|f| f.handle().to_string())
                    .collect();
                if !op.late_index && !op.interfered {
                    for handle in &op.present {
                        let left = self
                            .truth
                            .get(handle)
                            .is_some_and(|item| number(item, "user") == Some(*user));
                        let excused = op.spared.as_ref() == Some(handle) || failed.contains(handle);
                        require(!left || excused, "G9", || {
                            "revocation left a session".to_owned()
                        })?;
                    }
                }
            }
            (Act::List(user), Got::Listed(listed)) => {
                for session in listed {
                    let item = op.read.get(&session.handle).cloned().flatten();
                    require(item.is_some(), "G5", || {
                        "a session that is gone is listed".to_owned()
                    })?;
                    let item = item.unwrap_or_default();
                    require(is_live(&item, op.began), "G5", || {
                        "an expired session is listed".to_owned()
                    })?;
                    let same = number(&item, "user") == Some(*user)
                        && number(&item, "created_at") == Some(session.created_at)
                        && expires_at(&item) == session.expires_at;
                    require(same, "G9", || {
                        "a listed session is another's, or not as stored".to_owned()
                    })?;
                }
                if !op.late_index && !op.interfered {
                    for handle in &op.present {
                        let live = self
                            .truth
                            .get(handle)
                            .is_some_and(|item| is_live(item, now));
                        let shown = listed.iter().any(|session| session.handle == *handle);
                        require(!live || shown, "G9", || {
                            "a live session is not listed".to_owned()
                        })?;
                    }
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn revoked(&self, op: &Op, revoked: &session_store::Revoked) -> Result<(), Violation> {
        let deleted = revoked.deleted();
        if !op.lost_delete && !op.interfered {
            require(deleted == op.ended_live, "G9", || {
                format!(
                    "{deleted} sessions are said to be ended, and {} were",
                    op.ended_live
                )
            })?;
        }
        require(revoked.failed().is_empty() || op.faulted, "G9", || {
            "a revocation failed without a fault".to_owned()
        })?;
        let spared = usize::from(
            op.spared
                .as_ref()
                .is_some_and(|spared| op.found.contains(spared)),
        );
        let all = deleted + revoked.already_gone() + revoked.moved() + revoked.failed().len();
        let looked = match op.act {
            Act::RevokeHandle(_) => 1,
            _ => op.found.len() - spared,
        };
        require(all == looked, "G9", || {
            format!("{all} of {looked} sessions are accounted for")
        })
    }

    /// G14: what an operation costs when nothing comes in its way.
    fn counts(&self, op: &Op) -> Result<(), Violation> {
        if op.faulted || op.interfered {
            return Ok(());
        }
        let sent = op.requests.len();
        let due = !op.pending.must.is_empty() || op.pending.idle;
        let asked = op.found.len()
            - usize::from(
                op.spared
                    .as_ref()
                    .is_some_and(|spared| op.found.contains(spared)),
            );
        let range = match op.act {
            Act::Advance(_) | Act::AdvanceToEnd(..) => 0..=0,
            Act::Create(..) | Act::Load(_) | Act::Delete(_) | Act::RevokeHandle(_) => 1..=1,
            // One more where the session ends later than this write would make it end, and one
            // more for a copy that is behind.
            Act::Save(..) if due => 1..=3,
            Act::Save(..) if op.pending.fresh => 0..=0,
            Act::Save(..) => 0..=2,
            Act::Update(..) => 1..=3,
            // A tenth of the idle timeout is not over.
            Act::Touch(_) if op.began < op.pending.touched_at + IDLE * 100 => 0..=0,
            Act::Touch(_) => 0..=1,
            // One more for a copy that is behind.
            Act::Cycle(..) => 1..=2,
            Act::Revoke(..) => 1 + asked..=1 + asked,
            Act::List(_) => match op.found.is_empty() {
                true => 1..=1,
                false => 2..=2,
            },
        };
        require(range.contains(&sent), "G14", || {
            format!("{:?} took {sent} requests in place of {range:?}", op.act)
        })
    }
}

fn absolute_end(item: &Value) -> u64 {
    number(item, "created_at").unwrap_or(0) / 1000 + ABSOLUTE
}

/// G2: every item is a whole session, and its promoted attributes are those of its data.
fn well_formed(item: &Value) -> Result<(), Violation> {
    let numbers = ["created_at", "touched_at", "expires_at", "version"];
    let whole = numbers.iter().all(|name| number(item, name).is_some())
        && item["data"]["M"].is_object()
        && marks(item).len() == 4
        && item["id"]["S"].is_string();
    require(whole, "G2", || {
        format!("an item that is no session: {item}")
    })?;
    let fields = fields(item);
    for name in ["user", "level", "note"] {
        let value = fields.get(name).copied().flatten();
        require(number(item, name) == value, "G3", || {
            format!(
                "attribute `{name}` is {:?}, and the field {value:?}",
                number(item, name)
            )
        })?;
    }
    if let Some(sum) = number(item, "sum") {
        let parts = ["red", "green"].map(|name| fields[name].unwrap_or(0));
        require(sum == parts.iter().sum::<u64>(), "G3", || {
            format!("the computed attribute is {sum}, of {parts:?}")
        })?;
    }
    require(expires_at(item) <= absolute_end(item), "G6", || {
        format!(
            "it ends at {}, past its absolute timeout at {}",
            expires_at(item),
            absolute_end(item)
        )
    })
}

fn expiry(before: &Value, after: &Value, now: u64, new_idle: bool) -> Result<(), Violation> {
    let (was, is) = (expires_at(before), expires_at(after));
    require(before["created_at"] == after["created_at"], "G6", || {
        "the time of creation changed".to_owned()
    })?;
    require(is >= was || new_idle, "G6", || {
        format!("its end went back from {was} to {is}")
    })?;
    let most = (now + REMEMBERED * 1000).div_ceil(1000);
    require(is <= most.max(was), "G6", || {
        format!("it ends at {is}, later than {most}")
    })
}

fn versions(before: &Value, after: &Value) -> Result<(), Violation> {
    let (was, is) = (number(before, "version"), number(after, "version"));
    require(is == was.map(|was| was + 1), "G13", || {
        format!("version {is:?} follows {was:?}")
    })
}

/// G3: all that had to be stored is, and nothing else changed.
fn stored(
    pending: &Pending,
    was: &BTreeMap<String, Option<u64>>,
    is: &BTreeMap<String, Option<u64>>,
) -> Result<(), Violation> {
    for (name, value) in &pending.must {
        require(is.get(*name).copied().flatten() == *value, "G3", || {
            format!(
                "`{name}` is {:?}, and {value:?} was to be stored",
                is.get(*name)
            )
        })?;
    }
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for name in names {
        let (was, is) = (
            was.get(name).copied().flatten(),
            is.get(name).copied().flatten(),
        );
        let meant = pending.must.contains_key(name.as_str())
            || pending
                .may
                .get(name.as_str())
                .is_some_and(|values| values.contains(&is));
        let guarantee = if name == "note" { "G4" } else { "G3" };
        require(was == is || meant, guarantee, || {
            format!("`{name}` went from {was:?} to {is:?}, and nobody meant to change it")
        })?;
    }
    Ok(())
}

/// G4: what no program here knows is as it was.
fn others(before: &Value, after: &Value) -> Result<(), Violation> {
    let mut known = OWN.to_vec();
    known.extend(["user", "level", "note", "sum"]);
    let (was, is) = (strangers(before, &known), strangers(after, &known));
    require(was == is, "G4", || {
        format!("attributes went from {was:?} to {is:?}")
    })
}
