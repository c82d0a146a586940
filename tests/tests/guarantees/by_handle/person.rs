//! A person's right to their sessions: `export` and `erase`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::{Fault, TestBench};

use super::{Account, damage, sessions, tests};

tests! {
    an_export_has_all_that_is_stored
    an_export_has_what_cannot_be_read
    a_log_out_leaves_no_roster
    a_roster_with_other_sessions_stays
    what_could_not_be_erased_is_told
}

async fn an_export_has_all_that_is_stored<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 2).await.remove(0);
    sessions(&bench, "u-18", 1).await;
    let mut item = bench.item(session.handle()).await.unwrap();
    let of_another_program = AttributeValue::N("123456789012345678901234567890".into());
    item.insert("note".into(), of_another_program);
    bench.put(item).await;
    let mut exported = Vec::new();
    let mut list = bench.store.export(S::USER_ID, "u-17");
    while let Some(session) = list.next().await {
        exported.push(session.unwrap());
    }
    assert_eq!(exported.len(), 2);
    assert_eq!(exported[1].handle(), session.handle());
    let json = serde_json::to_value(&exported[1]).unwrap();
    assert_eq!(json["handle"], session.handle().to_string());
    assert_eq!(json["user_id"], "u-17");
    assert_eq!(json["data"]["role"], "reader");
    assert_eq!(json["data"]["roles"][1], "payer");
    assert_eq!(json["data"]["visits"], 0);
    assert_eq!(json["note"], "123456789012345678901234567890");
    assert!(json["created_at"].is_u64());
    for text in [json.to_string(), format!("{exported:?}")] {
        assert!(!text.contains(&session.id().expose()), "{text}");
    }
    assert!(!format!("{exported:?}").contains("u-17"));
    let json = serde_json::to_value(exported[1].clone().without(&["agent", "roles"])).unwrap();
    for left_out in [
        &json["agent"],
        &json["data"]["agent"],
        &json["data"]["roles"],
    ] {
        assert_eq!(left_out, "(left out)");
    }
}

async fn an_export_has_what_cannot_be_read<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 2).await;
    damage(&bench, &all[0], "data").await;
    // Nobody has visited since, and TTL has not come by.
    bench.clock.advance(Duration::from_secs(24 * 3600));
    let mut handles = Vec::new();
    let mut list = bench.store.export(S::TENANT, "acme");
    while let Some(session) = list.next().await {
        handles.push(session.unwrap().handle());
    }
    assert_eq!(handles, [all[1].handle(), all[0].handle()]);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "App",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Person {
    #[dynamo(attr = "user_id", index(consistent))]
    user_id: Option<String>,
    #[dynamo(attr = "email", index(consistent))]
    email: Option<String>,
    #[dynamo(attr = "tenant", index)]
    tenant: String,
}

#[tokio::test]
async fn nothing_that_names_the_person_is_left() {
    let bench = TestBench::<Person>::new().await;
    let person = |user: &str, email: &str| Person {
        user_id: Some(user.into()),
        email: Some(email.into()),
        tenant: "acme".into(),
    };
    let create = |data| bench.store.create(data);
    let mut mine = create(person("u-17", "alice@example.org")).await.unwrap();
    create(person("u-17", "alice@example.com")).await.unwrap();
    create(person("u-18", "bob@example.org")).await.unwrap();
    bench.store.cycle_id(&mut mine).await.unwrap();
    // One was ended behind the store's back, and one has expired.
    let gone = create(person("u-17", "alice@example.org")).await.unwrap();
    bench.delete(bench.item(gone.handle()).await.unwrap()).await;
    bench.clock.advance(Duration::from_secs(30 * 60));
    create(person("u-17", "alice@example.org")).await.unwrap();
    let bob = create(person("u-18", "bob@example.org")).await.unwrap();

    let erased = bench.store.erase(Person::USER_ID, "u-17").await.unwrap();
    assert_eq!((erased.deleted(), erased.already_gone()), (1, 3));
    assert!(erased.failed().is_empty() && erased.is_complete());
    let left = format!("{:?}", bench.all_items().await);
    // The address of a session that was ended behind the store's back is in its roster until that is erased as well.
    let emails = bench.store.erase(Person::EMAIL, "alice@example.org").await;
    assert!(emails.unwrap().failed().is_empty());
    let left_then = format!("{:?}", bench.all_items().await);
    assert!(
        !left.contains("u-17") && !left_then.contains("alice"),
        "{left_then}"
    );
    assert!(bench.store.load(bob.id()).await.unwrap().is_some());
    // A user without sessions, and a roster without entries.
    let erased = bench.store.erase(Person::USER_ID, "u-17").await.unwrap();
    assert_eq!((erased.deleted(), erased.already_gone()), (0, 0));
}

async fn a_log_out_leaves_no_roster<S: Account>() {
    let bench = TestBench::<S>::new().await;
    for ended_by_handle in [true, false] {
        let session = sessions(&bench, "u-17", 1).await.remove(0);
        if ended_by_handle {
            let ended = bench.store.revoke_handle(&session.handle()).await.unwrap();
            assert_eq!(ended.deleted(), 1);
        } else {
            bench.store.delete(session.id()).await.unwrap();
        }
        assert!(bench.all_items().await.is_empty());
    }
    // The next log-in makes it again.
    sessions(&bench, "u-17", 2).await;
    let listed = bench.store.sessions(S::USER_ID, "u-17").count();
    assert_eq!(listed.await.unwrap(), 2);
    let revoked = bench.store.revoke(S::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 2);
    assert!(bench.all_items().await.is_empty());
}

/// Also if another session enters in the same moment.
async fn a_roster_with_other_sessions_stays<S: Account>() {
    for operation in ["UpdateItem", "DeleteItem"] {
        let bench = TestBench::<S>::new().await;
        let session = sessions(&bench, "u-17", 1).await.remove(0);
        let (store, (tell, entered)) = (bench.store.clone(), tokio::sync::oneshot::channel());
        let log_in = Fault::meanwhile(move || async move {
            let other = store.create(S::of("u-17")).await.unwrap();
            tell.send(other)
                .unwrap_or_else(|_| panic!("the test waits"));
        });
        if operation == "DeleteItem" {
            // The first is of the session, and the second of its roster.
            let nothing = Fault::meanwhile(async || {});
            bench.wire.next(operation, nothing);
        }
        bench.wire.next(operation, log_in);
        bench.store.delete(session.id()).await.unwrap();
        let other = entered.await.unwrap();
        let listed = bench
            .store
            .sessions(S::USER_ID, "u-17")
            .all()
            .await
            .unwrap();
        assert_eq!(listed.len(), 1, "{operation}");
        assert_eq!(listed[0].handle(), other.handle());
        let rosters = bench.items().await.into_iter();
        let mut rosters = rosters.filter_map(|item| item.get("m")?.as_m().ok().cloned());
        assert_eq!(rosters.next().unwrap().len(), 1, "{operation}");
    }
}

async fn what_could_not_be_erased_is_told<S: Account>() {
    for operation in ["UpdateItem", "DeleteItem"] {
        let bench = TestBench::<S>::new().await;
        sessions(&bench, "u-17", 2).await;
        if operation == "UpdateItem" {
            let refused = || Fault::Answer(400, "AccessDeniedException", "no");
            bench.wire.every("UpdateItem", refused);
        } else {
            // The first two are of the sessions.
            for _ in 0..2 {
                let nothing = Fault::meanwhile(async || {});
                bench.wire.next("DeleteItem", nothing);
            }
            bench.wire.every("DeleteItem", || {
                Fault::Answer(400, "AccessDeniedException", "no")
            });
        }
        let erased = bench.store.erase(S::USER_ID, "u-17").await.unwrap();
        assert_eq!(erased.deleted(), 2, "{operation}");
        assert!(!erased.is_complete(), "{operation}");
        bench.wire.clear();
        let erased = bench.store.erase(S::USER_ID, "u-17").await.unwrap();
        assert!(erased.is_complete(), "{operation}");
        assert!(bench.all_items().await.is_empty(), "{operation}");
    }
}
