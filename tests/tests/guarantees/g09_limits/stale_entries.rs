//! Stale entries of a roster do not count, and do not pile up.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::{Fault, TestBench};

use super::{Seats, stored, take_seats, three};

/// Entries whose session expired, or was deleted by TTL or by hand, block nothing, and do not count.
#[tokio::test]
async fn stale_entries_are_dropped_before_a_session_is_evicted() {
    let bench = TestBench::<Seats>::new().await;
    let old = take_seats(&bench, 3).await;
    let key = AttributeValue::S(old[1].handle().to_string());
    bench.delete([("id".to_owned(), key)].into()).await;
    bench.wire.clear();
    take_seats(&bench, 1).await;
    assert_eq!(
        bench.wire.operations(),
        [
            "PutItem",
            "UpdateItem",
            "BatchGetItem",
            "UpdateItem",
            "UpdateItem"
        ]
    );

    bench.clock.advance(Duration::from_secs(31 * 60));
    take_seats(&bench, 3).await;
    assert_eq!(stored(&bench).await, 3, "the expired ones were deleted");
}

/// A session that was read as expired may have been extended since, so the delete checks it again.
#[tokio::test]
async fn a_session_that_was_extended_a_moment_ago_is_not_ended_as_expired() {
    let bench = TestBench::<Seats>::new().await;
    let old = take_seats(&bench, 3).await;
    bench.clock.advance(Duration::from_secs(29 * 60));
    let mut kept = bench.store.load(old[0].id()).await.unwrap().unwrap();
    bench.store.touch(&mut kept).await.unwrap();
    bench.clock.advance(Duration::from_secs(2 * 60));
    // It was read just before that touch.
    bench.wire.next(
        "BatchGetItem",
        Fault::edit(|answer| {
            for items in answer["Responses"].as_object_mut().unwrap().values_mut() {
                for item in items.as_array_mut().unwrap() {
                    item["expires_at"] = serde_json::json!({ "N": "1" });
                }
            }
        }),
    );
    take_seats(&bench, 1).await;
    assert!(bench.store.load(old[0].id()).await.unwrap().is_some());
    let left = bench.store.sessions(Seats::USER_ID, "u-17").count();
    assert_eq!((left.await.unwrap(), stored(&bench).await), (2, 2));
}

/// Expired sessions leave stale entries behind. A roster does not keep them for ever.
#[tokio::test]
async fn stale_entries_of_a_large_roster_are_dropped_now_and_then() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
    struct Many {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
    }
    let many = || Many {
        user_id: three().user_id,
    };
    fastrand::seed(17);
    let bench = TestBench::<Many>::new().await;
    for _ in 0..70 {
        bench.store.create(many()).await.unwrap();
    }
    bench.clock.advance(Duration::from_secs(40 * 60 * 60));
    let mut sessions = Vec::new();
    for _ in 0..40 {
        sessions.push(
            bench
                .store
                .create(many())
                .await
                .unwrap()
                .handle()
                .to_string(),
        );
    }
    sessions.sort();
    let items = bench.items().await;
    let roster = items.iter().find(|item| item.contains_key("m")).unwrap();
    let mut entries: Vec<_> = roster["m"].as_m().unwrap().keys().cloned().collect();
    entries.sort();
    assert_eq!(entries, sessions, "exactly the live sessions");
    assert_eq!(stored(&bench).await, 40);
}

/// A roster at its limit fits into an item, with the longest possible key.
#[test]
fn the_largest_roster_fits_into_an_item() {
    let entry = |n: u32| {
        let handle = format!("{n:0>43}");
        (handle, AttributeValue::N("1764000000000".into()))
    };
    let limit = session_store::Attribute::MAX_LIMIT;
    let item = [
        ("id".to_owned(), AttributeValue::S("x".repeat(2048))),
        (
            "expires_at".to_owned(),
            AttributeValue::N("1764000000".into()),
        ),
        (
            "m".to_owned(),
            AttributeValue::M((0..limit).map(entry).collect()),
        ),
    ];
    let size = session_store::private::item_size(&item.into()).unwrap();
    assert!(size <= session_store::TooLargeError::LIMIT, "{size}");
}
