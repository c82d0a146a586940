//! The roster of a value: the sessions in it, its listing, and its lifetime.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::{Error, Session};
use session_store_tests::{Fault, TestBench};

use super::{Exact, handles, listed, log_in, roster};

#[tokio::test]
async fn a_roster_names_the_sessions_of_its_value() {
    let bench = TestBench::<Exact>::new().await;
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
    assert_eq!(roster(&bench, "u-17").await, None);
}

/// The first attempt finds a roster that is kept longer than it needs, and the second finds none.
#[tokio::test]
async fn a_roster_that_ends_while_a_session_enters_it_begins_with_an_end() {
    let bench = TestBench::<Exact>::new().await;
    let now = bench.clock.millis();
    // The end of a roster is a whole day.
    bench.clock.set(now + 2 * 24 * 3_600_000);
    let first = log_in(&bench, "u-17", 1).await.remove(0);
    bench.clock.set(now);
    let (store, id) = (bench.store.clone(), first.id().clone());
    let log_out = Fault::meanwhile(move || async move {
        store.delete(&id).await.unwrap();
    });
    bench.wire.next("UpdateItem", Fault::meanwhile(async || {}));
    bench.wire.next("UpdateItem", log_out);
    let second = bench.store.create(Exact::of("u-17")).await.unwrap();
    assert_eq!(roster(&bench, "u-17").await, handles([&second]));
    let items = bench.items().await;
    let roster = items.iter().find(|item| item.contains_key("m")).unwrap();
    let ends: u64 = roster["expires_at"].as_n().unwrap().parse().unwrap();
    assert!(ends > now / 1000 + 12 * 3600, "{roster:?}");
}

/// DynamoDB's TTL may delete the roster after its last session has ended, and not earlier.
#[tokio::test]
async fn a_roster_outlives_its_sessions() {
    let bench = TestBench::<Exact>::new().await;
    let session = log_in(&bench, "u-17", 1).await.remove(0);
    let end = |items: Vec<session_store_tests::Item>| {
        let key = "#user_id#u-17#S#Exact".to_owned();
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
    // A host whose clock is days behind shortens nothing.
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

/// If the entry of a `create` got lost, the `create` takes back its session and begins again.
#[tokio::test]
async fn a_create_whose_entry_has_an_unknown_outcome_begins_again() {
    for fault in [
        || Fault::LoseResponse,
        || Fault::Refuse,
        || Fault::Answer(500, "InternalServerError", "try again"),
    ] {
        let bench = TestBench::<Exact>::new().await;
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

/// The `create` fails for good, and leaves nothing.
#[tokio::test]
async fn a_log_in_that_cannot_be_entered_leaves_no_session() {
    let bench = TestBench::<Exact>::new().await;
    bench.wire.next(
        "UpdateItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    let created = bench.store.create(Exact::of("u-17")).await;
    assert!(matches!(created, Err(Error::Service(_))), "{created:?}");
    assert_eq!(bench.items().await.len(), 0);
}

/// The process died between session and entry. The id is unknown, and the session expires by itself.
#[tokio::test]
async fn a_session_without_an_entry_is_not_listed() {
    let bench = TestBench::<Exact>::new().await;
    let known = log_in(&bench, "u-17", 1).await;
    let mut orphan = bench.item(known[0].handle()).await.unwrap();
    orphan.insert("id".into(), AttributeValue::S("o".repeat(43)));
    bench.put(orphan).await;
    assert_eq!(listed(&bench, "u-17").await, [known[0].handle()]);
}

/// Between the reads of the roster and of the sessions, one session gets a new id. The listing still shows
/// it.
#[tokio::test]
async fn a_listing_follows_a_session_that_gets_a_new_id() {
    let bench = TestBench::<Exact>::new().await;
    let mut sessions = log_in(&bench, "u-17", 3).await;
    let moving = bench.store.load(sessions[1].id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    bench.wire.clear();
    // The first is that of the roster.
    bench
        .wire
        .next("BatchGetItem", Fault::meanwhile(|| async {}));
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
            "BatchGetItem",
            "BatchGetItem",
            "TransactWriteItems",
            "BatchGetItem",
            "BatchGetItem"
        ]
    );
}

#[tokio::test]
async fn a_listing_has_more_than_one_page() {
    let bench = TestBench::<Exact>::new().await;
    let sessions = log_in(&bench, "u-17", 230).await;
    bench.wire.clear();
    let newest_first: Vec<_> = sessions.iter().rev().map(Session::handle).collect();
    assert_eq!(listed(&bench, "u-17").await, newest_first);
    assert_eq!(bench.wire.operations(), ["BatchGetItem"; 4]);
    let revoked = bench.store.revoke(Exact::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 230);
    assert_eq!(roster(&bench, "u-17").await, None);
}

/// A value that cannot be the key of a roster is known before any request.
#[tokio::test]
async fn a_value_that_is_too_long_for_a_rosters_key_is_refused() {
    let bench = TestBench::<Exact>::new().await;
    let longest = "x".repeat(2048 - "#user_id##S#Exact".len());
    bench.store.create(Exact::of(&longest)).await.unwrap();
    bench.wire.clear();
    match bench.store.create(Exact::of(&format!("{longest}x"))).await {
        Err(Error::Encode(error)) => assert_eq!(error.path(), "user_id"),
        created => panic!("{created:?}"),
    }
    assert!(bench.wire.operations().is_empty());
}
