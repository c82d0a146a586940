//! Loads that share their reads, if the store is told so: each sees every write that was acknowledged
//! before it came (G3, G10), and their cost is known (G14).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use session_store::{DynamoDbStore, Error, SessionId};
use session_store_tests::{Fault, TestBench};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::App;

async fn store(bench: &TestBench<App>) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.share_loads(true).build().await.unwrap()
}

/// Holds the next read until it is released.
fn hold(bench: &TestBench<App>) -> Arc<Notify> {
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let hold = move || async move { wait.notified().await };
    bench.wire.next("GetItem", Fault::meanwhile(hold));
    go
}

type Loaded = Result<Option<u64>, Error>;

fn load(store: &DynamoDbStore<App>, id: &SessionId) -> JoinHandle<Loaded> {
    let (store, id) = (store.clone(), id.clone());
    tokio::spawn(async move {
        let loaded = store.load(&id).await?;
        Ok(loaded.map(|session| session.visits))
    })
}

/// Lets all other tasks run until they wait.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn concurrent_loads_share_a_read_that_is_sent_after_they_came() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench).await;
    let session = store.create(App::default()).await.unwrap();
    bench.wire.clear();

    let go = hold(&bench);
    let first = load(&store, session.id());
    settle().await;
    // By another store, which does not know these reads.
    bench
        .store
        .update(session.id(), |app| app.visits = 1)
        .await
        .unwrap();
    let later: Vec<_> = (0..49).map(|_| load(&store, session.id())).collect();
    settle().await;
    let reads = |bench: &TestBench<App>| {
        let operations = bench.wire.operations();
        operations
            .iter()
            .filter(|operation| *operation == "GetItem")
            .count()
    };
    assert_eq!(reads(&bench), 2, "the held read, and that of the update");
    go.notify_one();

    first
        .await
        .unwrap()
        .unwrap()
        .expect("the session exists all the time");
    for later in join_all(later).await {
        assert_eq!(later.unwrap().unwrap(), Some(1), "it came after the write");
    }
    assert_eq!(reads(&bench), 3);
}

#[tokio::test]
async fn loads_of_different_sessions_and_single_loads_do_not_wait() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench).await;
    let one = store.create(App::default()).await.unwrap();
    let other = store.create(App::default()).await.unwrap();
    bench.wire.clear();
    let go = hold(&bench);
    let held = load(&store, one.id());
    settle().await;
    assert!(store.load(other.id()).await.unwrap().is_some());
    go.notify_one();
    held.await.unwrap().unwrap();
    for _ in 0..3 {
        assert!(store.load(one.id()).await.unwrap().is_some());
    }
    assert_eq!(bench.wire.calls().len(), 5);
}

#[tokio::test]
async fn a_dropped_load_does_not_hold_up_the_others() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench).await;
    let session = store.create(App::default()).await.unwrap();
    let go = hold(&bench);
    let held = load(&store, session.id());
    settle().await;
    let waiting = load(&store, session.id());
    let given_up = load(&store, session.id());
    settle().await;
    given_up.abort();
    held.abort();
    settle().await;
    go.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap(), Some(0));

    // All of them are dropped.
    let _go = hold(&bench);
    let held = load(&store, session.id());
    settle().await;
    let waiting = load(&store, session.id());
    settle().await;
    held.abort();
    waiting.abort();
    settle().await;
    assert!(store.load(session.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_failed_shared_read_fails_only_the_loads_that_share_it() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench).await;
    let session = store.create(App::default()).await.unwrap();
    let go = hold(&bench);
    let first = load(&store, session.id());
    settle().await;
    for _ in 0..3 {
        bench.wire.next("GetItem", Fault::throttled());
    }
    let later: Vec<_> = (0..5).map(|_| load(&store, session.id())).collect();
    settle().await;
    go.notify_one();
    assert_eq!(first.await.unwrap().unwrap(), Some(0));
    for later in join_all(later).await {
        match later.unwrap() {
            Err(Error::Service(error)) => assert!(error.is_throttled()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(load(&store, session.id()).await.unwrap().unwrap(), Some(0));
}
