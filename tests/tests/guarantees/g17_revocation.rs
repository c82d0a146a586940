//! G17. A revocation reports what it did: failures before it has ended all, and none after.

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::Error;
use session_store_tests::{Fault, TestBench};

use super::g17_ending::log_in;
use super::g17_ending::map::Two;

#[tokio::test]
async fn a_revocation_by_a_roster_that_cannot_be_read_is_an_error() {
    let bench = TestBench::<Two>::new().await;
    log_in(&bench).await;
    for mut item in bench.items().await {
        if item["id"].as_s().unwrap().starts_with('#') {
            item.insert("m".to_owned(), AttributeValue::S("x".to_owned()));
            bench.put(item).await;
        }
    }
    let revoked = bench.store.revoke(Two::USER_ID, "u").await;
    assert!(matches!(revoked, Err(Error::Decode(_))), "{revoked:?}");
}

#[tokio::test]
async fn an_entry_whose_time_cannot_be_read_is_revoked_all_the_same() {
    let bench = TestBench::<Two>::new().await;
    let session = log_in(&bench).await;
    for mut item in bench.items().await {
        if let Some(AttributeValue::M(entries)) = item.get_mut("m") {
            for time in entries.values_mut() {
                *time = AttributeValue::S("soon".to_owned());
            }
            bench.put(item).await;
        }
    }
    assert_eq!(
        bench
            .store
            .revoke(Two::USER_ID, "u")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_revocation_waits_while_its_reads_are_throttled() {
    for (index, operation) in [("tenant", "Query"), ("user_id", "BatchGetItem")] {
        let bench = TestBench::<Two>::new().await;
        log_in(&bench).await;
        // More than the SDK tries by itself.
        for _ in 0..7 {
            bench.wire.next(operation, Fault::throttled());
        }
        let revoked = match index {
            "tenant" => bench.store.revoke(Two::TENANT, "acme").await.unwrap(),
            _ => bench.store.revoke(Two::USER_ID, "u").await.unwrap(),
        };
        assert_eq!(revoked.deleted(), 1, "{operation}");
    }
}

/// All sessions have ended, so the revocation has succeeded.
#[tokio::test]
async fn a_clean_up_that_fails_is_no_error_of_the_revocation() {
    let bench = TestBench::<Two>::new().await;
    for _ in 0..2 {
        log_in(&bench).await;
    }
    for _ in 0..5 {
        let denied = Fault::Answer(400, "AccessDeniedException", "no");
        bench.wire.next("UpdateItem", denied);
    }
    let revoked = bench.store.revoke(Two::USER_ID, "u").await.unwrap();
    let counts = (
        revoked.deleted(),
        revoked.already_gone(),
        revoked.failed().len(),
    );
    assert_eq!(counts, (2, 0, 0));
}

/// But if the roster cannot be read then, others may have got a new id meanwhile.
#[tokio::test]
async fn a_revocation_that_cannot_see_what_is_left_says_so() {
    let bench = TestBench::<Two>::new().await;
    log_in(&bench).await;
    for operation in ["UpdateItem", "GetItem"] {
        for _ in 0..5 {
            let denied = Fault::Answer(400, "AccessDeniedException", "no");
            bench.wire.next(operation, denied);
        }
    }
    let revoked = bench.store.revoke(Two::USER_ID, "u").await;
    assert!(matches!(revoked, Err(Error::Service(_))), "{revoked:?}");
}
