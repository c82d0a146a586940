//! The writes that a load may miss with each `ReadConsistency`, with injected stale reads, which no local
//! engine returns. No write is weaker for it: G1, G3, G5, G7, G14.

use std::time::Duration;

use serde_json::{Value, json};
use session_store::{DynamoDbStore, Error, ReadConsistency, Session};
use session_store_tests::{Fault, TestBench};

use crate::App;

async fn store(bench: &TestBench<App>, reads: ReadConsistency) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.read_consistency(reads).build().await.unwrap()
}

/// The item in the form of the wire.
async fn item(bench: &TestBench<App>, session: &Session<App>) -> Value {
    bench.wire.clear();
    let read = bench.store.client().get_item();
    let read = read.table_name(bench.store.table_name());
    let id = session_store::AttributeValue::S(session.handle().to_string());
    let (tell, told) = std::sync::mpsc::channel();
    bench.wire.next(
        "GetItem",
        Fault::edit(move |answer| tell.send(answer.clone()).unwrap()),
    );
    read.key("id", id)
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    bench.wire.clear();
    told.recv().unwrap()
}

/// The next read comes from a stale copy of the table.
fn stale(bench: &TestBench<App>, answer: &Value) {
    let answer = answer.clone();
    bench
        .wire
        .next("GetItem", Fault::edit(move |now| *now = answer));
}

fn are_consistent(bench: &TestBench<App>) -> Vec<bool> {
    let calls = bench.wire.calls();
    let reads = calls.iter().filter(|call| call.operation == "GetItem");
    reads
        .map(|call| call.input["ConsistentRead"] == true)
        .collect()
}

#[tokio::test]
async fn a_store_reads_consistently_unless_told_otherwise() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::default()).await.unwrap();
    bench.wire.clear();
    bench.store.load(session.id()).await.unwrap();
    bench.store.load_at_least(session.id(), 1).await.unwrap();
    assert_eq!(are_consistent(&bench), [true, true]);
}

#[tokio::test]
async fn an_eventual_load_is_one_read_at_half_the_price() {
    let bench = TestBench::<App>::new().await;
    let eventual = store(&bench, ReadConsistency::Eventual).await;
    let session = eventual.create(App::default()).await.unwrap();
    bench.wire.meter();
    eventual.load(session.id()).await.unwrap().unwrap();
    eventual
        .load_at_least(session.id(), 9)
        .await
        .unwrap()
        .unwrap();
    let half = ("GetItem".to_owned(), 0.5);
    assert_eq!(bench.wire.bill(), [half.clone(), half]);
}

/// An update starts from the stored state, whatever the loads are.
#[tokio::test]
async fn an_update_reads_consistently() {
    let bench = TestBench::<App>::new().await;
    for reads in [ReadConsistency::Eventual, ReadConsistency::ReadYourWrites] {
        let store = store(&bench, reads).await;
        let session = store.create(App::default()).await.unwrap();
        bench.wire.clear();
        store
            .update(session.id(), |app| app.visits += 1)
            .await
            .unwrap();
        assert_eq!(are_consistent(&bench), [true]);
    }
}

#[tokio::test]
async fn a_client_sees_its_own_writes_and_pays_twice_only_where_the_first_read_was_behind() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::ReadYourWrites).await;
    let mut session = store.create(App::default()).await.unwrap();
    assert_eq!(Session::written_version(&session), Some(1));
    let first = item(&bench, &session).await;

    // Another client writes, so that the version of the item is not that of the copy.
    let other = |app: &mut App| app.theme = "dark".into();
    store.update(session.id(), other).await.unwrap();
    let second = item(&bench, &session).await;
    session.visits = 7;
    store.save(&mut session).await.unwrap();
    assert_eq!(session.version(), 2, "the copy counts its own writes");
    let own = Session::written_version(&session).unwrap();
    assert_eq!(own, 3, "and this is the version of the item");

    bench.wire.meter();
    let loaded = store
        .load_at_least(session.id(), own)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((loaded.visits, &*loaded.theme), (7, "dark"));
    assert_eq!(bench.wire.bill(), [("GetItem".to_owned(), 0.5)]);

    for behind in [&first, &second, &json!({})] {
        bench.wire.clear();
        stale(&bench, behind);
        let loaded = store
            .load_at_least(session.id(), own)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((loaded.visits, &*loaded.theme), (7, "dark"));
        assert_eq!(are_consistent(&bench), [false, true]);
    }

    // Without a version, the store must read consistently.
    bench.wire.clear();
    store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(are_consistent(&bench), [true]);
}

/// G5: a stale copy of the table without the last touch.
#[tokio::test]
async fn a_session_that_was_just_touched_is_not_taken_for_expired() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::ReadYourWrites).await;
    let mut session = store.create(App::default()).await.unwrap();
    let before = item(&bench, &session).await;
    bench.clock.advance(Duration::from_secs(29 * 60));
    store.touch(&mut session).await.unwrap();
    bench.clock.advance(Duration::from_secs(29 * 60));
    stale(&bench, &before);
    let version = Session::written_version(&session).unwrap();
    assert!(
        store
            .load_at_least(session.id(), version)
            .await
            .unwrap()
            .is_some()
    );
}

/// A revocation has a delay: the session can be read for a moment, but it is never written to.
#[tokio::test]
async fn a_revoked_session_that_is_still_read_is_never_written_to() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::ReadYourWrites).await;
    let session = store.create(App::of("u-17")).await.unwrap();
    let before = item(&bench, &session).await;
    let revoked = store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 1);

    stale(&bench, &before);
    let read = store.load_at_least(session.id(), 1).await.unwrap();
    let mut read = read.expect("a stale copy");
    read.theme = "dark".into();
    assert!(matches!(store.save(&mut read).await, Err(Error::Gone(_))));
    assert!(matches!(
        store.cycle_id(&mut read).await,
        Err(Error::Gone(_))
    ));
    bench.clock.advance(Duration::from_secs(600));
    assert!(matches!(store.touch(&mut read).await, Err(Error::Gone(_))));
    assert!(bench.items().await.is_empty());

    assert!(
        store
            .load_at_least(session.id(), 1)
            .await
            .unwrap()
            .is_none()
    );
}

/// G3, G7: a copy from a stale read is saved and gets a new id like any other.
#[tokio::test]
async fn changes_to_a_stale_copy_undo_nothing() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::Eventual).await;
    let session = store.create(App::default()).await.unwrap();
    let before = item(&bench, &session).await;
    let theirs = |app: &mut App| (app.theme, app.tenant) = ("dark".into(), Some(4));
    store.update(session.id(), theirs).await.unwrap();

    stale(&bench, &before);
    let mut copy = store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(copy.theme, "");
    copy.visits = 7;
    store.save(&mut copy).await.unwrap();

    stale(&bench, &before);
    let mut copy = store.load(session.id()).await.unwrap().unwrap();
    copy.user_id = Some("u-17".into());
    store.cycle_id(&mut copy).await.unwrap();

    let loaded = bench.store.load(copy.id()).await.unwrap().unwrap();
    let expected = App {
        theme: "dark".into(),
        tenant: Some(4),
        visits: 7,
        ..App::of("u-17")
    };
    assert_eq!(*loaded, expected);
}

/// G13: if the response to a save was lost, the version is that of the item that showed it.
#[tokio::test]
async fn a_version_is_known_after_a_lost_response() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::ReadYourWrites).await;
    let mut session = store.create(App::default()).await.unwrap();
    store
        .update(session.id(), |app| app.visits += 1)
        .await
        .unwrap();
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    session.theme = "dark".into();
    store.save(&mut session).await.unwrap();
    assert_eq!(Session::written_version(&session), Some(3));
}

/// G10: an unreadable copy may be stale, and a failed read remains an error.
#[tokio::test]
async fn an_unreadable_stale_copy_is_read_again_and_a_failed_read_is_not() {
    let bench = TestBench::<App>::new().await;
    let store = store(&bench, ReadConsistency::ReadYourWrites).await;
    let session = store.create(App::default()).await.unwrap();
    let mut broken = item(&bench, &session).await;
    broken["Item"]["data"] = json!({ "S": "no map" });
    stale(&bench, &broken);
    assert!(
        store
            .load_at_least(session.id(), 1)
            .await
            .unwrap()
            .is_some()
    );

    for _ in 0..3 {
        bench.wire.next("GetItem", Fault::throttled());
    }
    let failed = store.load_at_least(session.id(), 1).await;
    assert!(matches!(failed, Err(Error::Service(_))), "{failed:?}");
}
