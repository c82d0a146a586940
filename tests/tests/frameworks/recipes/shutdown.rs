//! A shut-down that waits for what is being stored.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, EndSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};
use tokio::net::TcpListener;
use tokio::time::timeout;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    visits: u64,
}

async fn serve(
    listener: TcpListener,
    store: DynamoDbStore<Visitor>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let sessions = SessionLayer::new(store);
    let app = routes().layer(sessions.clone());
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    // The clients have their responses, or have hung up. What the latter have begun to store goes on in tasks,
    // which end with the runtime.
    if timeout(Duration::from_secs(10), sessions.wait_until_stored())
        .await
        .is_err()
    {
        tracing::error!("the program ends before all sessions are stored");
    }
    Ok(())
}

fn routes() -> Router {
    Router::new()
        .route("/logout", post(log_out))
        .route("/visit", post(visit))
}

async fn log_out(session: EndSession<Visitor>) {
    session.end();
}

async fn visit(mut session: CurrentSession<Visitor>) {
    session.visits += 1;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use session_store_tests::{Fault, TestBench};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    use super::*;

    /// The client hangs up while its request is stored, and the program gets its stop signal.
    async fn hang_up_and_stop(path: &str, operation: &'static str) -> Option<u64> {
        let bench = TestBench::<Visitor>::new().await;
        let session = bench.store.create(Visitor::default()).await.unwrap();
        let (stop, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let begins = Arc::clone(&begun);
        let slow = async move || {
            begins.notify_one();
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        bench.wire.next(operation, Fault::meanwhile(slow));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let signal = Arc::clone(&stop);
        let stopped = async move { signal.notified().await };
        let server = tokio::spawn(serve(listener, bench.store.clone(), stopped));

        let mut client = TcpStream::connect(address).await.unwrap();
        let cookie = session.id().expose();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\ncookie: __Host-session-Visitor={cookie}\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        begun.notified().await;
        drop(client);
        stop.notify_one();
        server.await.unwrap().unwrap();
        let stored = bench.store.load(session.id()).await.unwrap();
        stored.map(|session| session.visits)
    }

    #[tokio::test]
    async fn g17_a_log_out_of_a_client_that_has_hung_up_is_carried_out_before_the_program_ends() {
        assert_eq!(hang_up_and_stop("/logout", "DeleteItem").await, None);
    }

    #[tokio::test]
    async fn a_write_of_a_client_that_has_hung_up_is_done_before_the_program_ends() {
        assert_eq!(hang_up_and_stop("/visit", "UpdateItem").await, Some(1));
    }
}
