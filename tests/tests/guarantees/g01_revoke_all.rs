//! G1, G5. Revoking every session: none that was created before the cutoff is left.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, TestBench};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "30m",
    absolute_timeout = "12h",
    revoke_all
)]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
    #[dynamo(attr = "tenant", index)]
    tenant: Option<u64>,
    theme: String,
}

fn mine() -> App {
    App {
        user_id: Some("u-17".into()),
        tenant: Some(4),
        theme: String::new(),
    }
}

fn now(bench: &TestBench<App>) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(bench.clock.millis())
}

#[tokio::test]
async fn every_session_that_was_created_before_a_moment_is_gone() {
    let bench = TestBench::<App>::new().await;
    let mut old = bench.store.create(mine()).await.unwrap();
    let mut renamed = bench.store.create(mine()).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let moment = now(&bench);
    bench.store.cycle_id(&mut renamed).await.unwrap();
    let young = bench.store.create(mine()).await.unwrap();
    bench.wire.clear();
    bench.store.revoke_all_created_before(moment).await.unwrap();
    // One for each copy of the moment.
    assert_eq!(bench.wire.operations(), ["UpdateItem"; 16]);

    assert!(bench.store.load(old.id()).await.unwrap().is_none());
    assert!(bench.store.load(renamed.id()).await.unwrap().is_none());
    assert!(bench.store.load(young.id()).await.unwrap().is_some());
    let updated = bench
        .store
        .update(old.id(), |app| app.theme.push('x'))
        .await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
    for listed in [
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .all()
            .await
            .unwrap(),
        bench.store.sessions(App::TENANT, 4).all().await.unwrap(),
    ] {
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].handle(), young.handle());
    }

    // A load that meets a session that was revoked ends it for good, also for a program that does not
    // know `revoke_all`.
    assert_eq!(bench.item(old.handle()).await, None);
    old.theme = "dark".into();
    let saved = bench.store.save(&mut old).await;
    assert!(matches!(saved, Err(Error::Gone(_))), "{saved:?}");
}

/// A request that had loaded the session before can still write to it, but no load gives it any more.
#[tokio::test]
async fn a_copy_from_before_the_cutoff_can_be_saved_and_the_session_stays_revoked() {
    let bench = TestBench::<App>::new().await;
    let mut old = bench.store.create(mine()).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let moment = now(&bench);
    bench.store.revoke_all_created_before(moment).await.unwrap();
    old.theme = "dark".into();
    bench.store.save(&mut old).await.unwrap();
    bench.store.cycle_id(&mut old).await.unwrap();
    assert!(bench.store.load(old.id()).await.unwrap().is_none());
}

/// An earlier program writes the first copy alone, before this one began or beside it.
#[tokio::test]
async fn a_moment_of_an_earlier_program_is_found() {
    let bench = TestBench::<App>::new().await;
    for round in 0..3 {
        let mut old = Vec::new();
        for _ in 0..20 {
            old.push(bench.store.create(mine()).await.unwrap());
        }
        bench.clock.advance(Duration::from_secs(1));
        let moment = AttributeValue::N(bench.clock.millis().to_string());
        let key = AttributeValue::S("#everyone".to_owned());
        let first = [
            ("id".to_owned(), key),
            ("created_before".to_owned(), moment),
        ];
        bench.put(first.into()).await;
        bench
            .clock
            .advance(Duration::from_secs(if round == 0 { 0 } else { 60 }));
        for session in &old {
            assert!(bench.store.load(session.id()).await.unwrap().is_none());
        }
        // All copies have it by then.
        let items = bench.items().await.into_iter();
        let copies = items.filter(|item| item["id"].as_s().unwrap().starts_with("#everyone"));
        assert_eq!(copies.count(), 16);
    }
}

/// While the copies cannot be written, each load reads the first one.
#[tokio::test]
async fn a_moment_that_cannot_be_copied_is_found_all_the_same() {
    let bench = TestBench::<App>::new().await;
    let mut old = Vec::new();
    for _ in 0..20 {
        old.push(bench.store.create(mine()).await.unwrap());
    }
    bench.clock.advance(Duration::from_secs(1));
    let moment = AttributeValue::N(bench.clock.millis().to_string());
    let key = AttributeValue::S("#everyone".to_owned());
    let first = [
        ("id".to_owned(), key),
        ("created_before".to_owned(), moment),
    ];
    bench.put(first.into()).await;
    for _ in 0..16 * old.len() {
        let denied = Fault::Answer(400, "AccessDeniedException", "no");
        bench.wire.next("UpdateItem", denied);
    }
    for session in &old {
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

/// Whichever copy of the moment a load reads, it finds the same.
#[tokio::test]
async fn every_copy_of_the_cutoff_revokes() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(mine()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let moment = now(&bench);
    bench.store.revoke_all_created_before(moment).await.unwrap();
    for _ in 0..200 {
        bench.put(item.clone()).await;
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

/// A moment that another program has overwritten is a failed read, and not "nothing was revoked" (G10).
#[tokio::test]
async fn a_cutoff_that_cannot_be_read_gives_no_session() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(mine()).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let moment = now(&bench);
    let numbers = ["1.5", "-1", "1e30"].map(|text| AttributeValue::N(text.to_owned()));
    let values = numbers
        .into_iter()
        .chain([AttributeValue::S("x".to_owned())]);
    for value in values {
        bench.store.revoke_all_created_before(moment).await.unwrap();
        let copies = bench.items().await.into_iter();
        for mut item in copies {
            if item["id"].as_s().unwrap().starts_with("#everyone") {
                item.insert("created_before".to_owned(), value.clone());
                bench.put(item).await;
            }
        }
        let loaded = bench.store.load(session.id()).await;
        assert!(matches!(loaded, Err(Error::Service(_))), "{loaded:?}");
        let listed = bench.store.sessions(App::USER_ID, "u-17").all().await;
        assert!(matches!(listed, Err(Error::Service(_))), "{listed:?}");
    }
    assert!(bench.item(session.handle()).await.is_some());
    // Calling it again repairs it.
    bench.store.revoke_all_created_before(moment).await.unwrap();
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_earlier_cutoff_does_not_replace_a_later_one() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(mine()).await.unwrap();
    let moment = now(&bench) + Duration::from_secs(1);
    bench.store.revoke_all_created_before(moment).await.unwrap();
    bench
        .store
        .revoke_all_created_before(moment - Duration::from_secs(60))
        .await
        .unwrap();
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// Their entries in a roster do not count towards its limit.
#[tokio::test]
async fn sessions_before_the_cutoff_do_not_count_towards_the_limit() {
    let bench = TestBench::<App>::new().await;
    for _ in 0..3 {
        bench.store.create(mine()).await.unwrap();
    }
    bench.clock.advance(Duration::from_secs(1));
    bench
        .store
        .revoke_all_created_before(now(&bench))
        .await
        .unwrap();
    let new = bench.store.create(mine()).await.unwrap();
    assert!(session_store::Session::evicted(&new).is_empty());
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );
}

/// One batch, whose response can leave out the session or the cutoff.
#[tokio::test]
async fn a_load_reads_session_and_cutoff_in_one_batch() {
    let bench = TestBench::<App>::new().await;
    // For an absent item in a batch, DynamoDB Local 3.3.0 bills nothing, and AWS one unit.
    let long_ago = now(&bench) - Duration::from_secs(60);
    bench
        .store
        .revoke_all_created_before(long_ago)
        .await
        .unwrap();
    let mut session = bench.store.create(mine()).await.unwrap();
    // The first load, and one a minute, reads the first copy as well.
    bench.store.load(session.id()).await.unwrap();
    bench.wire.meter();
    bench.store.load(session.id()).await.unwrap();
    assert_eq!(bench.wire.bill(), [("BatchGetItem".to_owned(), 2.0)]);

    let moment = now(&bench) + Duration::from_secs(1);
    bench.store.revoke_all_created_before(moment).await.unwrap();
    for left in 0..2 {
        session = bench.store.create(mine()).await.unwrap();
        bench.wire.clear();
        bench
            .wire
            .next("BatchGetItem", leave_over(&bench, session.handle(), left));
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
        assert_eq!(
            bench.wire.operations(),
            ["BatchGetItem", "BatchGetItem", "DeleteItem"]
        );
    }
    bench.wire.next(
        "BatchGetItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    assert!(matches!(
        bench.store.load(session.id()).await,
        Err(Error::Service(_))
    ));
}

/// The response leaves out the first or the second of both.
fn leave_over(bench: &TestBench<App>, handle: session_store::SessionHandle, which: usize) -> Fault {
    let table = bench.store.table_name().to_owned();
    let ids = [handle.to_string(), "#everyone".to_owned()];
    let left = ids[which].clone();
    Fault::edit(move |answer| {
        let items = answer["Responses"][&table].as_array_mut().unwrap();
        items.retain(|item| item["id"]["S"] != *left);
        let keys = serde_json::json!([{ "id": { "S": left } }]);
        answer["UnprocessedKeys"] = serde_json::json!({
            table: { "Keys": keys, "ConsistentRead": true }
        });
    })
}
