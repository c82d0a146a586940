//! The connection between a client and its engine, with faults.

use std::fmt;
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

use super::fault::Fault;
use super::still::Still;

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
    /// Each for one request.
    faults: Vec<(&'static str, Fault)>,
    /// Each for all requests of its operation.
    outages: Vec<(&'static str, Outage)>,
}

type Outage = Box<dyn Fn() -> Fault + Send>;

impl WireState {
    /// The fault that a request of this operation meets.
    fn fault(&mut self, operation: &str) -> Option<Fault> {
        if let Some(i) = self.faults.iter().position(|(of, _)| *of == operation) {
            return Some(self.faults.remove(i).1);
        }
        let mut outages = self.outages.iter();
        outages
            .find(|(of, _)| *of == operation)
            .map(|(_, fault)| fault())
    }
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

impl Wire {
    /// A wire to the engine that this client reaches. tokio's paused clock stands still while the engine works on a
    /// request, and goes on in a fault.
    pub fn new(engine: SharedHttpClient) -> Self {
        Self {
            engine: SharedHttpClient::new(Still(engine)),
            state: Arc::default(),
        }
    }

    /// Injects this fault into one request of this operation: the next that has no fault yet.
    pub fn next(&self, operation: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.push((operation, fault));
    }

    /// Injects a fault into all requests of this operation that meet no fault of [`next`](Self::next), until
    /// [`restore`](Self::restore).
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{Error, SessionAttributes};
    /// use session_store::test_util::{Fault, TestStore};
    ///
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # #[dynamo(idle_timeout = "30m")]
    /// # struct AppSession {
    /// #     visits: u64,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let test = TestStore::<AppSession>::new().await;
    /// let session = test.store.create(AppSession::default()).await?;
    ///
    /// test.wire.every("GetItem", Fault::throttled);
    /// assert!(test.store.load(session.id()).await.is_err());
    /// test.wire.restore("GetItem");
    /// assert!(test.store.load(session.id()).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn every(&self, operation: &'static str, fault: impl Fn() -> Fault + Send + 'static) {
        self.restore(operation);
        let mut state = self.state.lock().unwrap();
        state.outages.push((operation, Box::new(fault)));
    }

    /// Ends the fault of [`every`](Self::every) request of this operation.
    pub fn restore(&self, operation: &str) {
        let mut state = self.state.lock().unwrap();
        state.outages.retain(|(of, _)| *of != operation);
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
            let fault = state.fault(&operation);
            state.calls.push(Call {
                operation,
                input,
                units: 0.0,
            });
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
                Ok(with_request_id(answer(status, &body)))
            }
            Some(Fault::Body(status, body)) => Ok(with_request_id(answer(status, &body))),
            Some(Fault::Meanwhile(hook)) => {
                hook().await;
                self.engine.call(request).await
            }
            Some(Fault::Edit(edit)) => {
                let (status, body) = self.answered(request).await?;
                let mut body = serde_json::from_slice(&body).unwrap();
                edit(&mut body);
                Ok(answer(status, &body))
            }
            Some(Fault::Late(wait)) => {
                let response = self.engine.call(request).await;
                wait.await;
                response
            }
            Some(Fault::Torn) => {
                let (status, body) = self.answered(request).await?;
                Ok(raw(status, &body[..body.len() / 2]))
            }
            Some(Fault::Truncated(length)) => {
                let (status, body) = self.answered(request).await?;
                Ok(raw(status, &body[..length.min(body.len())]))
            }
            Some(Fault::Foreign(content_type, body)) => {
                let mut response = raw(200, body.as_bytes());
                response.headers_mut().insert("content-type", content_type);
                Ok(response)
            }
            Some(Fault::Damaged(damage)) => {
                let (status, mut body) = self.answered(request).await?;
                let sum = crc32fast::hash(&body).to_string();
                damage(&mut body);
                let mut response = raw(status, &body);
                response.headers_mut().insert("x-amz-crc32", sum);
                Ok(response)
            }
        }
    }
}

impl WireConnector {
    /// The status and the body of the engine's response.
    async fn answered(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), ConnectorError> {
        let mut response = self.engine.call(request).await?;
        let body = ByteStream::new(response.take_body()).collect().await;
        Ok((response.status().as_u16(), body.unwrap().to_vec()))
    }

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

        let (status, body) = self.answered(request).await?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let units = |bill: &Value| bill["CapacityUnits"].as_f64().unwrap_or(0.0);
        self.state.lock().unwrap().calls[call].units = match &body["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().map(units).sum(),
            table => units(table),
        };
        Ok(answer(status, &body))
    }
}

/// DynamoDB gives each request an id.
fn with_request_id(mut response: HttpResponse) -> HttpResponse {
    response
        .headers_mut()
        .insert("x-amzn-requestid", "TEST-REQUEST-ID");
    response
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    raw(status, body.to_string().as_bytes())
}

fn raw(status: u16, body: &[u8]) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
