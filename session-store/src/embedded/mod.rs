//! DynamoDB in this process, for development and tests: no server, no socket, no account.
//!
//! [`Builder::embedded`](crate::Builder::embedded) and
//! [`embedded_at`](crate::Builder::embedded_at) are enough for most programs. Use [`Embedded`] to build
//! your own client on it, with another clock or with interceptors.
//!
//! # What differs from DynamoDB
//!
//! - Its clock is that of the client which calls it.
//! - It never throttles, and no two transactions conflict. The wire of `test-util` injects that.
//! - Indexes are always up to date.
//! - A table or an index can be used as soon as it is made.
//! - It does not check signatures, permissions and regions.
//! - Reserved words are accepted in expressions.
//! - An expired item stays until the file is used the next time, or has grown; in memory it stays. The store does not
//!   see it.
//! - Of DynamoDB's operations it has those on items, tables, indexes and the TTL. It has no streams, backups, PartiQL
//!   and local secondary indexes.

mod engine;
mod file;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, RuntimeComponents};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use self::engine::Engine;
use self::file::Journal;
use crate::error::{Cause, Error};

/// DynamoDB in this process. The SDK calls it in place of HTTP.
///
/// All clones share one database. It answers before the call returns: it has no thread, and nothing waits for it.
///
/// A database in a file is in memory as well, and each write is appended to the file, by the thread that calls. It
/// survives the end of the process, however that ends, but perhaps not a loss of power. One process has the file at a time, and opens it as often as
/// it likes.
#[derive(Clone)]
pub struct Embedded(Arc<Mutex<Database>>);

/// The tables, and where they are kept.
struct Database {
    engine: Engine,
    kept: Kept,
    /// What has expired in the file is still there. The first client tells the time.
    is_unswept: bool,
}

/// The databases in files that this process has open.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Mutex<Database>>>>> =
    LazyLock::new(Mutex::default);

enum Kept {
    InMemory,
    InFile(Journal),
    /// [`Embedded::close`] was called.
    Closed,
}

impl Embedded {
    /// A new, empty database in memory.
    ///
    /// # Errors
    ///
    /// None at present.
    pub async fn memory() -> Result<Self, Error> {
        Ok(Self::of(Engine::new(), Kept::InMemory))
    }

    /// The database in this file, which is created if it is not there. If this process has it open, it is the same
    /// one.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`], with the path, at once: if the path is empty or names a folder, if the file cannot be opened
    /// for writing, if another process has it, if it holds anything but such a database, or if it is damaged. The file
    /// is then as it was.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = file::known_path(path.as_ref())?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, database| database.strong_count() > 0);
        let shared = open.get(&path).and_then(Weak::upgrade).map(Self);
        if let Some(shared) = shared.filter(|shared| !matches!(shared.lock().kept, Kept::Closed)) {
            return Ok(shared);
        }
        let (journal, engine) = Journal::open(path.clone())?;
        let embedded = Self::of(engine, Kept::InFile(journal));
        open.insert(path, Arc::downgrade(&embedded.0));
        Ok(embedded)
    }

    /// Writes the file to the disk, and closes it for all clones: another process can open it. Requests that come later
    /// fail.
    ///
    /// It is not needed: the file is closed when the last clone and the last client are dropped, and every
    /// write is in it by then.
    ///
    /// ```no_run
    /// use session_store::embedded::Embedded;
    ///
    /// # async fn close() -> Result<(), session_store::Error> {
    /// // The database of a store that was built by `embedded_at("sessions.db")`.
    /// Embedded::open("sessions.db").await?.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setup`], with the path, if it cannot be written. It is closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        match std::mem::replace(&mut self.lock().kept, Kept::Closed) {
            Kept::InFile(journal) => Ok(journal.close()?),
            Kept::InMemory | Kept::Closed => Ok(()),
        }
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

    /// The status and the body of the answer to a request in JSON at this time, in milliseconds since 1970; for
    /// comparisons of engines.
    #[doc(hidden)]
    pub fn answer(&self, operation: &str, body: &[u8], now: u64) -> (u16, String) {
        let answer = self.lock().answer(operation, body, now);
        answer.unwrap_or_else(|error| (0, error.to_string()))
    }

    fn of(engine: Engine, kept: Kept) -> Self {
        let is_unswept = matches!(kept, Kept::InFile(_));
        Self(Arc::new(Mutex::new(Database {
            engine,
            kept,
            is_unswept,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({:p})", Arc::as_ptr(&self.0))
    }
}

impl Database {
    /// Carries out a request, and keeps what it has changed. Gives the status and the body of the answer.
    fn answer(
        &mut self,
        operation: &str,
        body: &[u8],
        now: u64,
    ) -> Result<(u16, String), ConnectorError> {
        if let Kept::Closed = self.kept {
            return Err(ConnectorError::io("the embedded database is closed".into()));
        }
        let failed = |error: io::Error| ConnectorError::other(Cause::from(error), None);
        if let Kept::InFile(journal) = &mut self.kept
            && std::mem::take(&mut self.is_unswept)
        {
            journal.sweep(&mut self.engine, now).map_err(failed)?;
        }
        let answer = match self.engine.execute(operation, body, now) {
            Ok(body) => (200, body),
            Err(error) => return Ok((error.status(), error.body())),
        };
        if let Kept::InFile(journal) = &mut self.kept {
            let kept = journal.append(operation, body, &mut self.engine, now);
            kept.map_err(failed)?;
        }
        Ok(answer)
    }
}

/// In milliseconds since 1970.
fn millis(time: SystemTime) -> u64 {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl HttpClient for Embedded {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let clock = components.time_source();
        SharedHttpConnector::new(Connector {
            embedded: self.clone(),
            clock: clock.unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
        })
    }
}

/// The database, as a client with this clock reaches it.
#[derive(Debug)]
struct Connector {
    embedded: Embedded,
    clock: SharedTimeSource,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let now = millis(self.clock.now());
        let answer = self.embedded.lock().answer(operation, body, now);
        HttpConnectorFuture::ready(answer.and_then(|(status, body)| response(status, body)))
    }
}

fn response(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into();
    let status = status.map_err(|error| ConnectorError::other(Cause::from(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
