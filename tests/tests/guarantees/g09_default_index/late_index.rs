//! An index that is behind the table: it lacks a new session, or shows one that has moved or ended.

use std::num::NonZeroUsize;
use std::time::Duration;

use session_store_tests::{Fault, TestBench};

use super::{log_in, not_yet, still};
use crate::App;

#[tokio::test]
async fn a_late_index_misses_a_new_session() {
    let bench = TestBench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 2).await;
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert!(bench.store.load(sessions[1].id()).await.unwrap().is_some());
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
}

#[tokio::test]
async fn a_late_index_ends_no_session_that_has_moved() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();

    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        0
    );
    bench.wire.next("Query", still(session.handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.moved()), (0, 1));
    assert!(bench.store.load(session.id()).await.unwrap().is_some());

    session.user_id = None;
    bench.store.save(&mut session).await.unwrap();
    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-18")
            .await
            .unwrap()
            .moved(),
        1
    );
}

#[tokio::test]
async fn a_late_index_shows_a_session_that_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        0
    );
    bench.wire.next("Query", still(session.handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (0, 1));
}

/// A session that the index did not show yet is missed without a second pass, and found with it.
#[tokio::test]
async fn a_second_pass_finds_a_session_that_the_index_showed_late() {
    let bench = TestBench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 3).await;
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 2);
    assert!(bench.store.load(sessions[1].id()).await.unwrap().is_some());

    let new = log_in(&bench, "u-17", 2).await;
    bench.wire.clear();
    bench.wire.next("Query", not_yet(new[0].handle()));
    // The second time, the index still shows a session that the first pass has ended.
    bench.wire.next("Query", still(new[1].handle()));
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    let revoked = revoke.sweep_after(Duration::from_millis(1)).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (3, 0));
    assert!(bench.items().await.is_empty());
}

/// A session that could not be ended at first is no longer a failure when the second pass ends it.
#[tokio::test]
async fn a_second_pass_ends_a_session_that_could_not_be_ended_at_first() {
    let bench = TestBench::<App>::new().await;
    log_in(&bench, "u-17", 2).await;
    for _ in 0..3 {
        bench.wire.next("DeleteItem", Fault::Refuse);
    }
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    let one_by_one = NonZeroUsize::MIN;
    let revoke = revoke
        .in_flight(one_by_one)
        .sweep_after(Duration::from_millis(1));
    let revoked = revoke.await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
}
