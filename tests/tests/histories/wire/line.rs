//! The clients' end of the wire, and the faults of its requests.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Value, json};

use super::answers::{
    Answer, at_once, cancelled, error, flawed, of_aws, reset, response, status as flawed_status,
    timeout,
};
use super::json::{fill, is_read};
use super::{Gate, Late, Wires};
use crate::plan::{Fault, is_refusal};

/// The clients' end of the wire.
#[derive(Clone)]
pub struct Wire {
    pub(super) wires: Wires,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Line {
            engine: self.wires.engine.http_connector(settings, components),
            wire: self.clone(),
        })
    }
}

/// All indexes of these programs have every session, so the item that tells which are complete says so. It is no
/// part of a history: each of its requests counts.
fn complete_indexes(input: &Value) -> Option<Answer> {
    let id = input["Key"]["id"]["S"].as_str()?;
    let names = json!(["user index N", "user roster"]);
    let item = json!({ "Item": { "complete": { "SS": names } } });
    id.contains("#indexes#").then(|| response(200, &item))
}

#[derive(Clone, Debug)]
struct Line {
    engine: SharedHttpConnector,
    wire: Wire,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move { line.carry(request).await })
    }
}

impl Line {
    async fn carry(&self, mut request: HttpRequest) -> Answer {
        // Clients of one host have one connection.
        let client = self.wire.wires.shared().polled;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let mut input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        if let Some(answer) = complete_indexes(&input) {
            return answer;
        }
        let (op, fault, sent) = {
            let mut shared = self.wire.wires.shared();
            if shared.forget_tokens && operation == "TransactWriteItems" {
                input.as_object_mut().unwrap().remove("ClientRequestToken");
                fill(&mut request, &input);
            }
            shared
                .line
                .get_or_insert_with(|| (self.engine.clone(), request.try_clone().unwrap()));
            let op = shared.current[client].expect("a request belongs to an operation");
            let nth = shared.model.ops[op].requests.len();
            let fault = shared.faults[client].get(nth).copied().flatten();
            let fault = fault.filter(|fault| fault.can_meet(&operation));
            let now = self.wire.wires.clocks[client].millis();
            let checked = shared.model.sends(op, &operation, &input, now);
            shared.note(checked);
            shared.next_gate += 1;
            let sent = shared.next_gate;
            let late = Late {
                op,
                client,
                operation: operation.clone(),
                input: input.clone(),
                request: request.try_clone().unwrap(),
            };
            shared.on_the_way.push((sent, late));
            (op, fault, sent)
        };
        self.gate().await;
        let answer = self.arrive((op, sent), &operation, input, request, fault);
        self.gate().await;
        answer
    }

    fn arrive(
        &self,
        (op, sent): (usize, u64),
        operation: &str,
        input: Value,
        request: HttpRequest,
        fault: Option<Fault>,
    ) -> Answer {
        let wires = &self.wire.wires;
        let shared = &mut *wires.shared();
        let client = shared.model.ops[op].client;
        shared.on_the_way.retain(|(other, _)| *other != sent);
        let fault = fault.filter(|fault| {
            *fault != Fault::InProgress || shared.is_under_way(client, &input["ClientRequestToken"])
        });
        let met = fault
            .map(|fault| format!(" meets {fault:?}"))
            .unwrap_or_default();
        shared
            .trace
            .push(format!("    client {client}: {operation}{met}"));
        if let Some(fault) = fault {
            for op in shared.model.sharers(op, operation) {
                let op = &mut shared.model.ops[op];
                op.faulted = true;
                op.lost |= fault.loses();
                op.lost_delete |= operation == "DeleteItem";
                op.late_index |= matches!(fault, Fault::IndexMisses | Fault::IndexStale);
            }
        }
        if let Some(answer) = fault.and_then(at_once) {
            return answer;
        }
        match fault {
            // The conflict can be on any of its items; the seed chooses.
            Some(Fault::Conflict) if operation == "TransactWriteItems" => {
                let held = op + shared.model.ops[op].requests.len();
                return cancelled(
                    &input,
                    held,
                    "TransactionConflict",
                    "a transaction is under way",
                );
            }
            Some(Fault::Conflict) => {
                return error(
                    400,
                    "TransactionConflictException",
                    "a transaction is under way",
                );
            }
            Some(Fault::Cancelled(reason)) => {
                let part = op + shared.model.ops[op].requests.len();
                let (code, message) = Fault::throttled_part(reason);
                return cancelled(&input, part, code, &message);
            }
            // A read that arrives late has no effect.
            Some(Fault::Delay) if is_read(operation) => return timeout(),
            Some(Fault::Delay) => {
                shared.late.push(Late {
                    op,
                    client,
                    operation: operation.to_owned(),
                    input,
                    request,
                });
                return timeout();
            }
            _ => {}
        }
        let now = wires.clocks[client].millis();
        let nth = shared.model.ops.len() % shared.names.len().max(1);
        let stale = shared.names.get(nth).cloned();
        let (status, mut body) =
            wires.execute(shared, &self.engine, op, operation, &input, request, now);
        shared.order(&mut body);
        match fault {
            Some(Fault::Lose) => return reset(),
            Some(Fault::TimeOutAfter) => return timeout(),
            Some(Fault::FailAfter) => return error(500, "InternalServerError", "try again"),
            Some(Fault::AwsAfter(number)) => return of_aws(number),
            Some(Fault::Flawed(flaw)) => {
                shared.model.ops[op].lost |= !is_refusal(flawed_status(flaw, status));
                return flawed(flaw, status, &body);
            }
            Some(Fault::IndexMisses) => {
                if let Some(items) = body["Items"].as_array_mut() {
                    items.pop();
                }
            }
            Some(Fault::IndexStale) => {
                if let (Some(items), Some(handle)) = (body["Items"].as_array_mut(), stale) {
                    let id = json!({ "S": handle });
                    if items.iter().all(|item| item["id"] != id) {
                        items.push(json!({ "id": id }));
                    }
                }
            }
            Some(Fault::Unprocessed) => shared.leave_undone(&mut body, &input),
            _ => {}
        }
        // The response of an index may have been changed on its way.
        shared.model.shows(op, operation, &input, &body);
        response(status, &body)
    }

    async fn gate(&self) {
        let mut mine = None;
        poll_fn(|cx| {
            let shared = &mut *self.wire.wires.shared();
            let id = *mine.get_or_insert_with(|| {
                shared.next_gate += 1;
                shared.gates.push(Gate {
                    id: shared.next_gate,
                    client: shared.polled,
                    open: false,
                    waker: None,
                });
                shared.next_gate
            });
            let Some(i) = shared.gates.iter().position(|gate| gate.id == id) else {
                return Poll::Ready(());
            };
            if shared.gates[i].open {
                shared.gates.remove(i);
                return Poll::Ready(());
            }
            shared.gates[i].waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
