//! [dynoxide](https://docs.rs/dynoxide-rs), another engine with DynamoDB's interface, on SQLite in memory. The embedded
//! engine is compared with it, and `SESSION_STORE_ENGINE=dynoxide` runs the tests on it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A database of dynoxide. It answers before the call returns, and its clock is the system's.
#[derive(Clone)]
pub struct Dynoxide(Arc<Mutex<Database>>);

impl Dynoxide {
    /// A new, empty database.
    pub fn memory() -> Self {
        let database = Database::memory().expect("SQLite starts");
        Self(Arc::new(Mutex::new(database)))
    }

    /// The status and the body of the answer to a request in JSON.
    pub fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let database = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match execute(&database, operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }
}

impl fmt::Debug for Dynoxide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dynoxide")
    }
}

fn execute(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => encode(&database.$method(decode(body)?)?),)*
                _ => Err(DynoxideError::SerializationException(format!(
                    "the tests do not call the operation `{operation}` of dynoxide; add it to tests/src/dynoxide.rs"
                ))),
            }
        };
    }
    operations! {
        "GetItem" => get_item,
        "PutItem" => put_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "Query" => query,
        "Scan" => scan,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
        "UpdateTable" => update_table,
        "DeleteTable" => delete_table,
        "ListTables" => list_tables,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body)
        .map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn encode<T: Serialize>(output: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(output)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

impl HttpClient for Dynoxide {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Dynoxide {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let (status, body) = self.answer(operation, body);
        let status = status.try_into().expect("a status of HTTP");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        let headers = response.headers_mut();
        headers.insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}
