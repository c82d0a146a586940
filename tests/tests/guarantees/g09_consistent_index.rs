//! G9. A consistent index misses nothing: every live session whose id anyone knows is in the roster
//! of its value, whatever is lost or comes between.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_store::{Error, Session, SessionAttributes, SessionHandle};
use session_store_tests::{Bench, Fault};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Exact {
    #[dynamo(attr = "user_id", index(consistent))]
    user_id: Option<String>,
    theme: String,
}

impl Exact {
    fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            ..Self::default()
        }
    }
}

/// The handles in the roster of a user; none if there is no roster.
async fn roster(bench: &Bench<Exact>, user: &str) -> Option<BTreeSet<String>> {
    let key = format!("#user_id#{user}");
    let items = bench.items().await;
    let item = items.iter().find(|item| item["id"].as_s() == Ok(&key))?;
    Some(item["m"].as_m().unwrap().keys().cloned().collect())
}

fn handles<'a>(sessions: impl IntoIterator<Item = &'a Session<Exact>>) -> Option<BTreeSet<String>> {
    let handles = sessions.into_iter();
    Some(
        handles
            .map(|session| session.handle().to_string())
            .collect(),
    )
}

async fn log_in(bench: &Bench<Exact>, user: &str, count: usize) -> Vec<Session<Exact>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(Exact::of(user)).await.unwrap());
    }
    sessions
}

async fn listed(bench: &Bench<Exact>, user: &str) -> Vec<SessionHandle> {
    let all = bench
        .store
        .sessions(Exact::USER_ID, user)
        .all()
        .await
        .unwrap();
    all.iter().map(|session| session.handle()).collect()
}

#[tokio::test]
async fn a_roster_names_the_sessions_of_its_value() {
    let bench = Bench::<Exact>::new().await;
    let anonymous = bench.store.create(Exact::default()).await.unwrap();
    let mine = log_in(&bench, "u-17", 3).await;
    let other = log_in(&bench, "u-18", 1).await;
    assert_eq!(roster(&bench, "u-17").await, handles(&mine));
    assert_eq!(roster(&bench, "u-18").await, handles(&other));

    let newest_first: Vec<_> = mine.iter().rev().map(Session::handle).collect();
    assert_eq!(listed(&bench, "u-17").await, newest_first);
    let two = bench.store.sessions(Exact::USER_ID, "u-17").limit(2);
    assert_eq!(two.count().await.unwrap(), 2);

    bench.store.delete(mine[1].id()).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&mine[0], &mine[2]]));
    bench.store.delete(anonymous.id()).await.unwrap();
    let revoked = bench.store.revoke_handle(&mine[0].handle()).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    let only = bench
        .store
        .revoke(Exact::USER_ID, "u-17")
        .only(mine[2].handle());
    assert_eq!(only.await.unwrap().deleted(), 1);
    assert_eq!(roster(&bench, "u-17").await, handles([]));
}

/// DynamoDB's TTL may delete the roster when its last session is over, and no sooner.
#[tokio::test]
async fn a_roster_outlives_its_sessions() {
    let bench = Bench::<Exact>::new().await;
    let session = log_in(&bench, "u-17", 1).await.remove(0);
    let end = |items: Vec<session_store_tests::Item>| {
        let key = "#user_id#u-17".to_owned();
        let item = items.into_iter().find(|item| item["id"].as_s() == Ok(&key));
        item.unwrap()["expires_at"]
            .as_n()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let first = end(bench.items().await);
    let created = session
        .created_at()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(first >= created.as_secs() + 12 * 3600 + 7 * 24 * 3600);

    bench.clock.advance(Duration::from_secs(3 * 24 * 3600));
    log_in(&bench, "u-17", 1).await;
    let second = end(bench.items().await);
    assert!(second > first);
    // A host whose clock is days behind takes nothing away.
    let behind = bench.clock.millis() - 3 * 24 * 3600 * 1000;
    bench.clock.set(behind);
    bench.wire.clear();
    log_in(&bench, "u-17", 1).await;
    assert_eq!(end(bench.items().await), second);
    assert_eq!(roster(&bench, "u-17").await.unwrap().len(), 3);
    assert_eq!(
        bench.wire.operations(),
        ["PutItem", "UpdateItem", "UpdateItem"]
    );
}

#[tokio::test]
async fn a_session_that_began_a_moment_ago_is_revoked() {
    let bench = Bench::<Exact>::new().await;
    let mine = log_in(&bench, "u-17", 3).await;
    let other = log_in(&bench, "u-18", 1).await;
    let revoke = bench.store.revoke(Exact::USER_ID, "u-17").except(&mine[1]);
    let revoked = revoke.await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
    assert_eq!(roster(&bench, "u-17").await, handles([&mine[1]]));
    assert_eq!(roster(&bench, "u-18").await, handles(&other));
    assert!(bench.store.load(mine[0].id()).await.unwrap().is_none());
    assert!(bench.store.load(mine[1].id()).await.unwrap().is_some());
}

#[tokio::test]
async fn only_those_that_were_created_before_a_moment() {
    let bench = Bench::<Exact>::new().await;
    let old = log_in(&bench, "u-17", 2).await;
    bench.clock.advance(Duration::from_secs(1));
    let moment = std::time::UNIX_EPOCH + Duration::from_millis(bench.clock.millis());
    let mut young = log_in(&bench, "u-17", 1).await;
    // A new id makes a session no younger, and none older.
    bench.store.cycle_id(&mut young[0]).await.unwrap();
    let revoked = bench
        .store
        .revoke_created_before(Exact::USER_ID, "u-17", moment)
        .await;
    assert_eq!(revoked.unwrap().deleted(), old.len());
    assert_eq!(listed(&bench, "u-17").await, [young[0].handle()]);
}

/// The roster is read, and before the delete comes the session has another id.
#[tokio::test]
async fn revoking_meets_a_session_that_gets_a_new_id() {
    let bench = Bench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next(
        "DeleteItem",
        Fault::meanwhile(move || async move {
            store.cycle_id(&mut session).await.unwrap();
            assert!(store.load(session.id()).await.unwrap().is_some());
        }),
    );
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
    assert!(bench.store.load(&id).await.unwrap().is_none());
    let sessions = bench
        .items()
        .await
        .into_iter()
        .filter(|item| item.contains_key("data"));
    assert_eq!(sessions.count(), 0);
    assert_eq!(roster(&bench, "u-17").await, handles([]));
}

/// One that moves to another user meanwhile lives on, and is in that one's roster.
#[tokio::test]
async fn revoking_does_not_end_a_session_that_has_moved() {
    let bench = Bench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    let (store, handle) = (bench.store.clone(), session.handle());
    bench.wire.next(
        "DeleteItem",
        Fault::meanwhile(move || async move {
            session.user_id = Some("u-18".into());
            store.save(&mut session).await.unwrap();
        }),
    );
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (0, 0));
    assert_eq!(listed(&bench, "u-18").await, [handle]);
    assert_eq!(roster(&bench, "u-17").await, handles([]));
    assert_eq!(
        bench
            .store
            .revoke(Exact::USER_ID, "u-18")
            .await
            .unwrap()
            .deleted(),
        1
    );
}

/// It is elsewhere at the delete, and back when the roster is written: it may not lose its entry.
#[tokio::test]
async fn revoking_ends_a_session_that_is_back() {
    let bench = Bench::<Exact>::new().await;
    let sessions = log_in(&bench, "u-17", 2).await;
    let mut roaming = bench.store.load(sessions[0].id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    let mut back = {
        let mut away = bench.store.load(sessions[0].id()).await.unwrap().unwrap();
        away.user_id = Some("u-18".into());
        bench.store.save(&mut away).await.unwrap();
        away
    };
    // While the deletes are on their way it is at u-18, whose entry in the roster of u-17 a slow
    // reader still has.
    let item = json!({ "N": sessions[0].created_at().duration_since(std::time::UNIX_EPOCH)
        .unwrap().as_millis().to_string() });
    let handle = sessions[0].handle().to_string();
    bench.wire.next(
        "GetItem",
        Fault::edit(move |answer| {
            answer["Item"]["m"]["M"][&handle] = item;
        }),
    );
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            back.user_id = Some("u-17".into());
            store.save(&mut back).await.unwrap();
        }),
    );
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
    roaming.theme = "dark".into();
    assert!(matches!(
        bench.store.save(&mut roaming).await,
        Err(Error::Gone(_))
    ));
    assert_eq!(roster(&bench, "u-17").await, handles([]));
}

/// A log-in whose roster write comes later survives, and is in the roster.
#[tokio::test]
async fn a_log_in_that_ends_after_a_revocation_survives_it() {
    let bench = Bench::<Exact>::new().await;
    log_in(&bench, "u-17", 1).await;
    let store = bench.store.clone();
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            assert_eq!(
                store
                    .revoke(Exact::USER_ID, "u-17")
                    .await
                    .unwrap()
                    .deleted(),
                1
            );
        }),
    );
    let session = bench.store.create(Exact::of("u-17")).await.unwrap();
    assert_eq!(listed(&bench, "u-17").await, [session.handle()]);
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
}

/// What a `create` leaves whose entry got lost is taken back, and it begins anew.
#[tokio::test]
async fn an_entry_of_unknown_outcome_is_undone() {
    for fault in [
        || Fault::LoseResponse,
        || Fault::Refuse,
        || Fault::Answer(500, "InternalServerError", "try again"),
    ] {
        let bench = Bench::<Exact>::new().await;
        log_in(&bench, "u-17", 1).await;
        bench.wire.clear();
        bench.wire.next("UpdateItem", fault());
        bench.clock.advance(Duration::from_millis(1));
        let session = bench.store.create(Exact::of("u-17")).await.unwrap();
        assert_eq!(
            bench.wire.operations(),
            [
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "UpdateItem",
                "PutItem",
                "UpdateItem"
            ]
        );
        let listed = listed(&bench, "u-17").await;
        assert_eq!((listed.len(), listed[0]), (2, session.handle()));
        assert_eq!(roster(&bench, "u-17").await.unwrap().len(), 2);
        let sessions = bench
            .items()
            .await
            .into_iter()
            .filter(|item| item.contains_key("data"));
        assert_eq!(sessions.count(), 2);
    }
}

/// It fails for good, and leaves nothing.
#[tokio::test]
async fn a_log_in_that_cannot_be_entered_leaves_no_session() {
    let bench = Bench::<Exact>::new().await;
    bench.wire.next(
        "UpdateItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    let created = bench.store.create(Exact::of("u-17")).await;
    assert!(matches!(created, Err(Error::Service(_))), "{created:?}");
    assert_eq!(bench.items().await.len(), 0);
}

/// The process died between session and entry: nobody knows its id, and it ends by itself.
#[tokio::test]
async fn a_session_that_nobody_knows_is_in_no_list() {
    let bench = Bench::<Exact>::new().await;
    let known = log_in(&bench, "u-17", 1).await;
    let mut orphan = bench.item(known[0].handle()).await.unwrap();
    orphan.insert("id".into(), AttributeValue::S("o".repeat(43)));
    bench.put(orphan).await;
    assert_eq!(listed(&bench, "u-17").await, [known[0].handle()]);
}

#[tokio::test]
async fn a_save_moves_a_session_between_rosters_in_one_transaction() {
    let bench = Bench::<Exact>::new().await;
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

/// Two saves, to one user and to none: the last one wins, and its rosters are those of its value.
#[tokio::test]
async fn two_saves_that_move_one_session_leave_its_rosters_right() {
    for last in [None, Some("u-18"), Some("u-19"), Some("u-17")] {
        let bench = Bench::<Exact>::new().await;
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
        // One that did not change the user leaves it as the other one made it.
        let wanted = if last == Some("u-17") {
            Some("u-18")
        } else {
            last
        };
        assert_eq!(user, wanted);
    }
}

#[tokio::test]
async fn a_save_whose_answer_was_lost_moves_once() {
    let bench = Bench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    session.user_id = Some("u-18".into());
    // The first session of u-18: refused at first, then carried out and not answered.
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
async fn a_transaction_that_others_hold_up_is_tried_again() {
    let bench = Bench::<Exact>::new().await;
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
    bench
        .wire
        .next("TransactWriteItems", Fault::cancelled(reasons.into()));
    session.user_id = Some("u-17".into());
    match bench.store.save(&mut session).await {
        Err(Error::Service(error)) => assert!(error.is_throttled() && !error.outcome_unknown()),
        saved => panic!("{saved:?}"),
    }
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
}

/// A log-in: a new id and a user, in one transaction.
#[tokio::test]
async fn a_new_id_takes_the_entry_along() {
    let bench = Bench::<Exact>::new().await;
    let mut session = bench.store.create(Exact::default()).await.unwrap();
    session.user_id = Some("u-17".into());
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();
    // The second one, since this is the first session of u-17.
    assert_eq!(
        bench.wire.operations(),
        ["TransactWriteItems", "TransactWriteItems"]
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

/// A roster that was deleted by hand: nobody can leave it, and whoever gets a new id is in one again.
#[tokio::test]
async fn a_roster_that_was_deleted_keeps_nobody_from_moving() {
    let bench = Bench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    let key = |user: &str| AttributeValue::S(format!("#user_id#{user}"));
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
        "nothing is left, not even half a roster"
    );
}

/// Between the roster and the sessions, one gets a new id: the listing shows it all the same.
#[tokio::test]
async fn a_listing_follows_a_session_that_gets_a_new_id() {
    let bench = Bench::<Exact>::new().await;
    let mut sessions = log_in(&bench, "u-17", 3).await;
    let moving = bench.store.load(sessions[1].id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    bench.wire.clear();
    bench.wire.next(
        "BatchGetItem",
        Fault::meanwhile(move || async move {
            let mut moving = moving;
            store.cycle_id(&mut moving).await.unwrap();
        }),
    );
    let shown = bench
        .store
        .sessions(Exact::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    let created: Vec<_> = shown.iter().map(|session| session.created_at()).collect();
    let expected: Vec<_> = sessions
        .drain(..)
        .rev()
        .map(|session| session.created_at())
        .collect();
    assert_eq!(created, expected);
    assert_eq!(
        bench.wire.operations(),
        [
            "GetItem",
            "BatchGetItem",
            "TransactWriteItems",
            "GetItem",
            "BatchGetItem"
        ]
    );
}

#[tokio::test]
async fn a_listing_has_more_than_one_page() {
    let bench = Bench::<Exact>::new().await;
    let sessions = log_in(&bench, "u-17", 230).await;
    bench.wire.clear();
    let newest_first: Vec<_> = sessions.iter().rev().map(Session::handle).collect();
    assert_eq!(listed(&bench, "u-17").await, newest_first);
    assert_eq!(
        bench.wire.operations(),
        ["GetItem", "BatchGetItem", "BatchGetItem", "BatchGetItem"]
    );
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 230);
    assert_eq!(roster(&bench, "u-17").await, handles([]));
}

/// What cannot be the key of a roster is known before any request.
#[tokio::test]
async fn a_value_that_is_too_long_for_a_rosters_key_is_refused() {
    let bench = Bench::<Exact>::new().await;
    let longest = "x".repeat(2048 - "#user_id#".len());
    bench.store.create(Exact::of(&longest)).await.unwrap();
    bench.wire.clear();
    match bench.store.create(Exact::of(&format!("{longest}x"))).await {
        Err(Error::Encode(error)) => assert_eq!(error.path(), "user_id"),
        created => panic!("{created:?}"),
    }
    assert!(bench.wire.operations().is_empty());
}
