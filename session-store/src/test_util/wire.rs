//! The connection between a client and its engine, with faults.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

/// An HTTP client for the SDK that records every request, and injects faults that no local engine shows.
/// All clones share their record and their faults.
#[derive(Clone)]
pub struct Wire {
    engine: SharedHttpClient,
    state: Arc<Mutex<WireState>>,
}

#[derive(Default)]
struct WireState {
    calls: Vec<Call>,
    metered: bool,
    faults: Vec<(&'static str, Fault)>,
}

/// A request as it was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The DynamoDB operation, such as `GetItem`.
    pub operation: String,
    /// Its input in JSON.
    pub input: Value,
    /// The capacity units that the engine billed, if the wire is metered.
    pub units: f64,
}

type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;
type Edit = Box<dyn FnOnce(&mut Value) + Send>;

/// A fault that a request meets on the wire.
#[non_exhaustive]
pub enum Fault {
    /// The engine carries out the request, and the response is lost.
    LoseResponse,
    /// The request does not reach the engine.
    Refuse,
    /// The engine is not asked. The response has this status, error code and message.
    Answer(u16, &'static str, &'static str),
    /// The engine is not asked. The response has this status and body.
    Body(u16, Value),
    /// Another operation runs first.
    Meanwhile(Hook),
    /// The response is changed on its way back.
    Edit(Edit),
}

impl Fault {
    /// Runs another operation, such as the write of another client, before the request.
    pub fn meanwhile<F: Future<Output = ()> + Send + 'static>(
        hook: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        Self::Meanwhile(Box::new(|| Box::pin(hook())))
    }

    /// Changes the response, in JSON.
    pub fn edit(edit: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        Self::Edit(Box::new(edit))
    }

    /// Cancels a transaction for these reasons, one for each of its actions.
    pub fn cancelled(reasons: Value) -> Self {
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        });
        Self::Body(400, body)
    }

    /// DynamoDB throttles the request.
    pub fn throttled() -> Self {
        Self::Answer(400, "ProvisionedThroughputExceededException", "slow down")
    }
}

impl Wire {
    /// A wire to the engine that this client reaches.
    pub fn new(engine: SharedHttpClient) -> Self {
        Self {
            engine,
            state: Arc::default(),
        }
    }

    /// Injects this fault into one request of this operation: the next that has no fault yet.
    pub fn next(&self, operation: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.push((operation, fault));
    }

    /// Forgets all calls so far and all faults that are left, and ends [`meter`](Self::meter).
    pub fn clear(&self) {
        *self.state.lock().unwrap() = WireState::default();
    }

    /// Forgets all calls and faults so far, and asks the engine for the cost of each request from now on.
    pub fn meter(&self) {
        self.clear();
        self.state.lock().unwrap().metered = true;
    }

    /// Takes the operations so far out of [`calls`](Self::calls), each with the units that were billed.
    pub fn bill(&self) -> Vec<(String, f64)> {
        let calls = std::mem::take(&mut self.state.lock().unwrap().calls);
        calls
            .into_iter()
            .map(|call| (call.operation, call.units))
            .collect()
    }

    /// The requests so far, in the order in which they were sent.
    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The operations so far.
    pub fn operations(&self) -> Vec<String> {
        self.calls()
            .into_iter()
            .map(|call| call.operation)
            .collect()
    }
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
        let engine = self.engine.http_connector(settings, components);
        SharedHttpConnector::new(WireConnector {
            engine,
            state: Arc::clone(&self.state),
        })
    }
}

#[derive(Clone)]
struct WireConnector {
    engine: SharedHttpConnector,
    state: Arc<Mutex<WireState>>,
}

impl fmt::Debug for WireConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireConnector")
    }
}

impl HttpConnector for WireConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.send(request).await })
    }
}

impl WireConnector {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let input = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (fault, metered, call) = {
            let mut state = self.state.lock().unwrap();
            let found = state.faults.iter().position(|(of, _)| *of == operation);
            state.calls.push(Call {
                operation,
                input,
                units: 0.0,
            });
            let fault = found.map(|i| state.faults.remove(i).1);
            (fault, state.metered, state.calls.len() - 1)
        };
        match fault {
            None if metered => self.metered(request, call).await,
            None => self.engine.call(request).await,
            Some(Fault::Refuse) => Err(ConnectorError::io("connection reset".into())),
            Some(Fault::LoseResponse) => {
                self.engine.call(request).await?;
                Err(ConnectorError::io("connection reset".into()))
            }
            Some(Fault::Answer(status, code, message)) => {
                let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message });
                Ok(answer(status, &body))
            }
            Some(Fault::Body(status, body)) => Ok(answer(status, &body)),
            Some(Fault::Meanwhile(hook)) => {
                hook().await;
                self.engine.call(request).await
            }
            Some(Fault::Edit(edit)) => {
                let mut response = self.engine.call(request).await?;
                let body = ByteStream::new(response.take_body())
                    .collect()
                    .await
                    .unwrap();
                let mut body = serde_json::from_slice(&body.into_bytes()).unwrap();
                edit(&mut body);
                Ok(answer(response.status().as_u16(), &body))
            }
        }
    }
}

impl WireConnector {
    async fn metered(
        &self,
        mut request: HttpRequest,
        call: usize,
    ) -> Result<HttpResponse, ConnectorError> {
        let mut input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        input["ReturnConsumedCapacity"] = "TOTAL".into();
        let input = input.to_string();
        let length = input.len().to_string();
        request.headers_mut().insert("content-length", length);
        *request.body_mut() = SdkBody::from(input);

        let mut response = self.engine.call(request).await?;
        let body = ByteStream::new(response.take_body())
            .collect()
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&body.into_bytes()).unwrap();
        let units = |bill: &Value| bill["CapacityUnits"].as_f64().unwrap_or(0.0);
        self.state.lock().unwrap().calls[call].units = match &body["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().map(units).sum(),
            table => units(table),
        };
        Ok(answer(response.status().as_u16(), &body))
    }
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    let mut response =
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
