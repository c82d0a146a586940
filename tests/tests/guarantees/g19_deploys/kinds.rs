//! A default index that becomes consistent, and one that becomes a default index again.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes};
use session_store_tests::TestBench;

use super::{DAY, MINUTE, Version, delete_expired, is_live, listed, revoked, visit};

version! {
    #[dynamo(idle_timeout = "6h", absolute_timeout = "30d")]
    struct Usual {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        theme: String,
    }
}

version! {
    #[dynamo(idle_timeout = "6h", absolute_timeout = "30d")]
    struct Consistent {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        theme: String,
    }
}

version! {
    /// The same with an absolute timeout for which rosters are kept longer.
    #[dynamo(idle_timeout = "60d", absolute_timeout = "90d")]
    struct Longer {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        theme: String,
    }
}

fn of(user: &str) -> Usual {
    Usual {
        user_id: Some(user.to_owned()),
        ..Usual::default()
    }
}

async fn by_consistent(store: &DynamoDbStore<Consistent>, user: &str) -> usize {
    listed(store, Consistent::USER_ID, user).await
}

async fn by_default(bench: &TestBench<Usual>, user: &str) -> usize {
    listed(&bench.store, Usual::USER_ID, user).await
}

async fn create<S: Version>(store: &DynamoDbStore<S>, session: S) -> Session<S> {
    store.create(session).await.unwrap()
}

#[tokio::test]
async fn an_index_that_becomes_consistent_has_a_session_in_use_from_its_next_visit() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    let session = create(&bench.store, of("u")).await;
    for _ in 0..6 {
        bench.clock.advance(10 * MINUTE);
        visit(&new, session.id()).await.unwrap();
    }
    assert_eq!(by_consistent(&new, "u").await, 1);
    assert_eq!(revoked(&new, Consistent::USER_ID, "u").await, 1);
    assert!(!is_live(&new, session.id()).await);
}

#[tokio::test]
async fn a_save_and_a_new_id_enter_a_session_into_its_roster_as_a_visit_does() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    let saved = create(&bench.store, of("u")).await;
    let mut saved = new.load(saved.id()).await.unwrap().unwrap();
    saved.theme.push('x');
    new.save(&mut saved).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 1);

    let renamed = create(&bench.store, of("u")).await;
    let mut renamed = new.load(renamed.id()).await.unwrap().unwrap();
    new.cycle_id(&mut renamed).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 2);

    let updated = create(&bench.store, of("u")).await;
    let update = |session: &mut Consistent| session.theme.push('x');
    new.update(updated.id(), update).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 3);
}

/// Old binaries log in, change the user, and log out, without the roster.
#[tokio::test]
async fn while_both_run_a_consistent_index_follows_the_old_binary_at_the_next_visit() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    let mut session = create(&bench.store, of("u")).await;
    visit(&new, session.id()).await.unwrap();
    for (user, of_u, of_v) in [(Some("v"), 0, 1), (None, 0, 0), (Some("u"), 1, 0)] {
        session.user_id = user.map(str::to_owned);
        bench.store.save(&mut session).await.unwrap();
        visit(&new, session.id()).await.unwrap();
        assert_eq!(by_consistent(&new, "u").await, of_u, "{user:?}");
        assert_eq!(by_consistent(&new, "v").await, of_v, "{user:?}");
    }
    bench.store.cycle_id(&mut session).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 1, "a new id");
    bench.store.delete(session.id()).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 0);
}

#[tokio::test]
async fn g14_a_session_enters_its_roster_once() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    create(&new, consistent("u")).await;
    let session = create(&bench.store, of("u")).await;
    bench.wire.clear();
    visit(&new, session.id()).await.unwrap();
    // The last one notes that the index is not complete: once an hour for each host.
    let operations = ["GetItem", "TransactWriteItems", "UpdateItem"];
    assert_eq!(bench.wire.operations(), operations);
    bench.wire.clear();
    visit(&new, session.id()).await.unwrap();
    assert_eq!(bench.wire.operations(), ["GetItem"]);
}

fn consistent(user: &str) -> Consistent {
    Consistent {
        user_id: Some(user.to_owned()),
        ..Consistent::default()
    }
}

#[tokio::test]
async fn a_consistent_index_that_becomes_a_default_one_misses_nothing() {
    let bench = TestBench::<Usual>::new().await;
    let before = bench.other::<Consistent>().await;
    let first = create(&before, consistent("u")).await;
    let mut second = create(&before, consistent("w")).await;
    second.user_id = Some("u".into());
    before.save(&mut second).await.unwrap();
    assert_eq!(by_default(&bench, "u").await, 2);
    assert_eq!(revoked(&bench.store, Usual::USER_ID, "u").await, 2);
    assert!(!is_live(&before, first.id()).await);
    assert!(!is_live(&before, second.id()).await);
    assert_eq!(by_consistent(&before, "u").await, 0);
}

/// Default, consistent, rolled back to default, and consistent again.
#[tokio::test]
async fn an_index_that_goes_back_and_forth_is_mended_by_the_next_visit() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    let mut moved = create(&new, consistent("u")).await;
    let ended = create(&new, consistent("u")).await;
    // Rolled back.
    let mut by_old = bench.store.load(moved.id()).await.unwrap().unwrap();
    by_old.user_id = Some("v".into());
    bench.store.save(&mut by_old).await.unwrap();
    bench.store.cycle_id(&mut by_old).await.unwrap();
    bench.store.delete(ended.id()).await.unwrap();
    let young = create(&bench.store, of("v")).await;
    // And forward again.
    moved = visit(&new, by_old.id()).await.unwrap();
    visit(&new, young.id()).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 0);
    assert_eq!(by_consistent(&new, "v").await, 2);
    assert_eq!(revoked(&new, Consistent::USER_ID, "v").await, 2);
    assert!(!is_live(&new, moved.id()).await);
}

/// A touch that enters the roster must not undo the log-out, or the move, of another request.
#[tokio::test]
async fn a_visit_enters_no_roster_for_a_value_that_another_has_changed_meanwhile() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Consistent>().await;
    let session = create(&bench.store, of("u")).await;
    let mut stale = new.load(session.id()).await.unwrap().unwrap();
    let mut moving = new.load(session.id()).await.unwrap().unwrap();
    moving.user_id = Some("v".into());
    new.save(&mut moving).await.unwrap();
    bench.clock.advance(60 * MINUTE);
    new.touch(&mut stale).await.unwrap();
    assert_eq!(by_consistent(&new, "u").await, 0);
    assert_eq!(revoked(&new, Consistent::USER_ID, "u").await, 0);
    assert_eq!(revoked(&new, Consistent::USER_ID, "v").await, 1);
}

/// DynamoDB's TTL deletes a roster only after the last session that the running type lets live.
#[tokio::test]
async fn a_roster_lasts_as_long_as_a_longer_absolute_timeout_allows() {
    let bench = TestBench::<Usual>::new().await;
    let old = bench.other::<Consistent>().await;
    let new = bench.other::<Longer>().await;
    let session = create(&old, consistent("u")).await;
    for _ in 0..16 {
        visit(&new, session.id()).await.unwrap();
        bench.clock.advance(5 * DAY);
        delete_expired(&bench).await;
    }
    assert!(is_live(&new, session.id()).await);
    assert_eq!(listed(&new, Longer::USER_ID, "u").await, 1);
    assert_eq!(revoked(&new, Longer::USER_ID, "u").await, 1);
    assert!(!is_live(&new, session.id()).await);
}
