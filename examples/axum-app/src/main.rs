//! Serves the app on loopback, with the engine that the environment names. `compose.yaml` runs it in a container
//! beside DynamoDB Local.
//!
//! | variable | meaning |
//! |---|---|
//! | `PORT` | the port; 3000 by default, 0 for a free one |
//! | `ADDRESS` | the address to listen on, such as 0.0.0.0 in a container; 127.0.0.1 by default |
//! | `SESSIONS_DB` | the file of an embedded engine |
//! | `DYNAMODB_ENDPOINT` | the address of another engine, where the table is created if it is missing |
//! | `DYNAMODB_LOCAL` | with `1`, that engine needs no credentials of AWS, as DynamoDB Local in another container |
//! | `AWS_REGION` | without the two above: DynamoDB on AWS, where the table must exist |
//! | `DYNAMODB_TABLE` | the name of the table; `app-sessions` by default |
//! | `ADMIN_PASSWORD` | the password of `/admin`, a long one; without it, each start makes one and prints it |
//! | `SESSIONS_CACHE` | for how many seconds a session in memory is used, such as `5`; without it, each page reads its own |
//! | `SESSIONS_SIGNING_KEY` | the key that signs the cookie, 64 bytes in hexadecimal; hosts of one site share it. Without it, the cookie is signed only beside `SESSIONS_CACHE`, by a key of this process: the next start then logs all visitors out |
//! | `METRICS_PORT` | the port of a page for Prometheus, `/metrics`; without it, there is none |
//!
//! Without any of them, the engine is embedded, and in memory. The log is on the standard error.
//!
//! The metrics have a listener of their own, which is on loopback always: they tell how many users there are and how
//! they behave, so that the public must not reach them. In a container, let the collector share its network.

use std::env;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use axum_app::{AdminPassword, AppSession, Store, app_with_signed_cookie, metrics};
use session_store::frameworks::axum::SigningKey;
use session_store::{Cache, DynamoDbStore, Error as StoreError, Touch};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr)
        .init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axum-app: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("  caused by: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let port = match variable("PORT") {
        Some(port) => port
            .parse()
            .map_err(|_| format!("PORT is `{port}`, and no number from 0 to 65535"))?,
        None => 3000,
    };
    let address = match variable("ADDRESS") {
        Some(address) => address
            .parse()
            .map_err(|_| format!("ADDRESS is `{address}`, and no IP address"))?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    // Before the first operation, so that all are counted.
    if let Some(port) = variable("METRICS_PORT") {
        serve_metrics(&port).await?;
    }
    let app = app_with_signed_cookie(store().await?, admin_password()?, signing_key()?).await?;
    let listener = TcpListener::bind((address, port))
        .await
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    // With the address of each visitor, for the list of devices.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            if let Err(error) = stop().await {
                eprintln!("the process stops, since it cannot wait for signals: {error}");
            }
        })
        .await?;
    Ok(())
}

/// The password that the environment gives, or a new one, which only those see who see the output of the process.
fn admin_password() -> Result<AdminPassword, Box<dyn Error>> {
    if let Some(password) = variable("ADMIN_PASSWORD") {
        return Ok(AdminPassword::new(password));
    }
    let password = AdminPassword::random()?;
    eprintln!("the password of /admin is {}", password.expose());
    Ok(password)
}

/// The key that signs the cookie: that of the environment, or with a cache a new one.
fn signing_key() -> Result<Option<SigningKey>, Box<dyn Error>> {
    let Some(key) = variable("SESSIONS_SIGNING_KEY") else {
        let key = variable("SESSIONS_CACHE").map(|_| SigningKey::generate());
        if key.is_some() {
            eprintln!(
                "cookies are signed by a key of this process; set SESSIONS_SIGNING_KEY to keep them"
            );
        }
        return Ok(key);
    };
    let digits = key.as_bytes().chunks(2);
    let bytes = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
    let bytes = bytes.collect::<Option<Vec<_>>>();
    let bytes = bytes.filter(|bytes| bytes.len() == 64);
    let bytes = bytes.ok_or("SESSIONS_SIGNING_KEY is not 64 bytes in hexadecimal, 128 digits")?;
    Ok(Some(SigningKey::from(&bytes)))
}

/// For how long a session in memory is used.
fn cache() -> Result<Option<Cache>, Box<dyn Error>> {
    let Some(time) = variable("SESSIONS_CACHE") else {
        return Ok(None);
    };
    let seconds = time.trim_end_matches('s').parse::<f64>();
    let time = seconds
        .ok()
        .and_then(|s| Duration::try_from_secs_f64(s).ok());
    let time = time.ok_or("SESSIONS_CACHE is no number of seconds, such as `5` or `5s`")?;
    Ok(Some(Cache::for_at_most(time)))
}

/// Counts from now on, and serves the metrics on loopback.
async fn serve_metrics(port: &str) -> Result<(), Box<dyn Error>> {
    let port: u16 = port
        .parse()
        .map_err(|_| format!("METRICS_PORT is `{port}`, and no number from 0 to 65535"))?;
    let recorded = metrics::install()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("cannot listen on port {port} for metrics: {error}"))?;
    eprintln!("metrics on http://{}/metrics", listener.local_addr()?);
    tokio::spawn(metrics::keep_up(recorded.clone()));
    tokio::spawn(axum::serve(listener, metrics::page(recorded)).into_future());
    Ok(())
}

/// When a visit that changes nothing is written. Without this, it is after a tenth of the idle timeout, which is three
/// days for a user who is remembered: too long for a list of devices that shows the last activity.
const TOUCH: Touch = Touch::Every(Duration::from_secs(3 * 60));

/// The store that the environment names, with its table.
async fn store() -> Result<Store, Box<dyn Error>> {
    let builder = DynamoDbStore::<AppSession>::builder();
    // The capacity is for the spans and the metrics; it costs nothing.
    let mut builder = builder.report_capacity().touch(TOUCH);
    if let Some(cache) = cache()? {
        builder = builder.cache(cache);
    }
    if let Some(table) = variable("DYNAMODB_TABLE") {
        builder = builder.table_name(table);
    }
    match (variable("DYNAMODB_ENDPOINT"), variable("SESSIONS_DB")) {
        (Some(_), Some(_)) => {
            Err("DYNAMODB_ENDPOINT and SESSIONS_DB are both set; unset one of them".into())
        }
        (Some(url), None) => {
            let builder = builder.endpoint(url);
            let store = match variable("DYNAMODB_LOCAL").as_deref() {
                Some("1") => builder.local_credentials().build().await?,
                _ => builder.build().await?,
            };
            match store.create_table().await {
                // An engine without TTL is good enough to try the app.
                Err(StoreError::Setup(e)) if e.is_ttl_unsupported() => {}
                created => created?,
            }
            Ok(store)
        }
        (None, Some(path)) => Ok(builder.embedded_at(path).build().await?),
        (None, None) if variable("AWS_REGION").is_some() => {
            let store = builder.from_env().build().await?;
            // The app does not create a table on AWS, since that costs money.
            store.verify_table().await?;
            Ok(store)
        }
        (None, None) => Ok(builder.embedded().build().await?),
    }
}

/// A variable of the environment; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns when this process is asked to end.
async fn stop() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
