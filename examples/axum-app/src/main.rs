//! Serves the app on loopback, with the engine that the environment names.
//!
//! | variable | meaning |
//! |---|---|
//! | `PORT` | the port; 3000 by default, 0 for a free one |
//! | `SESSIONS_DB` | the file of an embedded engine |
//! | `DYNAMODB_ENDPOINT` | the address of another engine, where the table is created if it is missing |
//! | `AWS_REGION` | without the two above: DynamoDB on AWS, where the table must exist |
//! | `DYNAMODB_TABLE` | the name of the table; `app-sessions` by default |
//!
//! Without any of them, the engine is embedded, and in memory.

use std::env;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use axum_app::{AppSession, Store, app};
use session_store::{DynamoDbStore, Error as StoreError};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
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
    let store = store().await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(store))
        .with_graceful_shutdown(async {
            if let Err(error) = stop().await {
                eprintln!("the process stops, since it cannot wait for signals: {error}");
            }
        })
        .await?;
    Ok(())
}

/// The store that the environment names, with its table.
async fn store() -> Result<Store, Box<dyn Error>> {
    let mut builder = DynamoDbStore::<AppSession>::builder();
    if let Some(table) = variable("DYNAMODB_TABLE") {
        builder = builder.table_name(table);
    }
    match (variable("DYNAMODB_ENDPOINT"), variable("SESSIONS_DB")) {
        (Some(_), Some(_)) => {
            Err("DYNAMODB_ENDPOINT and SESSIONS_DB are both set; unset one of them".into())
        }
        (Some(url), None) => {
            let store = builder.endpoint(url).build().await?;
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
