//! `update_all`.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use session_store::{Error, Session};
use session_store_tests::{Fault, TestBench};

use super::{Account, damage, sessions, tests};

tests! {
    all_sessions_of_a_user_are_changed_and_no_others
    every_kind_of_index_finds_them
    what_is_as_it_should_be_is_not_written
    some_are_spared
    what_is_spared_is_spared_under_its_new_handle
    what_cannot_be_changed_is_named_and_the_others_are_changed
    throttling_is_waited_out
    a_session_that_gets_a_new_id_meanwhile_is_changed_once
    a_session_that_was_replaced_without_a_mark_is_found_by_the_roster
    a_new_id_of_a_changed_session_is_no_second_change
    a_session_that_ends_meanwhile_stays_ended
    a_lost_roster_is_not_a_user_without_sessions
    everybody_is_logged_out_and_the_carts_stay
}

fn promote<S: Account>(session: &mut S) {
    *session.role() = "editor".into();
}

async fn roles<S: Account>(bench: &TestBench<S>, sessions: &[Session<S>]) -> Vec<String> {
    let mut roles = Vec::new();
    for session in sessions {
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        roles.push(Session::into_data(loaded).role().clone());
    }
    roles
}

async fn all_sessions_of_a_user_are_changed_and_no_others<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mine = sessions(&bench, "u-17", 40).await;
    let theirs = sessions(&bench, "u-18", 2).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let updated = bench
        .store
        .update_all(S::USER_ID, "u-17", promote)
        .on_progress(move |updated| tell.lock().unwrap().push(updated.changed()))
        .in_flight(NonZeroUsize::new(4).unwrap())
        .await
        .unwrap();
    assert_eq!((updated.changed(), updated.unchanged()), (40, 0));
    assert!(updated.failed().is_empty());
    assert_eq!(*told.lock().unwrap(), (1..=40).collect::<Vec<_>>());
    assert!(
        roles(&bench, &mine)
            .await
            .iter()
            .all(|role| role == "editor")
    );
    assert!(
        roles(&bench, &theirs)
            .await
            .iter()
            .all(|role| role == "reader")
    );
}

async fn every_kind_of_index_finds_them<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 12).await;
    let updated = bench
        .store
        .update_all(S::TENANT, "acme", promote)
        .await
        .unwrap();
    assert_eq!(updated.changed(), 12);
    let demote = |session: &mut S| *session.role() = "reader".into();
    let updated = bench
        .store
        .update_all(S::COUNTRY, 977, demote)
        .await
        .unwrap();
    assert_eq!(updated.changed(), 12);
    assert!(
        roles(&bench, &all)
            .await
            .iter()
            .all(|role| role == "reader")
    );
    let nobody = bench
        .store
        .update_all(S::TENANT, "nobody", promote)
        .await
        .unwrap();
    assert_eq!(
        (nobody.changed(), nobody.unchanged(), nobody.gone()),
        (0, 0, 0)
    );
}

/// G14.
async fn what_is_as_it_should_be_is_not_written<S: Account>() {
    let bench = TestBench::<S>::new().await;
    sessions(&bench, "u-17", 2).await;
    let updated = bench.store.update_all(S::USER_ID, "u-17", promote);
    assert_eq!(updated.await.unwrap().changed(), 2);
    bench.wire.clear();
    let updated = bench
        .store
        .update_all(S::USER_ID, "u-17", promote)
        .await
        .unwrap();
    assert_eq!((updated.changed(), updated.unchanged()), (0, 2));
    assert_eq!(
        bench.wire.operations(),
        ["BatchGetItem", "GetItem", "GetItem"]
    );
    bench.wire.clear();
    let demote = |session: &mut S| *session.role() = "reader".into();
    let updated = bench.store.update_all(S::TENANT, "acme", demote);
    assert_eq!(updated.await.unwrap().changed(), 2);
    let mut operations = bench.wire.operations();
    operations.sort();
    assert_eq!(
        operations,
        ["GetItem", "GetItem", "Query", "UpdateItem", "UpdateItem"]
    );
}

async fn some_are_spared<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let old = sessions(&bench, "u-17", 2).await;
    let moment = bench.clock.now() + std::time::Duration::from_millis(1);
    let new = sessions(&bench, "u-17", 1).await;
    for by_user in [true, false] {
        let role = format!("{by_user}");
        let set = move |session: &mut S| *session.role() = role.clone();
        let updating = match by_user {
            true => bench.store.update_all(S::USER_ID, "u-17", set),
            false => bench.store.update_all(S::TENANT, "acme", set),
        };
        let updated = updating
            .except(&old[1])
            .created_before(moment)
            .await
            .unwrap();
        assert_eq!(updated.changed(), 1);
        let role = format!("{by_user}");
        assert_eq!(roles(&bench, &old).await, [&role, "reader"]);
        assert_eq!(roles(&bench, &new).await, ["reader"]);
    }
}

/// The index shows the old handle still, or the list is from before the change of id.
async fn what_is_spared_is_spared_under_its_new_handle<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 2).await;
    let listed = all[0].handle();
    bench.store.cycle_id(&mut all[0]).await.unwrap();
    let promoting = bench.store.update_all(S::TENANT, "acme", promote);
    let updated = promoting.only(listed).except(&all[0]).await.unwrap();
    assert_eq!(updated.changed(), 0);
    // A log-in begins another session.
    let moment = bench.clock.now() + std::time::Duration::from_secs(1);
    let listed = all[1].handle();
    bench.clock.advance(std::time::Duration::from_secs(2));
    bench.store.log_in(&mut all[1]).await.unwrap();
    let promoting = bench.store.update_all(S::USER_ID, "u-17", promote);
    let updated = promoting.only(listed).created_before(moment).await.unwrap();
    assert_eq!(updated.changed(), 0);
    let change = |session: &mut S| *session.role() = "owner".into();
    let changed = bench.store.update_handle(listed, change).await;
    assert!(matches!(changed, Err(Error::Gone(_))), "{changed:?}");
    assert_eq!(roles(&bench, &all).await, ["reader", "reader"]);
}

async fn what_cannot_be_changed_is_named_and_the_others_are_changed<S: Account>() {
    for by_user in [true, false] {
        let bench = TestBench::<S>::new().await;
        let all = sessions(&bench, "u-17", 3).await;
        damage(&bench, &all[1], "data").await;
        let updated = match by_user {
            true => bench
                .store
                .update_all(S::USER_ID, "u-17", promote)
                .await
                .unwrap(),
            false => bench
                .store
                .update_all(S::TENANT, "acme", promote)
                .await
                .unwrap(),
        };
        assert_eq!(updated.changed(), 2);
        let failed = updated.failed();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].handle(), all[1].handle());
        assert!(matches!(failed[0].error(), Error::Decode(_)));
    }
}

async fn throttling_is_waited_out<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 3).await;
    // Each request is sent three times by the SDK.
    for _ in 0..4 {
        bench.wire.next("GetItem", Fault::throttled());
        bench.wire.next("UpdateItem", Fault::throttled());
        bench.wire.next("BatchGetItem", Fault::throttled());
    }
    let updated = bench
        .store
        .update_all(S::USER_ID, "u-17", promote)
        .await
        .unwrap();
    assert_eq!(updated.changed(), 3, "{updated:?}");
    assert!(
        roles(&bench, &all)
            .await
            .iter()
            .all(|role| role == "editor")
    );
}

/// G9.
async fn a_session_that_gets_a_new_id_meanwhile_is_changed_once<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 3).await;
    let (store, mut moving) = (bench.store.clone(), all.remove(1));
    let (tell, moved) = tokio::sync::oneshot::channel();
    // The roster is read, and the sessions are not.
    let new_id = Fault::meanwhile(move || async move {
        store.cycle_id(&mut moving).await.unwrap();
        tell.send(moving)
            .unwrap_or_else(|_| panic!("the test waits"));
    });
    bench.wire.next("GetItem", new_id);
    let count = |session: &mut S| *session.visits() += 1;
    let updated = bench
        .store
        .update_all(S::USER_ID, "u-17", count)
        .await
        .unwrap();
    assert_eq!(updated.changed(), 3, "{updated:?}");
    let moved = moved.await.unwrap();
    let loaded = bench.store.load(moved.id()).await.unwrap().unwrap();
    assert_eq!(*Session::into_data(loaded).visits(), 1);
}

/// By an earlier program.
async fn a_session_that_was_replaced_without_a_mark_is_found_by_the_roster<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 3).await;
    let old = all[1].handle();
    let item = bench.item(old).await.unwrap();
    let (store, client, table) = (
        bench.store.clone(),
        bench.client.clone(),
        bench.store.table_name().to_owned(),
    );
    let mut moving = bench.store.load(all[1].id()).await.unwrap().unwrap();
    let (tell, moved) = tokio::sync::oneshot::channel();
    let new_id = Fault::meanwhile(move || async move {
        store.cycle_id(&mut moving).await.unwrap();
        let delete = client.delete_item().table_name(table);
        delete.key("id", item["id"].clone()).send().await.unwrap();
        tell.send(moving)
            .unwrap_or_else(|_| panic!("the test waits"));
    });
    bench.wire.next("GetItem", new_id);
    let count = |session: &mut S| *session.visits() += 1;
    let updated = bench
        .store
        .update_all(S::USER_ID, "u-17", count)
        .await
        .unwrap();
    assert_eq!(updated.changed(), 3, "{updated:?}");
    all[1] = moved.await.unwrap();
    for session in &all {
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(*Session::into_data(loaded).visits(), 1);
    }
}

async fn a_new_id_of_a_changed_session_is_no_second_change<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 2).await;
    // The first is gone, so that the roster is read again. The second has a new id by then.
    bench
        .delete(bench.item(all[0].handle()).await.unwrap())
        .await;
    let (store, id) = (bench.store.clone(), all.remove(1).id().clone());
    let (tell, moved) = tokio::sync::oneshot::channel();
    let new_id = Fault::meanwhile(move || async move {
        let mut moving = store.load(&id).await.unwrap().unwrap();
        store.cycle_id(&mut moving).await.unwrap();
        tell.send(moving)
            .unwrap_or_else(|_| panic!("the test waits"));
    });
    bench
        .wire
        .next("BatchGetItem", Fault::meanwhile(async || {}));
    bench.wire.next("BatchGetItem", new_id);
    let count = |session: &mut S| *session.visits() += 1;
    let updated = bench.store.update_all(S::USER_ID, "u-17", count);
    let updated = updated.await.unwrap();
    assert_eq!((updated.changed(), updated.gone()), (1, 1), "{updated:?}");
    let moved = moved.await.unwrap();
    let loaded = bench.store.load(moved.id()).await.unwrap().unwrap();
    assert_eq!(*Session::into_data(loaded).visits(), 1);
}

/// G1.
async fn a_session_that_ends_meanwhile_stays_ended<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 2).await;
    let (store, id) = (bench.store.clone(), all[0].id().clone());
    let log_out = Fault::meanwhile(move || async move {
        store.delete(&id).await.unwrap();
    });
    bench.wire.next("UpdateItem", log_out);
    let one_by_one = NonZeroUsize::new(1).unwrap();
    let updated = bench.store.update_all(S::TENANT, "acme", promote);
    let updated = updated.in_flight(one_by_one).await.unwrap();
    // The newest comes first, and the log-out is that of the other one.
    assert_eq!((updated.changed(), updated.gone()), (1, 1), "{updated:?}");
    assert!(bench.item(all[0].handle()).await.is_none());
}

async fn a_lost_roster_is_not_a_user_without_sessions<S: Account>() {
    let bench = TestBench::<S>::new().await;
    sessions(&bench, "u-17", 1).await;
    let items = bench.items().await;
    let is_roster = |item: &&session_store_tests::Item| item.contains_key("m");
    let mut roster = items.iter().find(is_roster).unwrap().clone();
    roster.insert(
        "m".into(),
        aws_sdk_dynamodb::types::AttributeValue::Bool(true),
    );
    bench.put(roster).await;
    let updated = bench.store.update_all(S::USER_ID, "u-17", promote).await;
    assert!(matches!(updated, Err(Error::Decode(_))), "{updated:?}");
}

async fn everybody_is_logged_out_and_the_carts_stay<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 3).await;
    for session in &mut all {
        session.cart().push("tea".into());
        bench.store.save(session).await.unwrap();
    }
    let log_out = |session: &mut S| *session.user() = None;
    let updated = bench.store.update_all(S::USER_ID, "u-17", log_out);
    assert_eq!(updated.await.unwrap().changed(), 3);
    let left = bench.store.sessions(S::USER_ID, "u-17").count();
    assert_eq!(left.await.unwrap(), 0);
    for session in &all {
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        let mut data = Session::into_data(loaded);
        assert_eq!(
            (data.user().clone(), data.cart().clone()),
            (None, vec!["tea".to_owned()])
        );
    }
}
