//! G17. A log-out by an id from many new ids ago.

use session_store::Error;
use session_store_tests::TestBench;

use crate::App;

/// One browser sends twenty-five log-ins at once, or a tab is open while others renew their id.
#[tokio::test]
async fn a_log_out_follows_as_many_new_ids_as_a_browser_can_have() {
    for count in [9, 25] {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        let first = session.id().clone();
        for _ in 0..count {
            bench.store.cycle_id(&mut session).await.unwrap();
        }
        bench.store.delete(&first).await.unwrap();
        assert!(bench.items().await.is_empty(), "after {count} new ids");
    }
}

/// There is a bound, and beyond it the log-out says that it has failed.
#[tokio::test]
async fn a_log_out_that_finds_no_end_is_an_error() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let first = session.id().clone();
    for _ in 0..45 {
        bench.store.cycle_id(&mut session).await.unwrap();
    }
    let ended = bench.store.delete(&first).await;
    assert!(matches!(ended, Err(Error::Conflict(_))), "{ended:?}");
    assert_eq!(bench.items().await.len(), 1);
}
