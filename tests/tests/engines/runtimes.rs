//! A store in a `static`, as in the tests of many applications: its connections belong to the runtimes that opened
//! them, and these end one after another. And a store without a runtime.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use session_store::{DynamoDbStore, Error, SessionId};
use session_store_tests::chain;
use tokio::runtime::{Builder, Runtime};

use crate::App;

/// An engine on loopback that finds no item, as often as it is asked, and counts the requests.
struct Engine {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Engine {
    /// It waits this long before each answer.
    fn that_waits(wait: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || answer_all(connection, wait, &count));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer_all(connection: TcpStream, wait: Duration, count: &AtomicUsize) -> std::io::Result<()> {
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        requests.read_exact(&mut vec![0; length])?;
        count.fetch_add(1, Ordering::SeqCst);
        thread::sleep(wait);
        answers.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}",
        )?;
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn store(engine: &Engine) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::<App>::builder().endpoint(&engine.url);
    builder.build().await.unwrap()
}

fn id() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

#[test]
fn a_runtime_that_has_ended_leaves_no_connection_to_the_next() {
    let engine = Engine::that_waits(Duration::ZERO);
    let first = runtime();
    let store = first.block_on(store(&engine));
    for runtime in [first, runtime(), runtime()] {
        let loaded = runtime.block_on(store.load(&id()));
        assert!(loaded.unwrap().is_none());
    }
    assert_eq!(engine.asked(), 3);
}

/// The request waits in the queue of a connection whose runtime does not run, and then ends.
#[test]
fn a_request_that_was_not_sent_before_its_runtime_ended_is_sent_by_another_connection() {
    let engine = Engine::that_waits(Duration::ZERO);
    let first = runtime();
    let store = first.block_on(async {
        let store = store(&engine).await;
        store.load(&id()).await.unwrap();
        store
    });
    let ends = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(first);
    });
    let loaded = runtime().block_on(store.load(&id()));
    assert!(loaded.unwrap().is_none());
    ends.join().unwrap();
    assert_eq!(engine.asked(), 2);
}

/// The connection's runtime ends between the request and its answer: the engine has been asked, so that a write
/// may have been applied.
#[test]
fn a_request_whose_connection_lost_its_runtime_can_be_tried_again() {
    let engine = Engine::that_waits(Duration::from_millis(600));
    let first = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let store = first.block_on(async {
        let store = store(&engine).await;
        store.load(&id()).await.unwrap();
        store
    });
    let asked = Arc::clone(&engine.asked);
    let ends = thread::spawn(move || {
        while asked.load(Ordering::SeqCst) < 2 {
            thread::sleep(Duration::from_millis(10));
        }
        first.shutdown_background();
    });
    let deleted = runtime().block_on(store.delete(&id()));
    ends.join().unwrap();
    // The SDK does not send it again by itself.
    if let Err(error) = deleted {
        let Error::Service(error) = error else {
            panic!("{error:?}");
        };
        assert!(error.is_retryable() && error.outcome_unknown(), "{error:?}");
        let text = chain(&error);
        assert!(
            text.contains("runtime") && !text.contains("credentials"),
            "{text}"
        );
    }
    assert!(runtime().block_on(store.load(&id())).unwrap().is_none());
}

/// Nothing listens: nothing was sent, so that no write can have been applied.
#[test]
fn a_request_that_found_no_server_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = runtime().block_on(async {
        let store = DynamoDbStore::<App>::builder().endpoint(url).build();
        store.await.unwrap().load(&id()).await.unwrap_err()
    });
    let Error::Service(error) = error else {
        panic!("{error:?}");
    };
    assert!(
        error.is_retryable() && !error.outcome_unknown(),
        "{error:?}"
    );
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

/// The SDK would panic. The error is there at the first poll.
#[test]
fn without_a_runtime_each_call_is_an_error_that_says_so() {
    fn poll<T>(future: impl Future<Output = T>) -> T {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("it waits"),
        }
    }
    fn says_so<T: std::fmt::Debug>(done: Result<T, Error>) {
        let text = done.unwrap_err().to_string();
        assert!(text.contains("no tokio runtime runs here"), "{text}");
    }

    let builder = || DynamoDbStore::<App>::builder();
    says_so(poll(builder().endpoint("http://127.0.0.1:8000").build()));
    says_so(poll(builder().embedded().build()));

    let runtime = runtime();
    let store = runtime.block_on(builder().embedded().build()).unwrap();
    let mut session = runtime.block_on(store.create(App::default())).unwrap();
    let (id, handle) = (session.id().clone(), session.handle());
    says_so(poll(store.load(&id)));
    says_so(poll(store.create(App::default())));
    says_so(poll(store.cycle_id(&mut session)));
    says_so(poll(store.update(&id, |_| ())));
    says_so(poll(store.delete(&id)));
    says_so(poll(store.revoke_handle(&handle)));
    says_so(poll(store.sessions(App::USER_ID, "u").all()));
    says_so(poll(store.revoke(App::USER_ID, "u").into_future()));
    says_so(poll(store.create_table()));
    says_so(poll(store.verify_table()));
    assert!(runtime.block_on(store.load(&id)).unwrap().is_some());
}
