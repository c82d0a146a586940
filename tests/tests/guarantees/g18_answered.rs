//! G18. Answered means done, as far as the store goes: the mark under a replaced id, and the log-in.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, Item, TestBench};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "1h",
    absolute_timeout = "12h",
    revoke_all
)]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 2), user)]
    user_id: Option<String>,
    #[dynamo(attr = "tenant", index)]
    tenant: Option<String>,
    cart: Vec<u32>,
}

fn nobody() -> App {
    App {
        tenant: Some("acme".into()),
        cart: vec![1],
        ..App::default()
    }
}

fn is_replaced(error: &Error) -> bool {
    matches!(error, Error::Gone(gone) if gone.is_replaced())
}

async fn devices(bench: &TestBench<App>, user: &str) -> usize {
    let sessions = bench.store.sessions(App::USER_ID, user);
    sessions.count().await.unwrap()
}

#[tokio::test]
async fn a_replaced_id_leaves_a_mark_with_the_new_handle_and_nothing_else() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    let (old, old_handle) = (session.id().clone(), session.handle());
    bench.store.cycle_id(&mut session).await.unwrap();

    let mark = bench.item(old_handle).await.unwrap();
    let mut names: Vec<_> = mark.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = ["created_at", "expires_at", "id", "moved_to", "session_type"];
    assert_eq!(names, expected);
    assert_eq!(
        mark["moved_to"].as_s().unwrap(),
        &session.handle().to_string()
    );
    let ends: u64 = mark["expires_at"].as_n().unwrap().parse().unwrap();
    assert!(ends <= bench.clock.millis() / 1000 + 60, "TTL deletes it");
    let shown = format!("{mark:?}");
    assert!(!shown.contains(&session.id().expose()), "the id is nowhere");

    assert!(bench.store.load(&old).await.unwrap().is_none());
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    let listed = bench.store.sessions(App::TENANT, "acme");
    assert_eq!(listed.count().await.unwrap(), 1);
}

/// Each write to the old id is refused, and says why.
#[tokio::test]
async fn a_write_to_a_replaced_id_is_told_so() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    let old = session.id().clone();
    let late = || async { bench.store.load(&old).await.unwrap().unwrap() };
    let (mut saved, mut touched, mut cycled) = (late().await, late().await, late().await);
    let mut refreshed = late().await;
    bench.store.log_in(&mut session).await.unwrap();

    saved.cart.push(2);
    assert!(is_replaced(
        &bench.store.save(&mut saved).await.unwrap_err()
    ));
    bench.clock.advance(Duration::from_secs(10 * 60));
    let touch = bench.store.touch(&mut touched).await.unwrap_err();
    assert!(!is_replaced(&touch), "the mark counts for a minute");
    let cycle = bench.store.cycle_id(&mut cycled).await.unwrap_err();
    assert!(matches!(cycle, Error::Gone(_)));
    let refresh = bench.store.refresh(&mut refreshed).await.unwrap_err();
    assert!(matches!(refresh, Error::Gone(_)));
    let update = bench.store.update(&old, |session| session.cart.clear());
    assert!(matches!(update.await.unwrap_err(), Error::Gone(_)));
    assert_eq!(bench.items().await.len(), 1);
}

/// Another tab renews the id while a log-out is on its way.
#[tokio::test]
async fn a_log_out_by_a_replaced_id_ends_the_session() {
    let bench = TestBench::<App>::new().await;
    for changes in [1, 2, 3] {
        let user = App {
            user_id: Some("u".into()),
            ..nobody()
        };
        let mut session = bench.store.create(user).await.unwrap();
        let first = session.id().clone();
        for _ in 0..changes {
            bench.store.cycle_id(&mut session).await.unwrap();
        }
        bench.store.delete(&first).await.unwrap();
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
        assert_eq!(devices(&bench, "u").await, 0);
        assert!(bench.item(first.handle()).await.is_some(), "the mark stays");
    }
}

#[tokio::test]
async fn ending_one_device_by_its_old_handle_ends_it_if_it_is_that_users() {
    let bench = TestBench::<App>::new().await;
    let user = App {
        user_id: Some("u".into()),
        ..nobody()
    };
    let mut session = bench.store.create(user).await.unwrap();
    let shown = session.handle();
    bench.store.cycle_id(&mut session).await.unwrap();
    let end = |user: &'static str| bench.store.revoke(App::USER_ID, user).only(shown);
    assert_eq!(end("v").await.unwrap().deleted(), 0);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    let ended = end("u").await.unwrap();
    assert_eq!(ended.deleted(), 1);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
    assert_eq!(devices(&bench, "u").await, 0);
}

/// A revocation meets a handle that was replaced between its read and its delete.
#[tokio::test]
async fn a_revocation_takes_a_mark_for_a_session_that_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(nobody()).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    let renew = move || async move {
        let mut session = store.load(&id).await.unwrap().unwrap();
        store.cycle_id(&mut session).await.unwrap();
    };
    bench.wire.next("DeleteItem", Fault::meanwhile(renew));
    let revoked = bench.store.revoke(App::TENANT, "acme").await.unwrap();
    assert_eq!((revoked.moved(), revoked.failed().len()), (0, 0));
}

#[tokio::test]
async fn a_mark_is_not_revoked_and_does_not_stand_in_a_limit() {
    let bench = TestBench::<App>::new().await;
    let user = || App {
        user_id: Some("u".into()),
        ..nobody()
    };
    let mut session = bench.store.create(user()).await.unwrap();
    for _ in 0..4 {
        bench.store.cycle_id(&mut session).await.unwrap();
    }
    bench.store.create(user()).await.unwrap();
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    assert_eq!(devices(&bench, "u").await, 2);
    bench
        .store
        .revoke_all_created_before(std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(1))
        .await
        .unwrap();
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}

/// The old item is billed as a delete would be.
#[tokio::test]
async fn a_change_of_id_costs_what_it_did() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    bench.wire.clear();
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(bench.wire.operations(), ["TransactWriteItems"]);
    let calls = bench.wire.calls();
    let parts = calls[0].input["TransactItems"].as_array().unwrap();
    assert_eq!(parts.len(), 2);
}

#[tokio::test]
async fn a_log_in_lasts_as_long_as_the_type_says() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    for _ in 0..14 {
        bench.clock.advance(Duration::from_secs(50 * 60));
        bench.store.touch(&mut session).await.unwrap();
    }
    // After 11 hours and 40 minutes.
    let old = session.id().clone();
    session.user_id = Some("u".into());
    bench.store.log_in(&mut session).await.unwrap();
    assert!(bench.store.load(&old).await.unwrap().is_none());
    assert_eq!(session.cart, [1], "it goes on");
    let logged_in_at = session.created_at();
    for _ in 0..13 {
        bench.clock.advance(Duration::from_secs(50 * 60));
        let mut loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(loaded.created_at(), logged_in_at);
        bench.store.touch(&mut loaded).await.unwrap();
    }
    bench.clock.advance(Duration::from_secs(2 * 60 * 60));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// The session ran out at the log-in page, or another tab has ended or renewed it.
#[tokio::test]
async fn a_log_in_begins_a_session_where_the_old_one_is_gone() {
    for what in ["expired", "ended", "moved"] {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(nobody()).await.unwrap();
        let old = session.id().clone();
        match what {
            "expired" => bench.clock.advance(Duration::from_secs(2 * 60 * 60)),
            "ended" => bench.store.delete(&old).await.unwrap(),
            _ => {
                let mut other = bench.store.load(&old).await.unwrap().unwrap();
                bench.store.cycle_id(&mut other).await.unwrap();
            }
        }
        session.user_id = Some("u".into());
        bench.store.log_in(&mut session).await.unwrap();
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(loaded.user_id.as_deref(), Some("u"), "{what}");
        assert_eq!(loaded.cart, [1], "{what}");
        assert_ne!(session.id(), &old);
        assert_eq!(devices(&bench, "u").await, 1);
        session.cart.push(2);
        bench.store.save(&mut session).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_in_whose_answer_is_lost_is_resumed() {
    for lost in [Fault::LoseResponse, Fault::Refuse] {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(nobody()).await.unwrap();
        session.user_id = Some("u".into());
        let lost = || match lost {
            Fault::Refuse => Fault::Refuse,
            _ => Fault::LoseResponse,
        };
        for _ in 0..3 {
            bench.wire.next("TransactWriteItems", lost());
        }
        let unknown = bench.store.log_in(&mut session).await.unwrap_err();
        assert!(matches!(unknown, Error::Service(error) if error.outcome_unknown()));
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(devices(&bench, "u").await, 1);
        let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(loaded.user_id.as_deref(), Some("u"));
    }
}

/// The new item was changed so often since that it does not remember the transaction, or it is gone. The mark
/// under the old id tells.
#[tokio::test]
async fn a_resumed_change_of_id_knows_its_own_mark() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    for _ in 0..3 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    bench.store.cycle_id(&mut session).await.unwrap_err();
    let new = bench.items().await.remove(0);
    bench.delete(new).await;
    // DynamoDB has forgotten the token.
    let mark = bench.item(session.handle()).await.unwrap();
    let moved_to = mark["moved_to"].as_s().unwrap();
    let reasons = serde_json::json!([
        { "Code": "ConditionalCheckFailed", "Message": "no", "Item": {
            "id": { "S": mark["id"].as_s().unwrap() },
            "created_at": { "N": mark["created_at"].as_n().unwrap() },
            "expires_at": { "N": mark["expires_at"].as_n().unwrap() },
            "moved_to": { "S": moved_to },
        } },
        { "Code": "None" },
    ]);
    bench
        .wire
        .next("TransactWriteItems", Fault::cancelled(reasons));
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(&session.handle().to_string(), moved_to);
}

/// Without a new id, somebody who has planted the old one would be logged in as well.
#[tokio::test]
async fn a_session_gets_no_user_under_an_id_that_others_may_know() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    session.user_id = Some("u".into());
    bench.wire.clear();
    let refused = bench.store.save(&mut session).await.unwrap_err();
    assert!(matches!(&refused, Error::Encode(error) if error.path() == "user_id"));
    assert!(refused.to_string().contains("log_in"), "{refused}");
    let id = session.id().clone();
    let update = bench
        .store
        .update(&id, |session| session.user_id = Some("u".into()));
    assert!(matches!(update.await, Err(Error::Encode(_))));
    assert!(!bench.wire.operations().contains(&"UpdateItem".to_owned()));
    // A new id of either kind will do.
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(devices(&bench, "u").await, 1);
    session.user_id = Some("v".into());
    assert!(bench.store.save(&mut session).await.is_err());
    bench.store.log_in(&mut session).await.unwrap();
    // Nobody is nobody's id.
    session.user_id = None;
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(devices(&bench, "v").await, 0);
}

#[tokio::test]
async fn a_session_that_is_read_again_keeps_its_changes_and_sees_those_of_others() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
    other.tenant = Some("other".into());
    bench.store.save(&mut other).await.unwrap();
    session.cart.push(2);
    bench.store.refresh(&mut session).await.unwrap();
    assert_eq!(session.tenant.as_deref(), Some("other"));
    assert_eq!(session.cart, [1, 2]);
    bench.store.save(&mut session).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    let gone = bench.store.refresh(&mut session).await;
    assert!(matches!(gone, Err(Error::Gone(_))));
}

/// A mark of another type is nothing to this one (G16).
#[tokio::test]
async fn a_mark_of_another_type_is_not_followed() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(nobody()).await.unwrap();
    let victim = bench.store.create(nobody()).await.unwrap();
    let mut mark: Item = bench.item(session.handle()).await.unwrap();
    for name in ["data", "writes", "version"] {
        mark.remove(name);
    }
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    mark.insert("moved_to".into(), text(victim.handle().to_string()));
    mark.insert("session_type".into(), text("Other".into()));
    bench.put(mark).await;
    bench.store.delete(session.id()).await.unwrap();
    assert!(bench.store.load(victim.id()).await.unwrap().is_some());
}

/// A program that does not know marks, and whose clock is late, must not take one for a session.
#[tokio::test]
async fn a_mark_has_expired_to_programs_that_do_not_know_it() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    let old = session.handle();
    bench.store.cycle_id(&mut session).await.unwrap();
    let mark = bench.item(old).await.unwrap();
    let ends: u64 = mark["expires_at"].as_n().unwrap().parse().unwrap();
    assert!(ends + 60 * 60 < bench.clock.millis() / 1000);
}

/// The answer with the new id is on its way for longer than the mark counts for other requests.
#[tokio::test]
async fn an_old_id_ends_its_session_as_long_as_the_mark_is_there() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(nobody()).await.unwrap();
    let old = session.id().clone();
    bench.store.log_in(&mut session).await.unwrap();
    bench.clock.advance(Duration::from_secs(5 * 60));
    bench.store.delete(&old).await.unwrap();
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// A default index shows the old handle for a moment, and the session has a new one.
#[tokio::test]
async fn a_revocation_follows_a_session_to_its_new_handle_and_spares_a_later_log_in() {
    for logs_in in [false, true] {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(nobody()).await.unwrap();
        let (store, id, clock) = (
            bench.store.clone(),
            session.id().clone(),
            bench.clock.clone(),
        );
        let renew = move || async move {
            clock.advance(Duration::from_millis(5));
            let mut session = store.load(&id).await.unwrap().unwrap();
            match logs_in {
                true => store.log_in(&mut session).await.unwrap(),
                false => store.cycle_id(&mut session).await.unwrap(),
            }
        };
        bench.wire.next("DeleteItem", Fault::meanwhile(renew));
        let revoked = bench.store.revoke(App::TENANT, "acme").await.unwrap();
        assert!(revoked.failed().is_empty());
        assert_eq!(bench.items().await.len(), usize::from(logs_in));
    }
}

/// A device logs in anew while the list of the user's devices is read.
#[tokio::test]
async fn a_list_shows_a_session_that_logs_in_meanwhile() {
    let bench = TestBench::<App>::new().await;
    let user = App {
        user_id: Some("u".into()),
        ..nobody()
    };
    let session = bench.store.create(user).await.unwrap();
    let (store, id, clock) = (
        bench.store.clone(),
        session.id().clone(),
        bench.clock.clone(),
    );
    let log_in = move || async move {
        clock.advance(Duration::from_millis(5));
        let mut session = store.load(&id).await.unwrap().unwrap();
        store.log_in(&mut session).await.unwrap();
    };
    // The roster is read, and then its sessions.
    bench
        .wire
        .next("BatchGetItem", Fault::meanwhile(|| async {}));
    bench.wire.next("BatchGetItem", Fault::meanwhile(log_in));
    assert_eq!(devices(&bench, "u").await, 1);
}
