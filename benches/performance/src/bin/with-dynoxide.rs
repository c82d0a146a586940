//! Runs a command against the embedded engine in a separate process, like `with-dynamodb-local` for
//! DynamoDB Local.

use std::process::ExitCode;

use dynoxide::Database;
use dynoxide::server::serve_with_shutdown;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (done, ends) = oneshot::channel::<()>();
    let server = tokio::spawn(serve_with_shutdown(
        listener,
        Database::memory().unwrap(),
        async { drop(ends.await) },
    ));
    let mut arguments = std::env::args_os().skip(1);
    let mut command = Command::new(arguments.next().expect("a command"));
    command
        .args(arguments)
        .env("SESSION_STORE_ENDPOINT", endpoint);
    let status = command.status().await.unwrap();
    drop(done);
    server.await.unwrap().unwrap();
    match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
