//! Revoking the sessions of a value: the right ones, despite throttling, with exact reports.

use std::num::NonZeroUsize;
use std::time::Duration;

use session_store::Session;
use session_store_tests::{Fault, TestBench};

use super::log_in;
use crate::App;

#[tokio::test]
async fn revoke_ends_all_sessions_of_one_user_and_of_no_other() {
    let bench = TestBench::<App>::new().await;
    let mine = log_in(&bench, "u-17", 3).await;
    let other = log_in(&bench, "u-18", 1).await;
    let revoked = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .except(&mine[1])
        .await
        .unwrap();
    assert_eq!(
        (revoked.deleted(), revoked.already_gone(), revoked.moved()),
        (2, 0, 0)
    );
    assert!(revoked.failed().is_empty());
    for (session, live) in [
        (&mine[0], false),
        (&mine[1], true),
        (&mine[2], false),
        (&other[0], true),
    ] {
        assert_eq!(
            bench.store.load(session.id()).await.unwrap().is_some(),
            live
        );
    }
    let spared = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .except_handle(mine[1].handle())
        .await
        .unwrap();
    assert_eq!(spared.deleted(), 0);
    let last = bench
        .store
        .revoke(App::USER_ID, String::from("u-17"))
        .except_handle(mine[0].handle())
        .await
        .unwrap();
    assert_eq!(last.deleted(), 1);
}

#[tokio::test]
async fn sessions_that_could_not_be_ended_are_reported() {
    let bench = TestBench::<App>::new().await;
    log_in(&bench, "u-17", 3).await;
    // Each fails in every attempt of the store, and of the SDK.
    for _ in 0..3 * 8 * 3 {
        bench.wire.next("DeleteItem", Fault::throttled());
    }
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (0, 3));
    let left: Vec<_> = bench.items().await;
    for failure in revoked.failed() {
        assert!(
            left.iter()
                .any(|item| item["id"].as_s().unwrap() == &failure.handle().to_string())
        );
        match failure.error() {
            session_store::Error::Service(error) => {
                assert!(error.is_throttled() && error.is_retryable())
            }
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        3
    );
}

/// A button for each line of "your devices", and a user who sends the handle of another user's session.
#[tokio::test]
async fn revoke_only_ends_one_session_and_none_of_another_user() {
    let bench = TestBench::<App>::new().await;
    let mine = log_in(&bench, "u-17", 2).await;
    let other = log_in(&bench, "u-18", 1).await;
    bench.wire.clear();
    let revoke = |session: &Session<App>| {
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .only(session.handle())
    };
    assert_eq!(revoke(&mine[0]).await.unwrap().deleted(), 1);
    assert_eq!(revoke(&mine[0]).await.unwrap().already_gone(), 1);
    assert_eq!(revoke(&other[0]).await.unwrap().moved(), 1);
    assert_eq!(
        revoke(&mine[1]).except(&mine[1]).await.unwrap().deleted(),
        0
    );
    assert_eq!(bench.wire.operations(), ["DeleteItem"; 3]);
    assert!(bench.store.load(other[0].id()).await.unwrap().is_some());

    bench.wire.next(
        "DeleteItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    assert!(matches!(
        revoke(&mine[1]).await,
        Err(session_store::Error::Service(_))
    ));
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let bench = TestBench::<App>::new().await;
    log_in(&bench, "u-17", 3).await;
    for _ in 0..9 {
        bench.wire.next("DeleteItem", Fault::throttled());
    }
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (3, 0));
}

#[tokio::test]
async fn created_before_spares_younger_sessions() {
    let bench = TestBench::<App>::new().await;
    log_in(&bench, "u-17", 2).await;
    bench.clock.advance(Duration::from_millis(10));
    let moment = std::time::UNIX_EPOCH + Duration::from_millis(bench.clock.millis());
    let young = log_in(&bench, "u-17", 2).await;
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    assert_eq!(revoke.created_before(moment).await.unwrap().deleted(), 2);
    let left = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    let left: Vec<_> = left.iter().map(|session| session.handle()).collect();
    assert_eq!(left, [young[1].handle(), young[0].handle()]);
}

/// If it is dropped half-way, the reported part is done, and the rest is unchanged.
#[tokio::test]
async fn a_revocation_that_is_dropped_has_ended_the_reported_sessions() {
    let bench = TestBench::<App>::new().await;
    log_in(&bench, "u-17", 5).await;
    let (report, mut reported) = tokio::sync::mpsc::unbounded_channel();
    // The third delete does not reach the engine.
    for _ in 0..2 {
        bench.wire.next("DeleteItem", Fault::meanwhile(async || ()));
    }
    let never = Fault::meanwhile(std::future::pending);
    bench.wire.next("DeleteItem", never);
    let revoke = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .in_flight(NonZeroUsize::MIN);
    let revoke = revoke.on_progress(move |done| report.send(done.deleted()).unwrap());
    let mut done = 0;
    tokio::select! {
        () = async {
            while done < 2 {
                done = reported.recv().await.unwrap();
            }
        } => {}
        revoked = revoke => panic!("{revoked:?}"),
    }
    assert!(
        reported.recv().await.is_none(),
        "nothing is done after that"
    );
    assert_eq!(bench.items().await.len(), 3);
    let rest = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(rest.deleted(), 3);
    assert!(bench.items().await.is_empty());
}
