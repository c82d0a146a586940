//! Saves and new ids that move a session from one roster to another.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use session_store::Error;
use session_store_tests::{Fault, TestBench};

use super::{Exact, handles, log_in, roster};

#[tokio::test]
async fn a_save_moves_a_session_between_rosters_in_one_transaction() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = bench.store.create(Exact::default()).await.unwrap();
    let mut others = log_in(&bench, "u-17", 1).await;
    others.extend(log_in(&bench, "u-18", 1).await);
    bench.wire.clear();

    session.user_id = Some("u-17".into());
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(
        roster(&bench, "u-17").await,
        handles([&session, &others[0]])
    );
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&others[0]]));
    assert_eq!(
        roster(&bench, "u-18").await,
        handles([&session, &others[1]])
    );
    session.user_id = None;
    session.theme = "dark".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-18").await, handles([&others[1]]));
    session.theme = "light".into();
    bench.store.save(&mut session).await.unwrap();
    let moved = bench
        .store
        .update(session.id(), |it| it.user_id = Some("u-17".into()));
    moved.await.unwrap();
    assert_eq!(
        roster(&bench, "u-17").await,
        handles([&session, &others[0]])
    );
    let transaction = "TransactWriteItems";
    assert_eq!(
        bench.wire.operations(),
        [
            transaction,
            transaction,
            transaction,
            "UpdateItem",
            "GetItem",
            transaction
        ]
    );
}

/// Two saves, one to another user and one to no user: the last one wins, and the session is in the roster
/// of its value.
#[tokio::test]
async fn two_saves_that_move_one_session_leave_its_rosters_right() {
    for last in [None, Some("u-18"), Some("u-19"), Some("u-17")] {
        let bench = TestBench::<Exact>::new().await;
        let mut one = log_in(&bench, "u-17", 1).await.remove(0);
        let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
        let store = bench.store.clone();
        one.user_id = Some("u-18".into());
        two.user_id = last.map(str::to_owned);
        two.theme = "dark".into();
        bench.wire.next(
            if last == Some("u-17") {
                "UpdateItem"
            } else {
                "TransactWriteItems"
            },
            Fault::meanwhile(move || async move { store.save(&mut one).await.unwrap() }),
        );
        bench.store.save(&mut two).await.unwrap();
        let item = bench.item(two.handle()).await.unwrap();
        let user = item
            .get("user_id")
            .map(|user| user.as_s().unwrap().as_str());
        for other in ["u-17", "u-18", "u-19"] {
            let expected = (user == Some(other)).then(|| two.handle().to_string());
            let found = roster(&bench, other).await.unwrap_or_default();
            assert_eq!(found, expected.into_iter().collect(), "{last:?}: {other}");
        }
        // A save that did not change the user keeps the user of the other save.
        let wanted = if last == Some("u-17") {
            Some("u-18")
        } else {
            last
        };
        assert_eq!(user, wanted);
    }
}

#[tokio::test]
async fn a_save_whose_response_was_lost_moves_once() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    session.user_id = Some("u-18".into());
    // The first session of u-18: the transaction is refused at first, then applied, and its response is
    // lost.
    bench
        .wire
        .next("TransactWriteItems", Fault::meanwhile(|| async {}));
    bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([]));
    assert_eq!(roster(&bench, "u-18").await, handles([&session]));
    assert_eq!(
        bench.item(session.handle()).await.unwrap()["version"]
            .as_n()
            .unwrap(),
        "2"
    );
}

#[tokio::test]
async fn a_transaction_conflict_is_retried() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    for held in 0..2 {
        let mut reasons = vec![json!({ "Code": "None" }); 2];
        reasons[held] = json!({ "Code": "TransactionConflict" });
        bench
            .wire
            .next("TransactWriteItems", Fault::cancelled(reasons.into()));
    }
    session.user_id = None;
    bench.store.save(&mut session).await.unwrap();
    let mut reasons = vec![json!({ "Code": "None" }); 2];
    reasons[1] = json!({ "Code": "ThrottlingError", "Message": "slow down" });
    let reasons = serde_json::Value::from(reasons);
    bench.wire.every("TransactWriteItems", move || {
        Fault::cancelled(reasons.clone())
    });
    session.user_id = Some("u-17".into());
    let saved = bench.store.save(&mut session).await;
    bench.wire.restore("TransactWriteItems");
    match saved {
        Err(Error::Service(error)) => assert!(error.is_throttled() && !error.outcome_unknown()),
        saved => panic!("{saved:?}"),
    }
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
}

/// A log-in: a new id and a user, in one transaction.
#[tokio::test]
async fn a_new_id_moves_the_roster_entry_in_the_same_transaction() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = bench.store.create(Exact::default()).await.unwrap();
    session.user_id = Some("u-17".into());
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();
    // The second transaction, since this is the first session of u-17. Before it, the rosters of earlier
    // programs are read.
    assert_eq!(
        bench.wire.operations(),
        ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]
    );
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
    bench.clock.advance(Duration::from_secs(60));
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(bench.wire.operations(), ["TransactWriteItems"]);
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
    session.user_id = Some("u-18".into());
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([]));
    assert_eq!(roster(&bench, "u-18").await, handles([&session]));
    let shown = bench
        .store
        .sessions(Exact::USER_ID, "u-18")
        .all()
        .await
        .unwrap();
    assert_eq!(shown[0].created_at(), session.created_at());
}

/// A roster was deleted by hand: its session can still be saved and deleted, and is in a roster again after a
/// new id.
#[tokio::test]
async fn a_deleted_roster_does_not_block_saves_and_new_ids() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    let key = |user: &str| AttributeValue::S(format!("#user_id#{user}#S#Exact"));
    bench.delete([("id".to_owned(), key("u-17"))].into()).await;
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
    bench.delete([("id".to_owned(), key("u-17"))].into()).await;
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, None);
    assert_eq!(roster(&bench, "u-18").await, handles([&session]));
    bench.delete([("id".to_owned(), key("u-18"))].into()).await;
    bench.store.delete(session.id()).await.unwrap();
    assert_eq!(
        bench.items().await.len(),
        0,
        "nothing is left, not even an incomplete roster"
    );
}
