//! A default index that is added to a type in use, or dropped from it.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes, Touch};
use session_store_tests::TestBench;

use super::{HOUR, MINUTE, is_live, listed, revoked, visit};

version! {
    struct Plain {
        user_id: Option<String>,
        theme: String,
    }
}

version! {
    struct Promoted {
        #[dynamo(attr = "user_id")]
        user_id: Option<String>,
        theme: String,
    }
}

version! {
    struct Indexed {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        theme: String,
    }
}

async fn log_in(store: &DynamoDbStore<Plain>, user: &str) -> Session<Plain> {
    let user_id = Some(user.to_owned());
    let session = Plain {
        user_id,
        ..Plain::default()
    };
    store.create(session).await.unwrap()
}

/// The thief is logged in, and visits every ten minutes for an hour. The visits change nothing.
#[tokio::test]
async fn a_new_index_has_a_session_in_use_from_its_next_visit() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let session = log_in(&old, "u").await;
    for _ in 0..6 {
        bench.clock.advance(10 * MINUTE);
        visit(&bench.store, session.id()).await.unwrap();
    }
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 1);
    assert_eq!(revoked(&bench.store, Indexed::USER_ID, "u").await, 1);
    assert!(!is_live(&bench.store, session.id()).await);
}

#[tokio::test]
async fn a_new_index_has_a_session_after_its_first_visit_even_if_it_was_touched_a_moment_ago() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let session = log_in(&old, "u").await;
    visit(&bench.store, session.id()).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 1);
}

/// It is written once, and then a touch costs what it did before. The first one also notes in the table that a
/// program without the index has been there.
#[tokio::test]
async fn g14_a_session_is_mended_once() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let session = log_in(&old, "u").await;
    let other = log_in(&old, "u").await;
    bench.wire.clear();
    visit(&bench.store, session.id()).await.unwrap();
    let noted = ["GetItem", "UpdateItem", "UpdateItem"];
    assert_eq!(bench.wire.operations(), noted);
    bench.wire.clear();
    visit(&bench.store, other.id()).await.unwrap();
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    bench.wire.clear();
    visit(&bench.store, session.id()).await.unwrap();
    visit(&bench.store, other.id()).await.unwrap();
    assert_eq!(bench.wire.operations(), ["GetItem", "GetItem"]);
}

#[tokio::test]
async fn a_store_that_never_touches_mends_an_index_and_extends_nothing() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let session = log_in(&old, "u").await;
    let builder = DynamoDbStore::<Indexed>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let new = builder.touch(Touch::Never).build().await.unwrap();
    bench.clock.advance(10 * MINUTE);
    let visited = visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 1);
    assert_eq!(visited.expires_at(), session.expires_at());
}

/// Old binaries change the value, and do not know the attribute.
#[tokio::test]
async fn while_both_run_a_new_index_follows_the_old_binary_at_the_next_visit() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let mut session = log_in(&old, "u").await;
    visit(&bench.store, session.id()).await.unwrap();
    for (user, of_u, of_v) in [(Some("v"), 0, 1), (None, 0, 0), (Some("u"), 1, 0)] {
        session.user_id = user.map(str::to_owned);
        old.save(&mut session).await.unwrap();
        visit(&bench.store, session.id()).await.unwrap();
        assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, of_u);
        assert_eq!(listed(&bench.store, Indexed::USER_ID, "v").await, of_v);
    }
}

/// Between the old binary's log-out and the next visit, the index shows what was.
#[tokio::test]
async fn a_visit_never_writes_a_value_that_another_has_changed_meanwhile() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let mut session = log_in(&old, "u").await;
    let mut stale = bench.store.load(session.id()).await.unwrap().unwrap();
    session.user_id = Some("v".into());
    old.save(&mut session).await.unwrap();
    bench.store.touch(&mut stale).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 0);
    visit(&bench.store, session.id()).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "v").await, 1);
}

/// The attribute was there without an index, so that DynamoDB itself fills the index.
#[tokio::test]
async fn an_index_on_an_attribute_that_was_promoted_before_needs_no_visit() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Promoted>().await;
    let session = Promoted {
        user_id: Some("u".into()),
        ..Promoted::default()
    };
    let session = old.create(session).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 1);
    assert_eq!(revoked(&bench.store, Indexed::USER_ID, "u").await, 1);
    assert!(!is_live(&old, session.id()).await);
}

#[tokio::test]
async fn an_index_that_is_rolled_back_and_comes_again_is_mended_by_the_next_visit() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let mut session = log_in(&old, "u").await;
    visit(&bench.store, session.id()).await.unwrap();
    // Rolled back: the old binary changes the value, gives a new id, and begins another session.
    session.user_id = Some("v".into());
    old.cycle_id(&mut session).await.unwrap();
    let other = log_in(&old, "v").await;
    // And forward again.
    for id in [session.id(), other.id()] {
        visit(&bench.store, id).await.unwrap();
    }
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 0);
    assert_eq!(revoked(&bench.store, Indexed::USER_ID, "v").await, 2);
}

/// The field stays, and its attribute goes.
#[tokio::test]
async fn an_attribute_that_is_dropped_stays_as_it_was_until_the_session_ends() {
    let bench = TestBench::<Indexed>::new().await;
    let new = bench.other::<Plain>().await;
    let session = Indexed {
        user_id: Some("u".into()),
        ..Indexed::default()
    };
    let session = bench.store.create(session).await.unwrap();
    let mut by_new = new.load(session.id()).await.unwrap().unwrap();
    by_new.user_id = Some("v".into());
    new.save(&mut by_new).await.unwrap();
    new.cycle_id(&mut by_new).await.unwrap();
    let item = bench.item(by_new.handle()).await.unwrap();
    assert_eq!(item["user_id"].as_s().unwrap(), "u");

    // Rolled back: the index is right after the next visit.
    visit(&bench.store, by_new.id()).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 0);
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "v").await, 1);
}

/// The idle timeout passes meanwhile: no visit of an expired session brings it into an index.
#[tokio::test]
async fn g1_a_session_that_has_ended_is_not_mended() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let session = log_in(&old, "u").await;
    let mut expired = bench.store.load(session.id()).await.unwrap().unwrap();
    let other = log_in(&old, "u").await;
    let mut deleted = bench.store.load(other.id()).await.unwrap().unwrap();
    old.delete(other.id()).await.unwrap();
    bench.clock.advance(HOUR);
    for copy in [&mut expired, &mut deleted] {
        let touched = bench.store.touch(copy).await;
        assert!(
            matches!(touched, Err(session_store::Error::Gone(_))),
            "{touched:?}"
        );
    }
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 0);
}
