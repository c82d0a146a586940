//! `update_handle`, and `update_all` with `only`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::{Error, Session};
use session_store_tests::{Fault, TestBench};

use super::{Account, damage, sessions, tests};

tests! {
    it_is_no_visit
    what_others_write_meanwhile_stays
    a_late_save_of_its_visitor_keeps_the_change
    a_session_that_has_ended_is_not_written
    a_session_is_followed_to_its_new_handle
    a_session_of_a_log_in_is_not_followed
    indexes_follow_a_change
    another_user_needs_a_new_id
    a_session_that_cannot_be_read_stays_as_it_is
    a_lost_response_is_no_second_change
    a_lost_response_is_no_second_change_under_a_new_id
    only_the_own_session_is_changed
    unknown_data_stays
}

async fn stored<S: Account>(bench: &TestBench<S>, session: &Session<S>) -> S {
    let loaded = bench.store.load(session.id()).await.unwrap();
    Session::into_data(loaded.expect("it is live"))
}

async fn it_is_no_visit<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let before = bench.item(session.handle()).await.unwrap();
    bench.clock.advance(Duration::from_secs(20 * 60));
    let changed = bench.store.update_handle(session.handle(), |session| {
        *session.role() = "editor".into();
        session.role().len()
    });
    assert_eq!(changed.await.unwrap(), 6);
    let after = bench.item(session.handle()).await.unwrap();
    for name in ["created_at", "touched_at", "expires_at"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["version"], AttributeValue::N("2".into()));
    bench.clock.advance(Duration::from_secs(10 * 60));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// G3.
async fn what_others_write_meanwhile_stays<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let (store, id) = (bench.store.clone(), session.id().clone());
    let visitor = Fault::meanwhile(move || async move {
        let visit = store.update(&id, |session| {
            session.cart().push("tea".into());
            *session.visits() += 1;
        });
        visit.await.unwrap();
    });
    bench.wire.next("UpdateItem", visitor);
    let changed = bench.store.update_handle(session.handle(), |session| {
        *session.visits() += 1;
        *session.role() = "editor".into();
    });
    changed.await.unwrap();
    let mut stored = stored(&bench, &session).await;
    assert_eq!(*stored.visits(), 2);
    assert_eq!(*stored.cart(), ["tea"]);
    assert_eq!(*stored.role(), "editor");
}

async fn a_late_save_of_its_visitor_keeps_the_change<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut session = sessions(&bench, "u-17", 1).await.remove(0);
    let handle = session.handle();
    let change = |session: &mut S| *session.role() = "editor".into();
    bench.store.update_handle(handle, change).await.unwrap();
    session.cart().push("tea".into());
    bench.store.save(&mut session).await.unwrap();
    let mut saved = stored(&bench, &session).await;
    assert_eq!(saved.role(), "editor");
    assert_eq!(saved.cart().len(), 1);

    // The same with a new id.
    let change = |session: &mut S| *session.role() = "owner".into();
    bench.store.update_handle(handle, change).await.unwrap();
    bench.store.cycle_id(&mut session).await.unwrap();
    let mut saved = stored(&bench, &session).await;
    assert_eq!(saved.role(), "owner");
    assert_eq!(saved.cart().len(), 1);
}

/// G1, G2.
async fn a_session_that_has_ended_is_not_written<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let (store, id) = (bench.store.clone(), session.id().clone());
    let log_out = Fault::meanwhile(move || async move {
        store.delete(&id).await.unwrap();
    });
    bench.wire.next("UpdateItem", log_out);
    let change = |session: &mut S| *session.role() = "editor".into();
    let changed = bench.store.update_handle(session.handle(), change).await;
    assert!(matches!(changed, Err(Error::Gone(_))), "{changed:?}");
    assert!(bench.item(session.handle()).await.is_none());

    let expired = sessions(&bench, "u-17", 1).await.remove(0);
    bench.clock.advance(Duration::from_secs(30 * 60));
    let before = bench.item(expired.handle()).await;
    let changed = bench.store.update_handle(expired.handle(), change).await;
    assert!(matches!(changed, Err(Error::Gone(_))), "{changed:?}");
    assert_eq!(bench.item(expired.handle()).await, before);
}

async fn a_session_is_followed_to_its_new_handle<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut session = sessions(&bench, "u-17", 1).await.remove(0);
    let listed = session.handle();
    bench.store.cycle_id(&mut session).await.unwrap();
    let change = |session: &mut S| *session.role() = "editor".into();
    bench.store.update_handle(listed, change).await.unwrap();
    assert_eq!(*stored(&bench, &session).await.role(), "editor");

    // While it is changed.
    let (store, mut moving) = (
        bench.store.clone(),
        bench.store.load(session.id()).await.unwrap().unwrap(),
    );
    let (tell, moved) = tokio::sync::oneshot::channel();
    let new_id = Fault::meanwhile(move || async move {
        store.cycle_id(&mut moving).await.unwrap();
        tell.send(moving)
            .unwrap_or_else(|_| panic!("the test waits"));
    });
    bench.wire.next("UpdateItem", new_id);
    let change = |session: &mut S| *session.role() = "owner".into();
    bench
        .store
        .update_handle(session.handle(), change)
        .await
        .unwrap();
    let moved = moved.await.unwrap();
    assert_eq!(*stored(&bench, &moved).await.role(), "owner");
}

/// Seed 376 of the histories: a log-in that others overtake is asked for before its session counts as created.
async fn a_session_of_a_log_in_is_not_followed<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 2).await;
    for (mut session, is_overtaken) in all.into_iter().zip([true, false]) {
        let listed = session.handle();
        bench.clock.advance(Duration::from_secs(1));
        if is_overtaken {
            let (store, clock) = (bench.store.clone(), bench.clock.clone());
            let id = session.id().clone();
            let overtake = Fault::meanwhile(move || async move {
                let change = |session: &mut S| *session.visits() += 1;
                store.update(&id, change).await.unwrap();
                clock.advance(Duration::from_secs(1));
            });
            bench.wire.next("TransactWriteItems", overtake);
        }
        bench.store.log_in(&mut session).await.unwrap();
        let logged_in = session.handle();
        for is_cycled in [false, true] {
            if is_cycled {
                bench.clock.advance(Duration::from_secs(1));
                bench.store.cycle_id(&mut session).await.unwrap();
            }
            let change = |session: &mut S| *session.role() = "owner".into();
            let changed = bench.store.update_handle(listed, change).await;
            assert!(matches!(changed, Err(Error::Gone(_))), "{changed:?}");
            assert_eq!(*stored(&bench, &session).await.role(), "reader");
        }
        let change = |session: &mut S| *session.role() = "owner".into();
        bench.store.update_handle(logged_in, change).await.unwrap();
        assert_eq!(*stored(&bench, &session).await.role(), "owner");
    }
}

async fn indexes_follow_a_change<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let change = |session: &mut S| *session.tenant() = "initech".into();
    bench
        .store
        .update_handle(session.handle(), change)
        .await
        .unwrap();
    let count = async |tenant| {
        bench
            .store
            .sessions(S::TENANT, tenant)
            .count()
            .await
            .unwrap()
    };
    assert_eq!((count("acme").await, count("initech").await), (0, 1));
    // Somebody is logged out, and the guest stays.
    let change = |session: &mut S| *session.user() = None;
    bench
        .store
        .update_handle(session.handle(), change)
        .await
        .unwrap();
    let of_user = bench.store.sessions(S::USER_ID, "u-17").count();
    assert_eq!(of_user.await.unwrap(), 0);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}

async fn another_user_needs_a_new_id<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    bench.wire.clear();
    let change = |session: &mut S| *session.user() = Some("u-18".into());
    let changed = bench.store.update_handle(session.handle(), change).await;
    assert!(matches!(changed, Err(Error::Encode(_))), "{changed:?}");
    assert_eq!(bench.wire.operations(), ["GetItem"]);
}

async fn a_session_that_cannot_be_read_stays_as_it_is<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    damage(&bench, &session, "data").await;
    let before = bench.item(session.handle()).await;
    let change = |session: &mut S| *session.role() = "editor".into();
    let changed = bench.store.update_handle(session.handle(), change).await;
    assert!(matches!(changed, Err(Error::Decode(_))), "{changed:?}");
    assert_eq!(bench.item(session.handle()).await, before);
}

/// G13.
async fn a_lost_response_is_no_second_change<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    let change = |session: &mut S| *session.visits() += 1;
    bench
        .store
        .update_handle(session.handle(), change)
        .await
        .unwrap();
    assert_eq!(*stored(&bench, &session).await.visits(), 1);
}

/// G13. Seed 5 of the histories: the new item does not tell whether the change was applied before.
async fn a_lost_response_is_no_second_change_under_a_new_id<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let (store, mut moving) = (
        bench.store.clone(),
        bench.store.load(session.id()).await.unwrap().unwrap(),
    );
    let (tell, moved) = tokio::sync::oneshot::channel();
    let new_id = Fault::meanwhile(move || async move {
        store.refresh(&mut moving).await.unwrap();
        store.cycle_id(&mut moving).await.unwrap();
        tell.send(moving)
            .unwrap_or_else(|_| panic!("the test waits"));
    });
    bench.wire.next("UpdateItem", Fault::LoseResponse);
    bench.wire.next("UpdateItem", new_id);
    let change = |session: &mut S| *session.visits() += 1;
    let changed = bench.store.update_handle(session.handle(), change).await;
    let unknown = matches!(&changed, Err(Error::Conflict(error)) if error.outcome_unknown());
    assert!(unknown, "{changed:?}");
    let moved = moved.await.unwrap();
    assert_eq!(*stored(&bench, &moved).await.visits(), 1);
}

async fn only_the_own_session_is_changed<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mine = sessions(&bench, "u-17", 1).await.remove(0);
    let theirs = sessions(&bench, "u-18", 1).await.remove(0);
    let rename = |session: &mut S| *session.role() = "renamed".into();
    let all = || bench.store.update_all(S::USER_ID, "u-17", rename);
    bench.wire.clear();
    let updated = all().only(mine.handle()).await.unwrap();
    assert_eq!((updated.changed(), updated.moved()), (1, 0));
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    let before = bench.item(theirs.handle()).await;
    let updated = all().only(theirs.handle()).await.unwrap();
    assert_eq!((updated.changed(), updated.moved()), (0, 1));
    assert_eq!(bench.item(theirs.handle()).await, before);
}

/// G4.
async fn unknown_data_stays<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert(
        "note".into(),
        AttributeValue::S("of another program".into()),
    );
    bench.put(item).await;
    let change = |session: &mut S| *session.role() = "editor".into();
    bench
        .store
        .update_handle(session.handle(), change)
        .await
        .unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["note"], AttributeValue::S("of another program".into()));
}
