//! The cost of each request, as AWS would bill it.

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
use serde_json::Value;

use crate::engine::Engine;

/// The wire to the engine, which asks for the cost of each request. All clones share one record.
///
/// The count of an engine is corrected where it differs from AWS. AWS bills a refused write as if it had
/// been carried out, and the engines bill none. AWS bills a transaction twice, and DynamoDB Local once. AWS
/// bills half a unit for a query that finds nothing, or one if it is consistent, and DynamoDB Local none.
#[derive(Clone)]
pub struct Meter {
    engine: SharedHttpClient,
    which: Engine,
    charges: Arc<Mutex<Vec<Charge>>>,
}

/// A request, and its cost.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The DynamoDB operation, such as `GetItem`.
    pub operation: String,
    /// Its read units.
    pub read: f64,
    /// Its write units.
    pub write: f64,
}

impl Meter {
    /// A meter between a client and this engine.
    pub fn new(engine: SharedHttpClient, which: Engine) -> Self {
        Self {
            engine,
            which,
            charges: Arc::default(),
        }
    }

    /// Takes the requests so far.
    pub fn charges(&self) -> Vec<Charge> {
        std::mem::take(&mut self.charges.lock().unwrap())
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl HttpClient for Meter {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let line = self.engine.http_connector(settings, components);
        let meter = self.clone();
        SharedHttpConnector::new(Line { line, meter })
    }
}

#[derive(Clone, Debug)]
struct Line {
    line: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move { line.carry(request).await })
    }
}

impl Line {
    async fn carry(&self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let mut input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        input["ReturnConsumedCapacity"] = "TOTAL".into();
        let text = input.to_string();
        let length = text.len().to_string();
        request.headers_mut().insert("content-length", length);
        *request.body_mut() = SdkBody::from(text);

        let mut response = self.line.call(request).await?;
        let body = ByteStream::new(response.take_body()).collect().await;
        let body = body.unwrap().into_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let units = self.meter.units(&operation, &input, &answer);
        let (read, write) = match operation.as_str() {
            "GetItem" | "BatchGetItem" | "Query" | "Scan" => (units, 0.0),
            _ => (0.0, units),
        };
        let mut charges = self.meter.charges.lock().unwrap();
        charges.push(Charge {
            operation,
            read,
            write,
        });
        *response.body_mut() = SdkBody::from(body);
        Ok(response)
    }
}

impl Meter {
    fn units(&self, operation: &str, input: &Value, answer: &Value) -> f64 {
        let units = |bill: &Value| bill["CapacityUnits"].as_f64();
        let billed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().map(units).sum(),
            table => units(table),
        };
        match (operation, billed, self.which) {
            ("Query", Some(0.0) | None, _) => match input["ConsistentRead"].as_bool() {
                Some(true) => 1.0,
                _ => 0.5,
            },
            ("TransactWriteItems", Some(once), Engine::DynamoDbLocal) => 2.0 * once,
            (_, Some(billed), _) => billed,
            (_, None, _) if answer["__type"].is_null() => 0.0, // a request for the table, not for its items
            (_, None, _) => refused(answer),
        }
    }
}

/// The only refusals in a visit are those of a write to an absent item, and to a roster with one entry: one unit.
fn refused(answer: &Value) -> f64 {
    let kind = answer["__type"].as_str().unwrap_or_default();
    assert!(
        kind.ends_with("ConditionalCheckFailedException"),
        "{answer}"
    );
    let item = &answer["Item"];
    let is_small = item.is_null() || item["m"].is_object() && item.to_string().len() < 1_000;
    assert!(is_small, "a refusal by an item: {answer}");
    1.0
}
