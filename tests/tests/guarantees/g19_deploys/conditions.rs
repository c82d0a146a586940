//! Conditions that only a second host, a lost answer or a full roster shows: each test fails without one of them.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::{HOUR, MINUTE, is_live, listed, save, visit};

version! {
    #[dynamo(idle_timeout = "12h", absolute_timeout = "30d")]
    struct Long {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    #[dynamo(idle_timeout = "12h", absolute_timeout = "12h")]
    struct Short {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    struct Plain {
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    struct Usual {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    struct Listed {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    struct One {
        #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
        user_id: Option<String>,
        visits: u64,
    }
}

version! {
    #[dynamo(revoke_all)]
    struct OneOrNone {
        #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
        user_id: Option<String>,
        visits: u64,
    }
}

const FAST: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

fn user(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// The old binary keeps a session alive, and only its log-in is too long ago for the new one.
#[tokio::test]
async fn g1_a_copy_writes_nothing_to_a_session_whose_log_in_is_too_long_ago() {
    let bench = TestBench::<Long>::new().await;
    let new = bench.other::<Short>().await;
    let session = bench.store.create(Long::default()).await.unwrap();
    bench.clock.advance(12 * HOUR - MINUTE);
    let load = async || new.load(session.id()).await.unwrap().unwrap();
    let (mut saved, mut touched, mut cycled) = (load().await, load().await, load().await);
    visit(&bench.store, session.id()).await.unwrap();
    bench.clock.advance(2 * MINUTE);
    let before = bench.item(session.handle()).await.unwrap();
    saved.visits = 1;
    let written = [
        new.save(&mut saved).await,
        new.touch(&mut touched).await,
        new.cycle_id(&mut cycled).await,
    ];
    for written in written {
        assert!(matches!(written, Err(Error::Gone(_))), "{written:?}");
    }
    assert_eq!(bench.item(session.handle()).await.unwrap(), before);
    assert!(is_live(&bench.store, session.id()).await);
}

/// The old binary takes a session to another user and back, and its entry is dropped in between.
#[tokio::test]
async fn g9_a_session_that_comes_back_to_a_user_after_its_entry_was_dropped_is_entered_again() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Listed>().await;
    let user_id = user("u");
    let session = new.create(Listed { user_id, visits: 0 }).await.unwrap();
    let id = session.id();
    save(&bench.store, id, |app| app.user_id = user("v")).await;
    let revoked = new.revoke(Listed::USER_ID, "u").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.moved()), (0, 1));
    save(&bench.store, id, |app| app.user_id = user("u")).await;
    visit(&new, id).await.unwrap();
    assert_eq!(listed(&new, Listed::USER_ID, "u").await, 1);
}

/// A log-in finds a roster full of a session that has just ended, and a late request gives it a new id before it
/// is deleted.
#[tokio::test]
async fn g18_the_mark_of_a_change_of_id_outlasts_a_log_in_that_met_its_session_as_expired() {
    let bench = TestBench::<One>::new().await;
    let one = || One {
        user_id: user("u"),
        visits: 0,
    };
    let mut session = bench.store.create(one()).await.unwrap();
    let old = session.handle();
    let (store, clock) = (bench.store.clone(), bench.clock.clone());
    bench.clock.advance(30 * MINUTE);
    // By the clock of the host that gives the new id, the session has a second left.
    let cycle = Fault::meanwhile(move || async move {
        let now = clock.millis();
        clock.set(now - 1000);
        store.cycle_id(&mut session).await.unwrap();
        clock.set(now);
    });
    bench.wire.next("DeleteItem", cycle);
    let refused = bench.store.create(one()).await;
    assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
    let mark = bench.item(old).await.expect("the mark is there");
    assert!(mark.contains_key("moved_to"), "{mark:?}");
    // An end by the old id still ends the session.
    let revoked = bench.store.revoke_handle(&old).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

/// To the binary with `revoke_all` a session is over, and to the other one it would be live and in no roster.
#[tokio::test]
async fn g17_a_session_that_was_revoked_with_all_ends_before_its_entry_goes() {
    let bench = TestBench::<One>::new().await;
    let new = bench.other::<OneOrNone>().await;
    let user_id = user("u");
    let session = bench.store.create(One { user_id, visits: 0 }).await;
    let session = session.unwrap();
    let moment = bench.store.now() + MINUTE;
    bench.clock.advance(2 * MINUTE);
    new.revoke_all_created_before(moment).await.unwrap();
    let user_id = user("u");
    let log_in = new.create(OneOrNone { user_id, visits: 0 }).await;
    assert!(Session::evicted(&log_in.unwrap()).is_empty());
    assert!(!is_live(&bench.store, session.id()).await);
}

#[tokio::test]
async fn g3_a_save_does_not_fail_for_a_roster_that_it_does_not_change() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Listed>().await;
    let user_id = user("u");
    let session = bench.store.create(Usual { user_id, visits: 0 }).await;
    let id = session.unwrap().id().clone();
    bench.wire.every("TransactWriteItems", Fault::throttled);
    save(&new, &id, |app| app.visits = 1).await;
    assert_eq!(bench.store.load(&id).await.unwrap().unwrap().visits, 1);
    assert_eq!(listed(&new, Listed::USER_ID, "u").await, 0);
    // A visit neither fails nor waits for it.
    visit(&new, &id).await.unwrap();
    bench.wire.restore("TransactWriteItems");
    visit(&new, &id).await.unwrap();
    assert_eq!(listed(&new, Listed::USER_ID, "u").await, 1);
}

/// A save that moves the session needs the rosters, and says so.
#[tokio::test]
async fn g9_a_save_that_changes_the_user_fails_with_its_rosters() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Listed>().await;
    let session = bench.store.create(Usual::default()).await.unwrap();
    bench.wire.every("TransactWriteItems", Fault::throttled);
    let mut session = new.load(session.id()).await.unwrap().unwrap();
    session.user_id = user("u");
    let saved = new.save(&mut session).await;
    assert!(matches!(saved, Err(Error::Service(_))), "{saved:?}");
    assert!(
        !bench
            .item(session.handle())
            .await
            .unwrap()
            .contains_key("user_id")
    );
}

/// Rolled back and forward: the host that meets the session is not the one that is asked.
#[tokio::test]
async fn a_host_that_was_never_asked_notes_that_an_index_lacks_sessions() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Listed>().await;
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!(reindexed.failed(), 0);
    for by_save in [false, true] {
        let _ = bench.other::<Listed>().await.reindex().rate(FAST).await;
        let user_id = user("u");
        let session = bench.store.create(Plain { user_id, visits: 0 }).await;
        let id = session.unwrap().id().clone();
        let host = bench.other::<Listed>().await;
        if by_save {
            save(&host, &id, |app| app.visits = 1).await;
        } else {
            visit(&host, &id).await.unwrap();
        }
        let asked = bench.other::<Listed>().await;
        let incomplete = asked.incomplete_indexes().await.unwrap();
        assert_eq!(incomplete, ["user_id"], "by a save: {by_save}");
    }
}

/// What failed before an interruption counts, or the rest alone would make the index complete.
#[tokio::test]
async fn reindex_remembers_what_failed_before_it_was_interrupted() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Listed>().await;
    for _ in 0..15 {
        bench.store.create(Plain::default()).await.unwrap();
    }
    // In the order of the table, the first item is on the first page.
    let mut damaged = bench.all_items().await.swap_remove(0);
    damaged.remove("data");
    bench.put(damaged.clone()).await;
    bench.wire.next("Scan", Fault::edit(|_| {}));
    let refuse = Fault::Answer(400, "AccessDeniedException", "no");
    bench.wire.next("Scan", refuse);
    let pages_of_ten = new.reindex().rate(NonZeroU32::new(10).unwrap());
    assert!(pages_of_ten.await.is_err());
    let rest = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((rest.failed(), rest.failures().len()), (1, 0), "{rest:?}");
    assert_eq!(new.incomplete_indexes().await.unwrap(), ["user_id"]);
    bench.delete(damaged).await;
    let anew = new.reindex().rate(FAST).await.unwrap();
    assert_eq!((anew.scanned(), anew.failed()), (14, 0));
    assert!(new.incomplete_indexes().await.unwrap().is_empty());
}

/// Somebody logs out between the read and the write of a reindex: there is nothing left to mend.
#[tokio::test]
async fn reindex_does_not_fail_at_a_session_that_leaves_its_user_meanwhile() {
    let bench = TestBench::<Usual>::new().await;
    let new = bench.other::<Listed>().await;
    let user_id = user("u");
    let session = bench.store.create(Usual { user_id, visits: 0 }).await;
    let id = session.unwrap().id().clone();
    let host = bench.other::<Listed>().await;
    let log_out = Fault::meanwhile(move || async move {
        save(&host, &id, |app| app.user_id = None).await;
    });
    bench.wire.next("TransactWriteItems", log_out);
    let reindexed = new.reindex().rate(FAST).await.unwrap();
    assert_eq!(reindexed.failed(), 0, "{reindexed:?}");
    assert_eq!(listed(&new, Listed::USER_ID, "u").await, 0);
}

/// A reindex of a type without indexes leaves no item of its own.
#[tokio::test]
async fn g2_reindex_of_a_type_without_indexes_leaves_the_table_as_it_was() {
    let bench = TestBench::<Plain>::new().await;
    let reindexed = bench.store.reindex().rate(FAST).await.unwrap();
    assert_eq!(reindexed.scanned(), 0);
    assert_eq!(bench.all_items().await.len(), 0);
}

/// A socket keeps its copy, and others have written since: it does not try in vain at each touch.
#[tokio::test]
async fn g14_a_copy_that_was_overtaken_mends_once() {
    let bench = TestBench::<Plain>::new().await;
    let new = bench.other::<Usual>().await;
    let user_id = user("u");
    let session = bench.store.create(Plain { user_id, visits: 0 }).await;
    let id = session.unwrap().id().clone();
    let mut kept = new.load(&id).await.unwrap().unwrap();
    save(&new, &id, |app| app.visits = 1).await;
    new.touch(&mut kept).await.unwrap();
    bench.wire.clear();
    new.touch(&mut kept).await.unwrap();
    assert_eq!(bench.wire.operations(), [""; 0]);
}
