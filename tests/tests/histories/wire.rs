//! The wire between the clients and the engine. Each request waits at two gates, before the engine and on
//! the way back, until the history opens them.

mod answers;
mod json;
mod line;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::Waker;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};
use session_store_tests::Clock;
use tokio::runtime::Handle;

use self::json::{difference, fill, unpacked};
pub use self::json::{is_read, written};
use self::line::Wire;
use crate::model::{Model, Violation, form, is_roster, moved_to, number};
use crate::plan::{CLIENTS, Fault};

/// Shared by all clients of a history.
#[derive(Clone)]
pub struct Wires {
    shared: Arc<Mutex<Shared>>,
    engine: SharedHttpClient,
    /// The engine runs in a separate runtime, whose time goes on.
    runtime: Handle,
    pub clocks: [Clock; CLIENTS],
    table: String,
}

#[derive(Default)]
pub struct Shared {
    pub model: Model,
    /// The client that goes on at the moment.
    pub polled: usize,
    /// The current operation of each client.
    pub current: [Option<usize>; CLIENTS],
    /// The faults of the next requests of each client, in order.
    pub faults: [Vec<Option<Fault>>; CLIENTS],
    /// How many changes a read of each client misses, if it allows that.
    pub behind: [usize; CLIENTS],
    /// Each item after each change, in the engine's JSON; nothing before the first.
    states: BTreeMap<String, Vec<Value>>,
    pub gates: Vec<Gate>,
    /// Requests that have been sent, and have not arrived yet.
    on_the_way: Vec<(u64, Late)>,
    /// Requests that the client has given up, but that will still arrive.
    pub late: Vec<Late>,
    pub forget_tokens: bool,
    pub violation: Option<Violation>,
    pub trace: Vec<String>,
    names: Vec<String>,
    next_gate: u64,
    /// A connection to the engine and a request to copy, after the first request.
    line: Option<(SharedHttpConnector, HttpRequest)>,
}

pub struct Gate {
    id: u64,
    pub client: usize,
    open: bool,
    waker: Option<Waker>,
}

impl Gate {
    pub fn is_shut(&self) -> bool {
        !self.open
    }
}

pub struct Late {
    op: usize,
    client: usize,
    operation: String,
    input: Value,
    request: HttpRequest,
}

impl Shared {
    /// Begins a new history.
    pub fn reset(&mut self) {
        let line = self.line.take();
        *self = Self {
            line,
            ..Self::default()
        };
    }

    pub fn open(&mut self, gate: usize) {
        let gate = &mut self.gates[gate];
        gate.open = true;
        if let Some(waker) = gate.waker.take() {
            waker.wake();
        }
    }

    /// The operation of a client has ended.
    pub fn end_op(&mut self, client: usize) -> Option<usize> {
        self.on_the_way.retain(|(_, sent)| sent.client != client);
        self.current[client].take()
    }

    /// A client drops its operation. What it has sent may still arrive.
    pub fn drop_op(&mut self, client: usize, mut arrives: impl FnMut() -> bool) -> Option<usize> {
        self.gates.retain(|gate| gate.client != client);
        let is_mine = |(_, sent): &mut (u64, Late)| sent.client == client;
        for (_, sent) in self.on_the_way.extract_if(.., is_mine) {
            // A read that arrives late has no effect.
            if !is_read(&sent.operation) && arrives() {
                self.late.push(sent);
            }
        }
        self.current[client].take()
    }

    /// Whether an earlier attempt of this transaction will still arrive.
    fn is_under_way(&self, client: usize, token: &Value) -> bool {
        let mut late = self.late.iter();
        token.is_string()
            && late.any(|late| late.client == client && late.input["ClientRequestToken"] == *token)
    }

    /// Whether a client perhaps waits for a read that another one of its host has sent, and that is on its way.
    pub fn may_wait_for_others(&self, client: usize) -> bool {
        let Some(op) = self.current[client] else {
            return false;
        };
        self.gates.iter().any(|gate| {
            let other = self.current[gate.client].filter(|_| gate.is_shut());
            other.is_some_and(|other| self.model.share_reads(op, other))
        })
    }

    fn note(&mut self, checked: Result<(), Violation>) {
        if let Err(violation) = checked {
            self.violation.get_or_insert(violation);
        }
    }

    /// Sorts the sessions of an index that were created at the same time in the order of their first
    /// appearance. The engine sorts them by their handles, which are random.
    fn order(&self, answer: &mut Value) {
        if let Some(items) = answer["Items"].as_array_mut() {
            items.sort_by_cached_key(|item| {
                (Reverse(number(item, "created_at")), self.appeared(item))
            });
        }
    }

    /// Answers a part of the batch, and returns the rest as unprocessed.
    fn leave_undone(&self, body: &mut Value, input: &Value) {
        for (table, asked) in input["RequestItems"].as_object().into_iter().flatten() {
            let mut keys = asked["Keys"].as_array().cloned().unwrap_or_default();
            // The choice must not depend on the random handles.
            keys.sort_by_cached_key(|key| self.appeared(key));
            let left = &keys[keys.len() / 2..];
            if let Some(items) = body["Responses"][table].as_array_mut() {
                items.retain(|item| left.iter().all(|key| key["id"] != item["id"]));
            }
            let mut again = asked.clone();
            again["Keys"] = json!(left);
            body["UnprocessedKeys"] = json!({ table: again });
        }
    }

    /// The response to a read that misses the last changes.
    fn stale_response(&mut self, client: usize, handle: &str) -> Value {
        let states = self.states.get(handle).map_or(&[][..], Vec::as_slice);
        let missed = self.behind[client].min(states.len());
        let state = states[..states.len() - missed].last();
        let answer = match state {
            Some(item) if !item.is_null() => json!({ "Item": item }),
            _ => json!({}),
        };
        if missed > 0 {
            self.trace.push(format!("      misses {missed} changes"));
        }
        answer
    }

    /// The number of a session, in the order of first appearance.
    fn appeared(&self, key: &Value) -> Option<usize> {
        let handle = key["id"]["S"].as_str();
        let mut names = self.names.iter();
        names.position(|name| Some(name.as_str()) == handle)
    }

    /// A short name for a handle, the same in every run of a history.
    pub fn name(&mut self, handle: &str) -> String {
        if is_roster(handle) {
            return format!("roster {handle}");
        }
        let found = self.names.iter().position(|name| name == handle);
        let i = found.unwrap_or_else(|| {
            self.names.push(handle.to_owned());
            self.names.len() - 1
        });
        format!("s{i}")
    }
}

impl Wires {
    pub fn new(engine: SharedHttpClient, runtime: Handle, table: &str) -> Self {
        Self {
            shared: Arc::default(),
            engine,
            runtime,
            clocks: Default::default(),
            table: table.to_owned(),
        }
    }

    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    pub fn wire(&self) -> Wire {
        Wire {
            wires: self.clone(),
        }
    }

    /// Lets a request arrive that its client has given up.
    pub fn deliver(&self, late: usize) {
        let shared = &mut *self.shared();
        let late = shared.late.remove(late);
        shared.trace.push(format!(
            "    a delayed {} of client {} arrives",
            late.operation, late.client
        ));
        if let Some(line) = shared.line.as_ref().map(|(line, _)| line.clone()) {
            let now = self.clocks[late.client].millis();
            shared.model.ops[late.op].late_put |= late.operation == "PutItem";
            shared.model.arrives_late = true;
            self.execute(
                shared,
                &line,
                late.op,
                &late.operation,
                &late.input,
                late.request,
                now,
            );
            shared.model.arrives_late = false;
        }
    }

    /// All items in the table, read without a client.
    pub fn items(&self) -> Vec<Value> {
        let mut shared = self.shared();
        let Some((line, like)) = shared.line.take() else {
            return Vec::new();
        };
        let scan = json!({ "TableName": self.table, "ConsistentRead": true });
        let (_, answer) = self.ask(&line, &like, "Scan", &scan);
        shared.line = Some((line, like));
        let items = answer["Items"].as_array().into_iter().flatten();
        items.cloned().map(unpacked).collect()
    }

    pub fn remove(&self, id: &Value) {
        let mut shared = self.shared();
        let Some((line, like)) = shared.line.take() else {
            return;
        };
        let delete = json!({ "TableName": self.table, "Key": { "id": id } });
        self.ask(&line, &like, "DeleteItem", &delete);
        shared.line = Some((line, like));
    }

    fn send(&self, line: &SharedHttpConnector, request: HttpRequest) -> (u16, Value) {
        let call = line.call(request);
        let (answer, answered) = mpsc::channel();
        self.runtime.spawn(async move {
            let mut response = call.await.expect("the engine answers");
            let body = ByteStream::new(response.take_body())
                .collect()
                .await
                .unwrap();
            let body = serde_json::from_slice(&body.into_bytes()).unwrap_or_default();
            let _ = answer.send((response.status().as_u16(), body));
        });
        // The history, and its time, stand still meanwhile.
        answered.recv().unwrap()
    }

    fn ask(
        &self,
        line: &SharedHttpConnector,
        like: &HttpRequest,
        operation: &str,
        input: &Value,
    ) -> (u16, Value) {
        let mut request = like.try_clone().unwrap();
        fill(&mut request, input);
        let target = format!("DynamoDB_20120810.{operation}");
        request.headers_mut().insert("x-amz-target", target);
        self.send(line, request)
    }

    fn item(&self, line: &SharedHttpConnector, like: &HttpRequest, handle: &str) -> Option<Value> {
        let get = json!({
            "TableName": self.table,
            "Key": { "id": { "S": handle } },
            "ConsistentRead": true,
        });
        let (_, answer) = self.ask(line, like, "GetItem", &get);
        answer.get("Item").cloned()
    }

    /// Carries a request out, and shows the model the changes.
    #[allow(clippy::too_many_arguments, reason = "the parts of one request")]
    fn execute(
        &self,
        shared: &mut Shared,
        line: &SharedHttpConnector,
        op: usize,
        operation: &str,
        input: &Value,
        request: HttpRequest,
        now: u64,
    ) -> (u16, Value) {
        let handles: Vec<_> = written(operation, input).map(str::to_owned).collect();
        let like = request.try_clone().unwrap();
        let (status, mut answer) = self.send(line, request);
        if operation == "GetItem" && input["ConsistentRead"] != true {
            let client = shared.model.ops[op].client;
            let handle = input["Key"]["id"]["S"].as_str().unwrap_or_default();
            answer = shared.stale_response(client, handle);
            let shown = answer.get("Item").cloned().map(unpacked);
            shared.model.reads_late(op, handle, shown);
        } else {
            shared.model.reads(op, operation, input);
        }
        let mut steps = Vec::new();
        let mut what = Vec::new();
        for handle in handles {
            let before = shared.model.item(&handle).cloned();
            let raw = self.item(line, &like, &handle);
            let checked = raw.as_ref().map_or(Ok(()), form);
            shared.note(checked);
            let after = raw.clone().map(unpacked);
            if before != after {
                let states = shared.states.entry(handle.clone()).or_default();
                states.push(raw.unwrap_or_default());
            }
            let name = shared.name(&handle);
            what.push(match (&before, &after) {
                (None, None) => format!("{name} is not there"),
                (None, Some(_)) => format!("{name} appears"),
                (Some(_), None) => format!("{name} is gone"),
                (Some(before), Some(after)) if before != after && moved_to(after).is_some() => {
                    let to = moved_to(after).map(|to| shared.name(to));
                    format!("{name} is a mark of {}", to.unwrap_or_default())
                }
                (Some(before), Some(after)) if before == after => format!("{name} stays"),
                (Some(before), Some(after)) => {
                    let changes = difference(before, after, |handle| shared.name(handle));
                    format!("{name} changes: {changes}")
                }
            });
            steps.push((handle, before, after));
        }
        let error = answer["__type"]
            .as_str()
            .and_then(|error| error.rsplit('#').next());
        let error = error.map(|error| format!(", {error}")).unwrap_or_default();
        shared.trace.push(format!(
            "      carried out: {status}{error} {}",
            what.join(", ")
        ));
        let checked = shared.model.writes(op, operation, &steps, now);
        shared.note(checked);
        (status, answer)
    }
}
