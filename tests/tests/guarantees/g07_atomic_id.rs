//! G7. A new id is atomic. At every moment, and after any crash, exactly one of the old and the new id is
//! valid, unless the session has ended.

use std::time::Duration;

use session_store::{Error, Session, SessionId};
use session_store_tests::{Fault, TestBench};

use crate::App;

async fn live(bench: &TestBench<App>, id: &SessionId) -> bool {
    bench.store.load(id).await.unwrap().is_some()
}

#[tokio::test]
async fn the_session_stays_and_its_id_changes() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench
        .store
        .create(App {
            theme: "dark".into(),
            ..App::default()
        })
        .await
        .unwrap();
    let old = session.id().clone();
    let created_at = session.created_at();
    bench.clock.advance(Duration::from_secs(60));
    session.user_id = Some("u-17".into());
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();

    assert_eq!(bench.wire.operations(), ["TransactWriteItems"]);
    assert_ne!(session.id(), &old);
    assert_eq!(session.handle(), session.id().handle());
    assert!(!live(&bench, &old).await);
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(
        (stored.theme.as_str(), stored.user_id.as_deref()),
        ("dark", Some("u-17"))
    );
    assert_eq!(stored.created_at(), created_at);
    assert_eq!(stored.version(), session.version());
    assert_eq!(stored.expires_at(), session.expires_at());
    assert_eq!(bench.items().await.len(), 1);
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );

    // The next save does not write again what was stored with the new id, and writes later changes.
    bench.wire.clear();
    bench.store.save(&mut session).await.unwrap();
    assert!(bench.wire.operations().is_empty());
    session.visits = 1;
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(
        bench
            .store
            .load(session.id())
            .await
            .unwrap()
            .unwrap()
            .visits,
        1
    );
}

#[tokio::test]
async fn g6_a_new_id_does_not_extend_the_absolute_timeout() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let absolute = session.created_at() + Duration::from_secs(12 * 60 * 60);
    for _ in 0..35 {
        bench.clock.advance(Duration::from_secs(20 * 60));
        bench.store.cycle_id(&mut session).await.unwrap();
        assert!(session.expires_at() <= absolute);
    }
    bench.clock.advance(Duration::from_secs(20 * 60));
    assert!(
        matches!(bench.store.cycle_id(&mut session).await, Err(Error::Gone(gone)) if gone.is_expired())
    );
}

#[tokio::test]
async fn g1_no_new_id_for_a_session_that_has_ended() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    let id = session.id().clone();
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Gone(_))
    ));
    assert_eq!(session.id(), &id);
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn g3_a_new_id_keeps_the_writes_of_others() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
    other.theme = "dark".into();
    bench.store.save(&mut other).await.unwrap();
    session.visits = 4;
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(
        bench.wire.operations(),
        ["TransactWriteItems"; 2],
        "and no read"
    );
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((stored.theme.as_str(), stored.visits), ("dark", 4));

    // The other copy has the old id, which is no longer valid.
    other.theme = "light".into();
    assert!(matches!(
        bench.store.save(&mut other).await,
        Err(Error::Gone(_))
    ));
}

#[tokio::test]
async fn one_of_two_concurrent_cycle_ids_wins() {
    let bench = TestBench::<App>::new().await;
    let mut one = bench.store.create(App::of("u-17")).await.unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    bench.store.cycle_id(&mut one).await.unwrap();
    assert!(matches!(
        bench.store.cycle_id(&mut two).await,
        Err(Error::Gone(_))
    ));
    assert!(live(&bench, one.id()).await);
    assert_eq!(bench.items().await.len(), 1);
}

#[tokio::test]
async fn a_lost_response_is_resolved_by_the_retry_of_the_sdk() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(bench.items().await.len(), 1);
    assert!(live(&bench, session.id()).await);
}

fn lose_all(bench: &TestBench<App>, fault: impl Fn() -> Fault) {
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", fault());
    }
}

fn is_unknown(cycled: &Result<(), Error>) -> bool {
    matches!(cycled, Err(Error::Service(error)) if error.outcome_unknown())
}

/// No response ever comes. The same call resumes, and learns the outcome.
#[tokio::test]
async fn an_unknown_outcome_is_resumed() {
    for applied in [true, false] {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        let old = session.id().clone();
        session.visits = 1;
        lose_all(&bench, || {
            if applied {
                Fault::LoseResponse
            } else {
                Fault::Refuse
            }
        });
        let cycled = bench.store.cycle_id(&mut session).await;
        assert!(is_unknown(&cycled), "{cycled:?}");
        assert_eq!(bench.items().await.len(), 1);

        // Changes in between are kept, but not stored yet.
        session.visits = 2;
        bench.store.cycle_id(&mut session).await.unwrap();
        assert!(!live(&bench, &old).await);
        assert_eq!(
            bench
                .store
                .load(session.id())
                .await
                .unwrap()
                .unwrap()
                .visits,
            1
        );
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(
            bench
                .store
                .load(session.id())
                .await
                .unwrap()
                .unwrap()
                .visits,
            2
        );
        assert_eq!(bench.items().await.len(), 1);
    }
}

/// DynamoDB forgets the token after ten minutes. The mark in the new item stays.
#[tokio::test]
async fn an_unknown_outcome_is_resumed_after_the_token_is_forgotten() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    lose_all(&bench, || Fault::LoseResponse);
    assert!(is_unknown(&bench.store.cycle_id(&mut session).await));
    let new = bench.items().await.remove(0);
    let reasons = serde_json::json!([
        { "Code": "ConditionalCheckFailed", "Message": "no" },
        { "Code": "ConditionalCheckFailed", "Message": "no", "Item": {
            "id": { "S": new["id"].as_s().unwrap() },
            "writes": { "L": [{ "B": base64(new["writes"].as_l().unwrap()[0].as_b().unwrap().as_ref()) }] },
        } },
    ]);
    bench
        .wire
        .next("TransactWriteItems", Fault::cancelled(reasons));
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(&session.handle().to_string(), new["id"].as_s().unwrap());
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

#[tokio::test]
async fn an_unknown_outcome_is_gone_if_the_session_was_revoked_since() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    lose_all(&bench, || Fault::Refuse);
    assert!(is_unknown(&bench.store.cycle_id(&mut session).await));
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Gone(_))
    ));
    assert!(bench.items().await.is_empty());
}

/// Every reason for which DynamoDB cancels a transaction, and the id that is valid after it.
#[tokio::test]
async fn each_reason_of_a_cancelled_transaction_leaves_one_id_valid() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let cancelled = |old: &str, new: &str| {
        Fault::cancelled(
            serde_json::json!([{ "Code": old, "Message": "why" }, { "Code": new, "Message": "why" }]),
        )
    };

    for (old, new) in [
        ("TransactionConflict", "None"),
        ("None", "TransactionConflict"),
        ("None", "ConditionalCheckFailed"),
    ] {
        let before = session.id().clone();
        bench.wire.next("TransactWriteItems", cancelled(old, new));
        bench.store.cycle_id(&mut session).await.unwrap();
        assert!(
            !live(&bench, &before).await,
            "after {old} {new} there is another attempt"
        );
        assert!(live(&bench, session.id()).await);
    }
    for (old, new, throttled) in [
        ("ThrottlingError", "None", true),
        ("None", "ProvisionedThroughputExceeded", true),
        ("ValidationError", "None", false),
    ] {
        let before = session.id().clone();
        bench
            .wire
            .every("TransactWriteItems", move || cancelled(old, new));
        let cycled = bench.store.cycle_id(&mut session).await;
        bench.wire.restore("TransactWriteItems");
        match cycled {
            Err(Error::Service(error)) => {
                assert_eq!(error.is_throttled(), throttled);
                assert!(!error.outcome_unknown());
            }
            cycled => panic!("{cycled:?}"),
        }
        assert_eq!(session.id(), &before, "the old id is valid");
        assert!(live(&bench, session.id()).await);
    }
    bench.wire.next(
        "TransactWriteItems",
        cancelled("ConditionalCheckFailed", "None"),
    );
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Gone(_))
    ));
    bench.wire.next(
        "TransactWriteItems",
        cancelled("None", "ItemCollectionSizeLimitExceeded"),
    );
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Service(_))
    ));
    for _ in 0..20 {
        bench.wire.next(
            "TransactWriteItems",
            cancelled("TransactionConflict", "None"),
        );
    }
    assert!(
        matches!(bench.store.cycle_id(&mut session).await, Err(Error::Conflict(error)) if !error.outcome_unknown())
    );
    bench.wire.clear();
    assert!(live(&bench, session.id()).await);
}

#[tokio::test]
async fn g11_a_value_that_cannot_be_stored_leaves_the_old_id_valid() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    session.theme = "x".repeat(401 * 1024);
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::TooLarge(_))
    ));
    session.theme.clear();
    session.user_id = Some(String::new());
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Encode(_))
    ));
    assert!(bench.wire.operations().is_empty());
    assert!(live(&bench, session.id()).await);
}

/// At every step, one of both ids is valid and the other is not.
#[tokio::test]
async fn at_every_moment_one_id_is_valid() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let (store, old) = (bench.store.clone(), session.id().clone());
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move {
            assert!(
                store.load(&old).await.unwrap().is_some(),
                "before the transaction"
            );
        }),
    );
    let copy: Session<App> = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.cycle_id(&mut session).await.unwrap();
    assert!(!live(&bench, copy.id()).await);
    assert!(live(&bench, session.id()).await);
}
