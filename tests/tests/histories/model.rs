//! The effects that the guarantees allow, checked at each step of the engine and each end of an operation.
//!
//! The engine takes one request at a time, so the item before and after each request is known. All checks
//! use these items: there is no copy of the store's own logic here.

mod administered;
mod caches;
mod costs;
mod due;
mod ends;
mod items;
mod limits;
mod moved;
mod new_ids;
mod reads;
mod rosters;
mod stored;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use self::caches::Moment;
use self::caches::{Kept, Least, State};
use self::due::Due;
pub use self::items::{ends, form, number};
pub use self::moved::moved_to;
use self::rosters::Found;
pub use self::rosters::{is_roster, roster_of};
use crate::binaries::Fields;
use crate::client::{Pending, Reads};
use crate::plan::{self, Act, Limit};

/// A broken guarantee.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The number of the guarantee.
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

/// An operation, and the facts that are known about it.
#[derive(Debug)]
pub struct Op {
    pub client: usize,
    pub act: Act,
    /// The client's clock at the start, in milliseconds.
    pub began: u64,
    /// The session of the operation, if it has one and it is known.
    pub target: Option<String>,
    pub spared: Option<String>,
    pub pending: Pending,
    /// How a load reads.
    pub reads: Reads,
    pub requests: Vec<String>,
    /// One of its requests met a fault of any kind.
    pub faulted: bool,
    /// One of its requests got no response, or one that does not show the outcome.
    pub lost: bool,
    pub lost_delete: bool,
    pub late_index: bool,
    /// One of its puts arrived after it was taken back: the item stays until it expires, under an id that
    /// is unknown.
    pub late_put: bool,
    /// Another operation wrote to its session, or time passed, since it began.
    pub interfered: bool,
    /// The version of its session that its browser was told of before.
    own: u64,
    /// The moment at which it began, on a host with a cache, and what is known of the copies of that.
    at: Moment,
    least: Least,
    is_kept: bool,
    /// No other operation was under way on its host, if that has a cache.
    alone: bool,
    /// How often it was applied, and the fields that were stored.
    applied: u32,
    stored: Fields,
    /// The version that it wrote.
    wrote: Option<u64>,
    /// Others had written, and everything that it would store was already there.
    already: bool,
    /// The session was absent at one of its requests.
    saw_gone: bool,
    /// The earliest end of the session at one of its requests, in milliseconds.
    saw_end: u64,
    /// The new items that it put.
    put: BTreeSet<String>,
    /// The number of sessions that it ended, and the expiry of those that were live by its clock.
    ended: usize,
    ended_live: Vec<u64>,
    /// The sessions that the index showed, and those that the user really had at that moment.
    found: BTreeSet<String>,
    present: BTreeSet<String>,
    read: BTreeMap<String, Option<Value>>,
    /// What each read of its session has found: its own ones, and those of others on its host.
    shown: Vec<Option<Value>>,
    /// The item of its stale read, and whether a consistent read followed.
    late: Option<Option<Value>>,
    again: bool,
    /// The rosters and its session at the start.
    rosters: BTreeMap<String, Found>,
    was: Option<Value>,
    /// Whether its session had a new handle at the start, and how many marks lead to that.
    was_moved: bool,
    marks: usize,
    /// The sessions in each roster at its last write there.
    met: BTreeMap<String, BTreeSet<String>>,
    /// The users who had as many live sessions as the limit at some moment of it.
    was_full: BTreeSet<u64>,
    /// The sessions that it evicted.
    victims: BTreeSet<String>,
    /// The sessions that a listing or revocation must find.
    due: Vec<Due>,
    /// For a revocation: the time of creation of the newest session in the roster at the start, and the
    /// sessions of the same age or older in the roster at the last access.
    newest: Option<u64>,
    left: BTreeSet<String>,
    /// The sessions that it changed for somebody else, each under its handle then.
    administered: BTreeSet<String>,
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
            reads: Reads::default(),
            requests: Vec::new(),
            faulted: false,
            lost: false,
            lost_delete: false,
            late_index: false,
            late_put: false,
            interfered: false,
            own: 0,
            at: Moment::default(),
            least: Least::default(),
            is_kept: false,
            alone: true,
            applied: 0,
            stored: Fields::new(),
            wrote: None,
            already: false,
            saw_gone: false,
            saw_end: u64::MAX,
            put: BTreeSet::new(),
            ended: 0,
            ended_live: Vec::new(),
            found: BTreeSet::new(),
            present: BTreeSet::new(),
            read: BTreeMap::new(),
            shown: Vec::new(),
            late: None,
            again: false,
            rosters: BTreeMap::new(),
            was: None,
            was_moved: false,
            marks: 0,
            met: BTreeMap::new(),
            was_full: BTreeSet::new(),
            victims: BTreeSet::new(),
            due: Vec::new(),
            newest: None,
            left: BTreeSet::new(),
            administered: BTreeSet::new(),
            done: false,
        }
    }

    fn saw(&mut self, item: Option<&Value>) {
        match item {
            None => self.saw_gone = true,
            Some(item) => self.saw_end = self.saw_end.min(ends(item)),
        }
    }

    /// The fields that it stored, if it was dropped after the write: what comes then is about evicted sessions.
    pub fn perhaps_knows(&self) -> Option<&Fields> {
        let is_after = self
            .requests
            .last()
            .is_some_and(|last| last == "BatchGetItem");
        (self.applied > 0 && is_after).then_some(&self.stored)
    }

    /// The number of sessions that the index showed and that it had to end.
    fn asked(&self) -> usize {
        let spared = self.spared.as_ref();
        self.found.len() - usize::from(spared.is_some_and(|spared| self.found.contains(spared)))
    }

    /// Whether it met an absent session, or one that has expired since by its clock.
    fn found_none(&self, now: u64) -> bool {
        self.saw_gone || self.saw_end <= now
    }
}

/// The stored items, and everything that is known about the operations.
#[derive(Default)]
pub struct Model {
    /// The sessions and the rosters.
    pub truth: BTreeMap<String, Value>,
    /// The marks of changes of id.
    pub marks: BTreeMap<String, Value>,
    pub ops: Vec<Op>,
    /// Every handle that ever had an item.
    known: BTreeSet<String>,
    /// Every handle that a `create` ever sent.
    sent: BTreeSet<String>,
    /// From each handle that was changed, to the new one.
    moved: BTreeMap<String, Moved>,
    /// The version of each session after each browser's last write, if the operation returned it.
    own: BTreeMap<(usize, String), u64>,
    /// The latest use that was ever stored: a client whose clock is ahead may have made it, and a touch of another one
    /// set an earlier time since.
    latest_use: u64,
    /// Every handle whose id is known outside the store.
    told: BTreeSet<String>,
    /// The limit of the consistent index, if this history has one.
    pub limit: Option<Limit>,
    /// Whether some of the clients store sessions as bytes.
    pub bytes: bool,
    /// The clients, and how much time has passed.
    pub clients: Vec<plan::Client>,
    pub time: Moment,
    /// A request arrives that its client has given up.
    pub arrives_late: bool,
    /// Each session after each change of it.
    states: BTreeMap<String, Vec<State>>,
    /// The copies that hosts keep for sure.
    kept: BTreeMap<(usize, String), Kept>,
}

/// A change of id.
struct Moved {
    to: String,
    /// The copy that it was made with, and what was stored.
    by: u64,
    fields: BTreeMap<String, Option<u64>>,
    idle: Option<u64>,
    version: Option<u64>,
    /// A log-in begins another session.
    logs_in: bool,
}

/// The key of an item, and the item before and after.
pub type Change = (String, Option<Value>, Option<Value>);

impl Model {
    /// An operation begins.
    pub fn begins(&mut self, mut op: Op) -> usize {
        self.surveys(&mut op);
        self.meets_cache(&mut op);
        let own = op.target.clone().and_then(|target| {
            let browser = self.clients[op.client].browser;
            self.own.get(&(browser, target)).copied()
        });
        op.own = own.unwrap_or(0);
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// A request is sent.
    pub fn sends(
        &mut self,
        op: usize,
        operation: &str,
        input: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let roster = self.limit.is_some();
        self.forgets_copies(op, operation, input);
        let op = &mut self.ops[op];
        if operation == "GetItem" {
            op.asks(input["ConsistentRead"] == true, now)?;
        }
        op.requests.push(operation.to_owned());
        let guarantee = match op.allowed(roster).contains(&operation) {
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

    /// A request that reads has reached the table.
    pub fn reads(&mut self, op: usize, operation: &str, input: &Value) {
        let sharers = self.sharers(op, operation);
        let truth = &self.truth;
        let op = &mut self.ops[op];
        match operation {
            "GetItem" if op.target.is_some() => {
                let handle = input["Key"]["id"]["S"].as_str().unwrap_or_default();
                let item = truth.get(handle).cloned();
                for op in sharers {
                    let op = &mut self.ops[op];
                    let is_followed = op.goes_on() && self.moved.contains_key(handle);
                    if !is_followed {
                        op.saw(item.as_ref());
                    }
                    op.read.insert(handle.to_owned(), item.clone());
                    op.shown.push(item.clone());
                }
            }
            "Query" => {
                let (Act::List(user) | Act::Revoke(user, _) | Act::UpdateAll(user)) = op.act else {
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

    /// The client gets this response.
    pub fn shows(&mut self, op: usize, operation: &str, input: &Value, answer: &Value) {
        if let ("BatchGetItem", Act::List(user) | Act::Revoke(user, _)) =
            (operation, &self.ops[op].act)
        {
            let (user, key) = (*user, roster_of(*user));
            let keys = |tables: &Value| {
                let tables = tables.as_object().into_iter().flatten();
                let keys = tables.filter_map(|(_, keys)| keys["Keys"].as_array());
                keys.flatten().any(|item| item["id"]["S"] == key.as_str())
            };
            if keys(&input["RequestItems"]) && answer["Responses"].is_object() {
                let found = answer["Responses"].as_object().into_iter().flatten();
                let mut found = found.filter_map(|(_, items)| items.as_array()).flatten();
                let roster = found.find(|item| item["id"]["S"] == key.as_str());
                let is_absent = !keys(&answer["UnprocessedKeys"]);
                if let Some(roster) = roster.or(is_absent.then_some(&Value::Null)) {
                    self.shows_roster(op, user, roster);
                }
            }
        }
        if let ("GetItem" | "UpdateItem", Act::List(user) | Act::Revoke(user, _)) =
            (operation, &self.ops[op].act)
        {
            let (user, roster) = (*user, answer.get("Item").or(answer.get("Attributes")));
            let kind = answer.get("__type").and_then(Value::as_str);
            let absent = match operation {
                "GetItem" => kind.is_none(),
                // It is refused without an item: the roster has gone with its last entry.
                _ => kind.is_some_and(|kind| kind.ends_with("ConditionalCheckFailedException")),
            };
            if let Some(roster) = roster.or(absent.then_some(&Value::Null)) {
                self.shows_roster(op, user, roster);
            }
        }
        if operation == "Query" {
            let items = answer["Items"].as_array().into_iter().flatten();
            let handles = items.filter_map(|item| item["id"]["S"].as_str());
            self.ops[op].found.extend(handles.map(str::to_owned));
        }
    }
}
