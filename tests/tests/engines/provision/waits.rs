//! How long `create_table` waits. Time advances as soon as everything waits.

use std::time::Duration;

use session_store::Error;
use session_store_tests::{Fault, TestBench, chain};
use tokio::time::Instant;

use super::{describe_as, setup, with_index_status, with_status};
use crate::App;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Whether this much time has passed since then, and not much more.
fn took(begun: Instant, expected: Duration) -> bool {
    (expected..expected + MINUTE).contains(&begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_never_active_is_given_up() {
    for status in ["CREATING", "DELETING"] {
        let bench = TestBench::<App>::new().await;
        describe_as(&bench.wire, with_status(status));
        let begun = Instant::now();
        let error = setup(bench.store.create_table().await);
        assert!(took(begun, 10 * MINUTE), "{:?}", begun.elapsed());
        assert!(
            error.contains(status) && error.contains(bench.store.table_name()),
            "{error}"
        );
        bench.wire.restore("DescribeTable");
        bench.store.create_table().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_never_appears_is_given_up() {
    let bench = TestBench::<App>::without_table().await;
    bench.wire.every("DescribeTable", || {
        Fault::Answer(400, "ResourceNotFoundException", "not yet")
    });
    let begun = Instant::now();
    let error = setup(bench.store.create_table().await);
    assert!(took(begun, 10 * MINUTE), "{:?}", begun.elapsed());
    assert!(error.contains("ResourceInUseException"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_table_is_progress() {
    let bench = TestBench::<App>::new().await;
    let store = bench.store.clone();
    let begun = Instant::now();
    describe_as(&bench.wire, with_status("DELETING"));
    let created = tokio::spawn(async move { store.create_table().await });
    tokio::time::sleep(9 * MINUTE).await;
    describe_as(&bench.wire, with_status("CREATING"));
    tokio::time::sleep(9 * MINUTE).await;
    bench.wire.restore("DescribeTable");
    created.await.unwrap().unwrap();
    assert!(begun.elapsed() >= 18 * MINUTE);
}

/// DynamoDB takes hours for a large table, and shows no progress.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_filled_or_deleted_is_waited_for_hours_and_a_day_at_most() {
    for status in ["CREATING", "DELETING"] {
        let bench = TestBench::<App>::new().await;
        describe_as(&bench.wire, with_index_status("user_id-index", status));
        let wire = bench.wire.clone();
        tokio::spawn(async move {
            tokio::time::sleep(3 * HOUR).await;
            wire.restore("DescribeTable");
        });
        let begun = Instant::now();
        bench.store.create_table().await.unwrap();
        assert!(begun.elapsed() >= 3 * HOUR);
    }

    let bench = TestBench::<App>::new().await;
    describe_as(&bench.wire, with_index_status("user_id-index", "CREATING"));
    let begun = Instant::now();
    let error = setup(bench.store.create_table().await);
    assert!(took(begun, 24 * HOUR), "{:?}", begun.elapsed());
    assert!(
        error.contains("CREATING") && error.contains("`user_id-index`"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_time_and_again_is_given_up() {
    for (operation, code, message) in [
        ("DescribeTable", "ThrottlingException", "Rate exceeded"),
        ("DescribeTimeToLive", "ThrottlingException", "Rate exceeded"),
        (
            "CreateTable",
            "LimitExceededException",
            "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously",
        ),
        (
            "UpdateTimeToLive",
            "ValidationException",
            "Time to live has been modified multiple times within a fixed interval",
        ),
    ] {
        let bench = TestBench::<App>::without_table().await;
        let refused = move || Fault::Answer(400, code, message);
        bench.wire.every(operation, refused);
        let begun = Instant::now();
        let error = setup(bench.store.create_table().await);
        assert!(took(begun, 10 * MINUTE), "{:?}", begun.elapsed());
        for part in [operation, code, message] {
            assert!(error.contains(part), "{error}");
        }
        bench.wire.restore(operation);
        bench.store.create_table().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_for_minutes_is_waited_out() {
    for operation in ["CreateTable", "DescribeTable", "UpdateTimeToLive"] {
        let bench = TestBench::<App>::without_table().await;
        let throttled = || Fault::Answer(400, "ThrottlingException", "Rate exceeded");
        bench.wire.every(operation, throttled);
        let wire = bench.wire.clone();
        tokio::spawn(async move {
            tokio::time::sleep(8 * MINUTE).await;
            wire.restore(operation);
        });
        bench.store.create_table().await.unwrap();
        bench.store.verify_table().await.unwrap();
    }
    let bench = TestBench::<App>::new().await;
    for operation in ["DescribeTable", "DescribeTimeToLive"] {
        for _ in 0..8 {
            let throttled = Fault::Answer(400, "ThrottlingException", "Rate exceeded");
            bench.wire.next(operation, throttled);
        }
    }
    bench.store.verify_table().await.unwrap();
}

/// Each error says what the SDK's own retries have met.
#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_for_a_minute() {
    let failed = || Fault::Answer(500, "InternalServerError", "try later");
    for fault in [failed, || Fault::Refuse, Fault::empty, || Fault::Torn] {
        let bench = TestBench::<App>::without_table().await;
        bench.wire.every("DescribeTable", fault);
        let begun = Instant::now();
        let error = bench.store.create_table().await.unwrap_err();
        assert!(took(begun, MINUTE), "{:?}", begun.elapsed());
        let Error::Service(error) = error else {
            panic!("{error:?}");
        };
        assert!(error.is_retryable(), "{}", chain(&error));
        assert_eq!(error.operation(), "DescribeTable");

        for _ in 0..8 {
            bench.wire.next("DescribeTimeToLive", fault());
        }
        bench.wire.restore("DescribeTable");
        bench.store.create_table().await.unwrap();
        bench.store.verify_table().await.unwrap();
    }
}

/// The address may be wrong.
#[tokio::test(start_paused = true)]
async fn a_server_that_has_never_answered_is_given_up_soon() {
    let bench = TestBench::<App>::without_table().await;
    bench.wire.every("CreateTable", || Fault::Refuse);
    let begun = Instant::now();
    let error = bench.store.create_table().await.unwrap_err();
    assert!(matches!(error, Error::Service(_)));
    assert!(took(begun, Duration::from_secs(3)), "{:?}", begun.elapsed());
}
