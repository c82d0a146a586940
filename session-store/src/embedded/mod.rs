//! DynamoDB in this process, for development and tests: no server, no socket, no account.
//!
//! [`Builder::embedded`](crate::Builder::embedded) and
//! [`embedded_at`](crate::Builder::embedded_at) are enough for most programs. Use [`Embedded`] to build
//! your own client on it, with another clock or with interceptors.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::error::{Cause, Error, SetupError};

/// DynamoDB on SQLite in this process. The SDK calls it in place of HTTP.
///
/// All clones share one database. When the last clone and the last client on it are dropped, the database
/// is closed, and its thread has ended.
///
/// It does not check signatures and never throttles, and its indexes are always up to date.
#[derive(Clone)]
pub struct Embedded(Arc<Worker>);

impl Embedded {
    /// A new, empty database in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if SQLite or the thread for it cannot be started.
    pub async fn memory() -> Result<Self, Error> {
        Self::start(Database::memory).await
    }

    /// The database in this file, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if the path is empty, if the file cannot be opened or is not a database, or if the thread for
    /// it cannot be started.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_str().map(str::to_owned);
        let path = path.ok_or_else(|| {
            SetupError::new("the path of the embedded database is not UTF-8; choose another path")
        })?;
        // SQLite takes it for a temporary file, and every session would be lost with the process.
        if path.is_empty() {
            let text = "the path of the embedded database is empty; give the path of a file";
            return Err(SetupError::new(text).into());
        }
        Self::start(move || Database::new(&path)).await
    }

    /// A configuration of the SDK with this database as its HTTP client, and placeholders for
    /// region and credentials.
    pub fn config(&self) -> Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(
                "embedded", "embedded", None, None, "embedded",
            ))
            .http_client(self.clone())
    }

    /// A client on this database.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(self.config().build())
    }

    async fn start(
        open: impl FnOnce() -> Result<Database, DynoxideError> + Send + 'static,
    ) -> Result<Self, Error> {
        let failed = |cause: Cause| {
            let message =
                "the embedded database cannot be opened; the source of this error says why";
            SetupError::with_cause(message, cause)
        };
        let (jobs, queue) = mpsc::channel();
        let (opened, ready) = oneshot::channel();
        let serve = move || match open() {
            Ok(database) => {
                // The caller may be gone. Then the queue is closed as well.
                let _ = opened.send(Ok(()));
                serve(&database, &queue);
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name("session-store-embedded".to_owned());
        let thread = thread.spawn(serve).map_err(|error| failed(error.into()))?;
        let worker = Worker {
            jobs: Some(jobs),
            thread: Some(thread),
        };
        match ready.await {
            Ok(Ok(())) => Ok(Self(Arc::new(worker))),
            Ok(Err(error)) => Err(failed(error.into()).into()),
            Err(error) => Err(failed(error.into()).into()),
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded")
    }
}

/// The thread that owns the database. SQLite blocks, and takes one request at a time.
struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    operation: String,
    body: Vec<u8>,
    respond: oneshot::Sender<EngineResponse>,
}

struct EngineResponse {
    status: u16,
    body: String,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without senders, the thread ends and closes the file. The drop waits for that.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the embedded database has panicked");
        }
    }
}

fn serve(database: &Database, queue: &mpsc::Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        let response = match execute(database, &job.operation, &job.body) {
            Ok(body) => EngineResponse { status: 200, body },
            Err(error) => EngineResponse {
                status: error.status_code(),
                body: error.to_json(),
            },
        };
        // The caller may be gone.
        let _ = job.respond.send(response);
    }
}

fn execute(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => encode(&database.$method(decode(body)?)?),)*
                _ => Err(DynoxideError::SerializationException(format!(
                    "the embedded database has no operation `{operation}`"
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

impl HttpClient for Embedded {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (respond, responded) = oneshot::channel();
        let job = Job {
            operation: target.rsplit('.').next().unwrap_or_default().to_owned(),
            body: request.body().bytes().unwrap_or_default().to_owned(),
            respond,
        };
        let sent = self
            .0
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok());
        HttpConnectorFuture::new(async move {
            let closed = || ConnectorError::io("the embedded database is closed".into());
            if !sent {
                return Err(closed());
            }
            http_response(responded.await.map_err(|_| closed())?)
        })
    }
}

fn http_response(response: EngineResponse) -> Result<HttpResponse, ConnectorError> {
    let status = response.status.try_into();
    let status = status.map_err(|error| ConnectorError::other(Cause::from(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(response.body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
