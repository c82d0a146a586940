//! One client's end of the wire, and the faults of its requests.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::json::{fill, is_read};
use super::{Gate, Late, Wires};
use crate::plan::Fault;

/// One client's end of the wire.
#[derive(Clone)]
pub struct Wire {
    pub(super) wires: Wires,
    pub(super) client: usize,
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
    async fn carry(&self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let client = self.wire.client;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let mut input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (op, fault) = {
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
            (op, fault)
        };
        self.gate().await;
        let answer = self.arrive(op, &operation, input, request, fault);
        self.gate().await;
        answer
    }

    fn arrive(
        &self,
        op: usize,
        operation: &str,
        input: Value,
        request: HttpRequest,
        fault: Option<Fault>,
    ) -> Result<HttpResponse, ConnectorError> {
        let client = self.wire.client;
        let wires = &self.wire.wires;
        let shared = &mut *wires.shared();
        let met = fault
            .map(|fault| format!(" meets {fault:?}"))
            .unwrap_or_default();
        shared
            .trace
            .push(format!("    client {client}: {operation}{met}"));
        let reset = || Err(ConnectorError::io("connection reset".into()));
        let timeout = || Err(ConnectorError::timeout("no answer in time".into()));
        if let Some(fault) = fault {
            let op = &mut shared.model.ops[op];
            op.faulted = true;
            op.lost |= fault.loses();
            op.lost_delete |= operation == "DeleteItem";
            op.late_index |= matches!(fault, Fault::IndexMisses | Fault::IndexStale);
        }
        match fault {
            Some(Fault::Refuse) => return reset(),
            Some(Fault::TimeOutBefore) => return timeout(),
            Some(Fault::Throttle) => {
                return error(400, "ProvisionedThroughputExceededException", "slow down");
            }
            Some(Fault::FailBefore) => return error(500, "InternalServerError", "try again"),
            Some(Fault::Conflict) if operation == "TransactWriteItems" => {
                let parts = input["TransactItems"].as_array().map_or(0, Vec::len);
                let mut reasons = vec![json!({ "Code": "None" }); parts];
                // The conflict can be on any of its items; the seed chooses.
                let held = (op + shared.model.ops[op].requests.len()) % parts;
                reasons[held] = json!({ "Code": "TransactionConflict" });
                let body = json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "message": "Transaction cancelled",
                    "CancellationReasons": reasons,
                });
                return response(400, &body);
            }
            Some(Fault::Conflict) => {
                return error(
                    400,
                    "TransactionConflictException",
                    "a transaction is under way",
                );
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
        let client = self.wire.client;
        let mut mine = None;
        poll_fn(|cx| {
            let shared = &mut *self.wire.wires.shared();
            let id = *mine.get_or_insert_with(|| {
                shared.next_gate += 1;
                shared.gates.push(Gate {
                    id: shared.next_gate,
                    client,
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

fn error(status: u16, code: &str, message: &str) -> Result<HttpResponse, ConnectorError> {
    let body =
        json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message });
    response(status, &body)
}

fn response(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let mut response =
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
