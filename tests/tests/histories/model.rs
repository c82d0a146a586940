//! What the guarantees allow, checked at each step of the engine and each end of an operation.
//!
//! The engine takes one request at a time, so that the item before and after each is known. All
//! checks are of that: no copy of the store's own logic is in here.

mod costs;
mod due;
mod ends;
mod items;
mod limits;
mod reads;
mod rosters;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::due::Due;
use self::items::expires_at;
pub use self::items::{form, number};
use self::rosters::Found;
pub use self::rosters::{is_roster, roster_of};
use crate::binaries::Fields;
use crate::client::{Pending, Reads};
use crate::plan::{Act, Limit};

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
    /// How it reads, if it loads.
    pub reads: Reads,
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
    /// The version that it wrote.
    wrote: Option<u64>,
    /// All that it was to store was there already, when it found that others had written.
    already: bool,
    /// At one of its requests the session was not there.
    saw_gone: bool,
    /// The earliest end of the session that one of its requests met, in seconds.
    saw_end: u64,
    /// New items that it put.
    put: BTreeSet<String>,
    /// Sessions that it ended, and when those of them would have ended that were live by its clock.
    ended: usize,
    ended_live: Vec<u64>,
    /// What the index showed, and what was true of the user's sessions then.
    found: BTreeSet<String>,
    present: BTreeSet<String>,
    read: BTreeMap<String, Option<Value>>,
    /// What it read that may be behind, and whether it then read what is true.
    late: Option<Option<Value>>,
    again: bool,
    /// The rosters and its session as they were when it began.
    rosters: BTreeMap<String, Found>,
    was: Option<Value>,
    /// Who was in each roster that one of its writes met last.
    met: BTreeMap<String, BTreeSet<String>>,
    /// Users who had as many live sessions as there may be, at some moment of it.
    was_full: BTreeSet<u64>,
    /// Sessions that it ended to make room.
    victims: BTreeSet<String>,
    /// What a listing or revocation has to find.
    due: Vec<Due>,
    /// When the newest session in the roster was created that a revocation began with, and which
    /// not newer than that were there when it last saw the roster.
    newest: Option<u64>,
    left: BTreeSet<String>,
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
            late: None,
            again: false,
            rosters: BTreeMap::new(),
            was: None,
            met: BTreeMap::new(),
            was_full: BTreeSet::new(),
            victims: BTreeSet::new(),
            due: Vec::new(),
            newest: None,
            left: BTreeSet::new(),
            done: false,
        }
    }

    fn saw(&mut self, item: Option<&Value>) {
        match item {
            None => self.saw_gone = true,
            Some(item) => self.saw_end = self.saw_end.min(expires_at(item)),
        }
    }

    /// How many of the sessions that the index showed it was to end.
    fn asked(&self) -> usize {
        let spared = self.spared.as_ref();
        self.found.len() - usize::from(spared.is_some_and(|spared| self.found.contains(spared)))
    }

    /// Whether it met a session that was not there, or that has expired since by its clock.
    fn found_none(&self, now: u64) -> bool {
        self.saw_gone || self.saw_end <= now / 1000
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
    /// From each handle that was changed to the new one.
    moved: BTreeMap<String, Moved>,
    /// The version that each client last wrote of each session, by an operation that said so.
    own: BTreeMap<(usize, String), u64>,
    /// Every handle whose id somebody outside of the store knows.
    told: BTreeSet<String>,
    /// What the consistent index allows, if the index of this history is one.
    pub limit: Option<Limit>,
    /// Whether some of the clients store sessions as bytes.
    pub bytes: bool,
}

/// A change of id.
struct Moved {
    to: String,
    /// By which client, and what was stored.
    by: usize,
    fields: Fields,
    version: Option<u64>,
}

/// An item by its key, as it was and is.
pub type Change = (String, Option<Value>, Option<Value>);

impl Model {
    /// An operation begins.
    pub fn begins(&mut self, mut op: Op) -> usize {
        self.surveys(&mut op);
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// A request is on its way.
    pub fn sends(
        &mut self,
        op: usize,
        operation: &str,
        input: &Value,
        now: u64,
    ) -> Result<(), Violation> {
        let roster = self.limit.is_some();
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

    /// A request that reads met the table as it is.
    pub fn reads(&mut self, op: usize, operation: &str, input: &Value) {
        let truth = &self.truth;
        let op = &mut self.ops[op];
        match operation {
            "GetItem" if op.target.is_some() => {
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
        if let ("GetItem" | "UpdateItem", Act::List(user) | Act::Revoke(user, _)) =
            (operation, &self.ops[op].act)
        {
            let (user, roster) = (*user, answer.get("Item").or(answer.get("Attributes")));
            let absent = operation == "GetItem" && answer.get("__type").is_none();
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
