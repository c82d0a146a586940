//! G9. The limit of a consistent index is exact: never one session more is live and known, however
//! many log in at once, and whatever is lost.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes, SessionHandle};
use session_store_tests::{Bench, Fault};

/// A further session ends the oldest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Three {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
}

/// A further session is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Seats {
    #[dynamo(attr = "user_id", index(consistent, limit = 3, on_limit = reject))]
    user_id: Option<String>,
}

fn three() -> Three {
    Three {
        user_id: Some("u-17".into()),
    }
}

fn seats() -> Seats {
    Seats {
        user_id: Some("u-17".into()),
    }
}

async fn log_in(bench: &Bench<Three>, count: usize) -> Vec<Session<Three>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(three()).await.unwrap());
    }
    sessions
}

async fn take_seats(bench: &Bench<Seats>, count: usize) -> Vec<Session<Seats>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(seats()).await.unwrap());
    }
    sessions
}

async fn listed(bench: &Bench<Three>) -> Vec<SessionHandle> {
    let all = bench
        .store
        .sessions(Three::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    all.iter().map(|session| session.handle()).collect()
}

/// How many items are sessions, known or not.
async fn stored<S>(bench: &Bench<S>) -> usize
where
    S: SessionAttributes + Clone + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let items = bench.items().await;
    items
        .iter()
        .filter(|item| item.contains_key("data"))
        .count()
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    let bench = Bench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    assert!(
        old.iter()
            .all(|session| Session::evicted(session).is_empty())
    );
    bench.wire.clear();
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), [old[0].handle()]);
    assert_eq!(
        bench.wire.operations(),
        [
            "PutItem",
            "UpdateItem",
            "BatchGetItem",
            "TransactWriteItems"
        ]
    );
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[1].handle()]
    );
    assert!(bench.store.load(old[0].id()).await.unwrap().is_none());
}

#[tokio::test]
async fn one_session_too_many_is_refused() {
    let bench = Bench::<Seats>::new().await;
    let old = take_seats(&bench, 3).await;
    match bench.store.create(seats()).await {
        Err(Error::Limit(limit)) => assert_eq!((limit.index(), limit.limit()), ("user_id", 3)),
        created => panic!("{created:?}"),
    }
    assert_eq!(stored(&bench).await, 3);
    bench.store.delete(old[0].id()).await.unwrap();
    take_seats(&bench, 1).await;
}

/// Of many at once, each is in the roster or gets an error, and none is in between.
#[tokio::test]
async fn of_64_log_ins_at_once_as_many_live_as_are_allowed() {
    let bench = Bench::<Three>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(three()))).await;
    let (done, failed): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    for error in failed {
        assert!(matches!(error, Err(Error::Conflict(_))), "{error:?}");
    }
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    let live = listed(&bench).await;
    assert_eq!((live.len(), stored(&bench).await), (3, 3));
    let mut ended: Vec<_> = done.iter().flat_map(Session::evicted).collect();
    ended.sort();
    let count = ended.len();
    ended.dedup();
    assert_eq!(ended.len(), count, "nobody is ended twice");
    for session in &done {
        let is_live = live.contains(&session.handle());
        assert_ne!(
            is_live,
            ended.contains(&&session.handle()),
            "live, or ended for another"
        );
    }
    assert_eq!(done.len(), 3 + ended.len());

    let bench = Bench::<Seats>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(seats()))).await;
    let done = created.iter().filter(|created| created.is_ok()).count();
    for created in created.iter().filter(|created| created.is_err()) {
        assert!(matches!(created, Err(Error::Limit(_))), "{created:?}");
    }
    assert_eq!((done, stored(&bench).await), (3, 3));
}

/// The same while answers are lost, requests never arrive, and transactions are in the way.
#[tokio::test]
async fn of_64_log_ins_with_faults_as_many_live_as_are_allowed() {
    let bench = Bench::<Three>::new().await;
    for _ in 0..20 {
        bench.wire.next("UpdateItem", Fault::LoseResponse);
        bench.wire.next("UpdateItem", Fault::Refuse);
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        bench.wire.next(
            "TransactWriteItems",
            Fault::Answer(500, "InternalServerError", "again"),
        );
        bench.wire.next("PutItem", Fault::LoseResponse);
    }
    let created = join_all((0..64).map(|_| bench.store.create(three()))).await;
    let done: Vec<_> = created.into_iter().filter_map(Result::ok).collect();
    let live = listed(&bench).await;
    assert_eq!(live.len(), 3);
    assert!(
        live.iter()
            .all(|handle| done.iter().any(|session| session.handle() == *handle))
    );
    for session in &done {
        let is_live = bench.store.load(session.id()).await.unwrap().is_some();
        assert_eq!(
            is_live,
            live.contains(&session.handle()),
            "every live session is in the roster"
        );
    }
}

/// Entries whose session expired, was deleted by TTL or by hand hold nobody up, and do not count.
#[tokio::test]
async fn dead_entries_make_room_before_anyone_is_ended() {
    let bench = Bench::<Seats>::new().await;
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

/// What was read as expired may have been extended since: the delete asks again.
#[tokio::test]
async fn a_session_that_was_extended_a_moment_ago_is_not_ended_as_expired() {
    let bench = Bench::<Seats>::new().await;
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

/// The transaction that evicts is carried out, and its answers are lost.
#[tokio::test]
async fn an_eviction_of_unknown_outcome_is_told_all_the_same() {
    let bench = Bench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), [old[0].handle()]);
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[1].handle()]
    );
    assert_eq!(stored(&bench).await, 3);
}

/// Twice a sending of it is lost and the next one refused; then somebody leaves, and nobody is ended.
#[tokio::test]
async fn an_eviction_that_never_took_place_is_not_told() {
    let bench = Bench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let (store, id) = (bench.store.clone(), old[1].id().clone());
    let held = serde_json::json!([{ "Code": "TransactionConflict" }, { "Code": "None" }]);
    for fault in [
        Fault::Refuse,
        Fault::cancelled(held),
        Fault::Refuse,
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    ] {
        bench.wire.next("TransactWriteItems", fault);
    }
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), []);
    assert_eq!(listed(&bench).await.len(), 3);
}

/// Two who evict at once do not end two sessions for one place.
#[tokio::test]
async fn evicting_looks_again_when_others_were_first() {
    let bench = Bench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let (store, id) = (bench.store.clone(), old[1].id().clone());
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(
        Session::evicted(&new),
        [],
        "somebody left, and there was room"
    );
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[0].handle()]
    );
}

/// Between the refusal and the reading of its sessions, one has left the roster: there is room.
#[tokio::test]
async fn a_session_that_moves_away_meanwhile_makes_room() {
    let bench = Bench::<Three>::new().await;
    let mut old = log_in(&bench, 3).await;
    let (store, mut moving) = (bench.store.clone(), old.remove(0));
    bench.wire.next(
        "BatchGetItem",
        Fault::meanwhile(move || async move {
            moving.user_id = None;
            store.save(&mut moving).await.unwrap();
        }),
    );
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), []);

    let bench = Bench::<Seats>::new().await;
    let mut old = take_seats(&bench, 3).await;
    let (store, mut moving) = (bench.store.clone(), old.remove(0));
    bench.wire.next(
        "BatchGetItem",
        Fault::meanwhile(move || async move {
            moving.user_id = None;
            store.save(&mut moving).await.unwrap();
        }),
    );
    take_seats(&bench, 1).await;
}

/// The limit holds for whatever brings a session to a user.
#[tokio::test]
async fn saves_and_new_ids_are_subject_to_the_limit() {
    let bench = Bench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let mut session = bench.store.create(Three::default()).await.unwrap();
    session.user_id = three().user_id;
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), [old[0].handle()]);
    let mut session = bench.store.create(Three::default()).await.unwrap();
    session.user_id = three().user_id;
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), [old[1].handle()]);
    assert_eq!(listed(&bench).await.len(), 3);
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), [], "a new id is no new session");
    assert_eq!(listed(&bench).await.len(), 3);

    let bench = Bench::<Seats>::new().await;
    take_seats(&bench, 3).await;
    let mut session = bench.store.create(Seats::default()).await.unwrap();
    let id = session.id().clone();
    session.user_id = seats().user_id;
    assert!(matches!(
        bench.store.save(&mut session).await,
        Err(Error::Limit(_))
    ));
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Limit(_))
    ));
    assert_eq!(
        (session.id(), &session.user_id),
        (&id, &seats().user_id),
        "still in hand"
    );
    assert_eq!(bench.store.load(&id).await.unwrap().unwrap().user_id, None);
    assert_eq!(stored(&bench).await, 4);
}

/// A new deployment allows fewer: the next log-in ends as many as are over.
#[tokio::test]
async fn a_limit_that_was_made_smaller_is_kept_from_the_next_log_in_on() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
    struct Many {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
    }
    for before in [6, 40] {
        let bench = Bench::<Three>::new().await;
        let many = bench.other::<Many>().await;
        let mut old = Vec::new();
        for _ in 0..before {
            bench.clock.advance(Duration::from_millis(1));
            let user_id = three().user_id;
            old.push(many.create(Many { user_id }).await.unwrap().handle());
        }
        let new = log_in(&bench, 1).await.remove(0);
        let (ended, kept) = old.split_at(before - 2);
        let mut evicted = Session::evicted(&new).to_vec();
        evicted.sort();
        let mut expected = ended.to_vec();
        expected.sort();
        assert_eq!(evicted, expected);
        assert_eq!(listed(&bench).await, [new.handle(), kept[1], kept[0]]);
    }
}

/// Sessions that expired leave their entries behind; a roster does not collect them for ever.
#[tokio::test]
async fn entries_that_are_left_behind_are_dropped_now_and_then() {
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
    let bench = Bench::<Many>::new().await;
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
    assert_eq!(
        entries, sessions,
        "none but the live ones, and all of those"
    );
    assert_eq!(stored(&bench).await, 40);
}

/// A roster at its limit fits into an item, with the longest key that there can be.
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
