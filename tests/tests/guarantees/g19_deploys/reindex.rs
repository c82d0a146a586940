//! `reindex`, and the indexes that are not complete until it has run.

use std::future::IntoFuture as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::{HOUR, is_live, listed, revoked};

version! {
    /// The table as it was made before there were the indexes.
    struct Plain {
        user_id: Option<String>,
        tenant: Option<String>,
    }
}

version! {
    struct Usual {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        #[dynamo(attr = "tenant")]
        tenant: Option<String>,
    }
}

version! {
    struct Indexed {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        #[dynamo(attr = "tenant")]
        tenant: Option<String>,
    }
}

const FAST: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

fn plain(user: &str) -> Plain {
    Plain {
        user_id: Some(user.to_owned()),
        tenant: Some("t".into()),
    }
}

async fn log_in(store: &DynamoDbStore<Plain>, count: usize) -> Vec<Session<Plain>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(store.create(plain("u")).await.unwrap());
    }
    sessions
}

async fn is_complete(store: &DynamoDbStore<Indexed>) -> bool {
    let revoked = store.revoke(Indexed::USER_ID, "nobody").await.unwrap();
    revoked.is_complete()
}

#[tokio::test]
async fn reindex_enters_sessions_that_nobody_visits_into_every_index() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let sessions = log_in(&bench.store, 30).await;
    let early = new.revoke(Indexed::USER_ID, "u").await.unwrap();
    assert_eq!((early.deleted(), early.is_complete()), (0, false));
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((reindexed.scanned(), reindexed.mended()), (30, 30));
    assert_eq!(reindexed.failed(), 0);
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 30);
    let item = bench.item(sessions[0].handle()).await.unwrap();
    assert_eq!(item["tenant"], AttributeValue::S("t".into()));
    let revoked = new.revoke(Indexed::USER_ID, "u").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.is_complete()), (30, true));
    assert!(!is_live(&bench.store, sessions[0].id()).await);
}

#[tokio::test]
async fn reindex_extends_no_session() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let sessions = log_in(&bench.store, 1).await;
    let before = bench.item(sessions[0].handle()).await.unwrap();
    bench.clock.advance(HOUR / 4);
    let _ = new.reindex().rate(FAST).await.unwrap();
    let after = bench.item(sessions[0].handle()).await.unwrap();
    assert_eq!(after["expires_at"], before["expires_at"]);
    assert_eq!(after["touched_at"], before["touched_at"]);
}

#[tokio::test]
async fn a_second_reindex_writes_nothing_to_sessions_and_costs_its_reads() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    log_in(&bench.store, 10).await;
    let _ = new.reindex().rate(FAST).await.unwrap();
    let again = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((again.scanned(), again.mended()), (10, 0));
}

#[tokio::test]
async fn two_reindexes_at_once_enter_each_session_once() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    log_in(&bench.store, 20).await;
    let (first, second) = (new.reindex().rate(FAST), new.reindex().rate(FAST));
    let (first, second) = futures_util::join!(first.into_future(), second.into_future());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.failed() + second.failed(), 0);
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 20);
    assert!(is_complete(&new).await);
}

/// The store that has made the table knows that nothing is missing. The table has no note of it before `reindex`.
#[tokio::test]
async fn the_indexes_of_a_new_table_are_complete_to_all_after_one_reindex() {
    let bench = TestBench::<Indexed>::new().await;
    assert!(is_complete(&bench.store).await);
    let other_host = bench.other::<Indexed>().await;
    assert!(!is_complete(&other_host).await);
    let _ = bench.store.reindex().rate(FAST).await.unwrap();
    assert!(is_complete(&other_host).await);
    assert!(other_host.incomplete_indexes().await.unwrap().is_empty());
    // Nobody else can have made it incomplete.
    bench.clock.advance(30 * 24 * HOUR);
    assert!(is_complete(&bench.store).await);
    let without = bench.other::<Plain>().await;
    assert!(without.incomplete_indexes().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_index_that_was_added_is_incomplete_until_reindex_has_run() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    new.create_table().await.unwrap();
    let incomplete = new.incomplete_indexes().await.unwrap();
    assert_eq!(incomplete.len(), 1);
    assert!(!is_complete(&new).await);
    let mut sessions = new.sessions(Indexed::USER_ID, "u");
    assert!(sessions.next().await.is_none());
    assert!(!sessions.is_complete());
    let page = async || new.sessions(Indexed::USER_ID, "u").page(5).await.unwrap();
    assert!(!page().await.is_complete);
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert!(new.incomplete_indexes().await.unwrap().is_empty());
    assert!(is_complete(&new).await);
    assert!(page().await.is_complete);
}

/// A default index becomes consistent: the type is complete for the one, and not yet for the other.
#[tokio::test]
async fn another_kind_of_index_is_incomplete_until_reindex_has_run() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Indexed>().await;
    assert!(!is_complete(&new).await);
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert!(is_complete(&new).await);
}

/// The session changes after `reindex` has read it, and before it writes.
#[tokio::test]
async fn reindex_undoes_nothing_that_happens_meanwhile() {
    for what in ["delete", "move", "new id", "log-out"] {
        let bench = TestBench::<Plain>::new().await;
        let new = bench.other::<Indexed>().await;
        let mut session = log_in(&bench.store, 1).await.remove(0);
        let id = session.id().clone();
        let store = bench.store.clone();
        bench.wire.next(
            "TransactWriteItems",
            Fault::meanwhile(move || async move {
                match what {
                    "delete" => store.delete(session.id()).await.unwrap(),
                    "move" => {
                        session.user_id = Some("v".into());
                        store.save(&mut session).await.unwrap();
                    }
                    "new id" => store.cycle_id(&mut session).await.unwrap(),
                    _ => {
                        session.user_id = None;
                        store.save(&mut session).await.unwrap();
                    }
                }
            }),
        );
        let _ = new.reindex().rate(FAST).await.unwrap();
        let of_u = listed(&new, Indexed::USER_ID, "u").await;
        let live = is_live(&bench.store, &id).await;
        assert_eq!(live, ["move", "log-out"].contains(&what), "{what}");
        let items = bench.items().await;
        let sessions = items.iter().filter(|item| item.contains_key("data"));
        assert_eq!(sessions.count(), usize::from(what != "delete"), "{what}");
        assert!(of_u <= usize::from(what == "new id"), "{what}: {of_u}");
    }
}

/// One session cannot be read. The others are mended, and the index is not called complete.
#[tokio::test]
async fn reindex_counts_a_session_that_it_cannot_read_and_goes_on() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let sessions = log_in(&bench.store, 5).await;
    let mut item = bench.item(sessions[2].handle()).await.unwrap();
    item.insert("data".into(), AttributeValue::S("?".into()));
    bench.put(item.clone()).await;
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((reindexed.mended(), reindexed.failed()), (4, 1));
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 4);
    assert_eq!(bench.item(sessions[2].handle()).await.unwrap(), item);
}

/// The scan is throttled, and fails. Called again, it ends what is left.
#[tokio::test]
async fn reindex_that_fails_goes_on_when_it_is_called_again() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    log_in(&bench.store, 10).await;
    let refuse = || Fault::Answer(400, "AccessDeniedException", "no");
    bench.wire.every("Scan", refuse);
    assert!(new.reindex().rate(FAST).await.is_err());
    bench.wire.restore("Scan");
    bench.wire.every("TransactWriteItems", refuse);
    let failed = new.reindex().rate(FAST).await;
    assert!(failed.is_err() || failed.unwrap().failed() > 0);
    assert!(!is_complete(&new).await);
    bench.wire.restore("TransactWriteItems");
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 10);
    assert!(is_complete(&new).await);
}

/// It fails after the first page of ten.
#[tokio::test]
async fn reindex_that_is_interrupted_goes_on_where_it_was() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    log_in(&bench.store, 15).await;
    bench.wire.next("Scan", Fault::edit(|_| {}));
    let refuse = Fault::Answer(400, "AccessDeniedException", "no");
    bench.wire.next("Scan", refuse);
    let pages_of_ten = new.reindex().rate(NonZeroU32::new(10).unwrap());
    assert!(pages_of_ten.await.is_err());
    assert!(!is_complete(&new).await);
    let rest = new.reindex().rate(FAST).await.unwrap();
    assert!(rest.scanned() <= 6, "{rest:?}");
    assert!(is_complete(&new).await);
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 15);
}

#[tokio::test]
async fn reindex_tells_its_progress_and_keeps_its_rate() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    log_in(&bench.store, 12).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let progress = Arc::clone(&seen);
    let began = tokio::time::Instant::now();
    let rate = NonZeroU32::new(10).unwrap();
    let reindex = new.reindex().rate(rate).on_progress(move |so_far| {
        progress.lock().unwrap().push(so_far.scanned());
    });
    let _ = reindex.await.unwrap();
    // Ten, and after a second two more.
    assert!(began.elapsed().as_millis() >= 900, "{:?}", began.elapsed());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.last(), Some(&12), "{seen:?}");
}

/// Rolled back and forward: the table does not call an index complete that a program without it has written.
#[tokio::test]
async fn an_index_is_incomplete_again_when_a_program_without_it_was_there() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert!(is_complete(&new).await);
    let sessions = log_in(&bench.store, 2).await;
    super::visit(&new, sessions[0].id()).await.unwrap();
    assert!(!is_complete(&new).await);
    let other_host = bench.other::<Indexed>().await;
    assert!(!is_complete(&other_host).await);
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert!(is_complete(&other_host).await);
    assert_eq!(revoked(&new, Indexed::USER_ID, "u").await, 2);
}

/// The old binary has logged the user out, and did not know the attribute.
#[tokio::test]
async fn reindex_takes_an_attribute_away_that_a_session_has_no_more() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let mut session = log_in(&bench.store, 1).await.remove(0);
    let _ = new.reindex().rate(FAST).await.unwrap();
    session.user_id = None;
    session.tenant = None;
    bench.store.save(&mut session).await.unwrap();
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((reindexed.mended(), reindexed.failed()), (1, 0));
    let item = bench.item(session.handle()).await.unwrap();
    assert!(!item.contains_key("user_id") && !item.contains_key("tenant"));
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 0);
}

/// Sessions of other types, and of another prefix, are none of its business.
#[tokio::test]
async fn g16_reindex_leaves_other_types_alone() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Staff")]
    struct Staff {
        user_id: Option<String>,
        tenant: Option<String>,
    }

    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let staff = bench.other::<Staff>().await;
    let other = Staff {
        user_id: Some("u".into()),
        tenant: Some("t".into()),
    };
    let other = staff.create(other).await.unwrap();
    let before = bench.item(other.handle()).await.unwrap();
    log_in(&bench.store, 1).await;
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!(reindexed.mended(), 1);
    assert_eq!(bench.item(other.handle()).await.unwrap(), before);
    assert_eq!(revoked(&new, Indexed::USER_ID, "u").await, 1);
}

/// A session from before sessions told their type may be of another type. A reindex does not decide that.
#[tokio::test]
async fn g16_reindex_claims_no_session_that_does_not_tell_its_type() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let handle = log_in(&bench.store, 1).await[0].handle();
    let mut item = bench.item(handle).await.unwrap();
    item.remove("session_type");
    let put = bench.store.client().put_item();
    let put = put
        .table_name(bench.store.table_name())
        .set_item(Some(item));
    put.send().await.unwrap();
    assert_eq!(new.reindex().rate(FAST).await.unwrap().mended(), 1);
    let item = bench.item(handle).await.unwrap();
    assert!(item.contains_key("user_id") && !item.contains_key("session_type"));
}

/// An old binary logs somebody in after `reindex`: the index has the session from its first visit.
#[tokio::test]
async fn reindex_is_for_when_the_last_old_binary_has_stopped() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Indexed>().await;
    let _ = new.reindex().rate(FAST).await.unwrap();
    log_in(&bench.store, 1).await;
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 0);
    let _ = new.reindex().rate(FAST).await.unwrap();
    assert_eq!(listed(&new, Indexed::USER_ID, "u").await, 1);
}
