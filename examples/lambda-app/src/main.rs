//! Serves the app as a Lambda function behind API Gateway (HTTP API) or a function URL; elsewhere, over
//! plain HTTP on loopback.
//!
//! | variable | meaning |
//! |---|---|
//! | `DYNAMODB_TABLE` | the table on AWS, which must exist; without it, sessions are in memory |
//! | `PORT` | the port outside Lambda; 3000 by default, 0 for a free one |
//!
//! `AWS_REGION` does not choose the engine here, unlike in `axum-app`, because Lambda always sets it. With
//! sessions in memory, each instance of a function has its own, and they end with it.

use std::env;
use std::net::Ipv4Addr;

use lambda_app::{AppSession, app};
use session_store::DynamoDbStore;
use session_store::frameworks::axum::SessionLayer;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let builder = DynamoDbStore::<AppSession>::builder();
    let store = match env::var("DYNAMODB_TABLE") {
        Ok(table) => builder.from_env().table_name(table).build().await?,
        Err(_) => {
            eprintln!(
                "DYNAMODB_TABLE is not set: sessions are in memory, and end with this process"
            );
            builder.embedded().build().await?
        }
    };
    let sessions = SessionLayer::new(store);
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        lambda_http::tracing::init_default_subscriber();
        return lambda_http::run(app(sessions)).await;
    }
    let port = match env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 3000,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(sessions.dev())).await?;
    Ok(())
}
