//! Revocation of all sessions of a value, while others log in, move and change their ids.

use std::time::Duration;

use serde_json::json;
use session_store::Error;
use session_store_tests::{Fault, TestBench};

use super::{Exact, handles, listed, log_in, roster};

#[tokio::test]
async fn a_session_that_began_a_moment_ago_is_revoked() {
    let bench = TestBench::<Exact>::new().await;
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
async fn revoke_created_before_spares_younger_sessions() {
    let bench = TestBench::<Exact>::new().await;
    let old = log_in(&bench, "u-17", 2).await;
    bench.clock.advance(Duration::from_secs(1));
    let moment = std::time::UNIX_EPOCH + Duration::from_millis(bench.clock.millis());
    let mut young = log_in(&bench, "u-17", 1).await;
    // A new id does not change the age of a session.
    bench.store.cycle_id(&mut young[0]).await.unwrap();
    let revoked = bench
        .store
        .revoke_created_before(Exact::USER_ID, "u-17", moment)
        .await;
    assert_eq!(revoked.unwrap().deleted(), old.len());
    assert_eq!(listed(&bench, "u-17").await, [young[0].handle()]);
}

/// After the roster is read, and before the delete, the session gets another id.
#[tokio::test]
async fn revoking_ends_a_session_that_gets_a_new_id_meanwhile() {
    let bench = TestBench::<Exact>::new().await;
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
    assert_eq!(roster(&bench, "u-17").await, None);
}

/// A session that moves to another user meanwhile lives on, and is in that user's roster.
#[tokio::test]
async fn revoking_does_not_end_a_session_that_has_moved() {
    let bench = TestBench::<Exact>::new().await;
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

/// The session has moved away at the delete, and is back when the roster is written: it must not lose its
/// entry.
#[tokio::test]
async fn revoking_ends_a_session_that_left_and_came_back() {
    let bench = TestBench::<Exact>::new().await;
    let sessions = log_in(&bench, "u-17", 2).await;
    let mut roaming = bench.store.load(sessions[0].id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    let mut back = {
        let mut away = bench.store.load(sessions[0].id()).await.unwrap().unwrap();
        away.user_id = Some("u-18".into());
        bench.store.save(&mut away).await.unwrap();
        away
    };
    // During the deletes the session belongs to u-18, but a slow reader still has its entry in the roster
    // of u-17.
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
    assert_eq!(roster(&bench, "u-17").await, None);
}

/// A log-in that writes the roster later survives, and is in the roster.
#[tokio::test]
async fn a_log_in_that_ends_after_a_revocation_survives_it() {
    let bench = TestBench::<Exact>::new().await;
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

/// The handle leads to a session that logged in after the revocation began. That one stays, and so does its entry.
#[tokio::test]
async fn a_session_that_logged_in_after_its_revocation_began_stays_in_the_roster() {
    let bench = TestBench::<Exact>::new().await;
    let mut session = log_in(&bench, "u-17", 1).await.remove(0);
    let revoke = bench.store.revoke(Exact::USER_ID, "u-17");
    let revoke = revoke.only(session.handle());
    bench.clock.advance(Duration::from_secs(1));
    bench.store.log_in(&mut session).await.unwrap();
    let revoked = revoke.await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (0, 1));
    assert_eq!(roster(&bench, "u-17").await, handles([&session]));
    assert_eq!(listed(&bench, "u-17").await, [session.handle()]);
}
