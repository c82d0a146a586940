//! G16. The rosters of a program from before items told their type: no session in them is lost, and all can be
//! ended.

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::Session;
use session_store_tests::{Item, TestBench};

use super::g16_one_type::map::{Customer, Staff};
use super::g16_one_type::{User as _, without_type};

/// The roster of an earlier program: under a key without type and kind, and with entries of both types.
fn earlier_roster(user: u64, handles: &[&str], expires_at: &AttributeValue) -> Item {
    // As late as any session of these tests.
    let created = || AttributeValue::N("4000000000000".into());
    let entries = handles
        .iter()
        .map(|handle| ((*handle).to_owned(), created()));
    Item::from([
        (
            "id".to_owned(),
            AttributeValue::S(format!("#user_id#{user}")),
        ),
        ("m".to_owned(), AttributeValue::M(entries.collect())),
        ("expires_at".to_owned(), expires_at.clone()),
    ])
}

/// Makes the table as an earlier program would have left it with these sessions.
async fn age(bench: &TestBench<Customer>, sessions: &[Session<Customer>]) {
    let mut handles = Vec::new();
    for session in sessions {
        without_type(bench, session).await;
        handles.push(session.handle().to_string());
    }
    let handles: Vec<_> = handles.iter().map(String::as_str).collect();
    for item in bench.items().await {
        if item["id"]
            .as_s()
            .unwrap()
            .starts_with("#user_id#7#N#Customer")
        {
            bench
                .put(earlier_roster(7, &handles, &item["expires_at"]))
                .await;
            bench
                .delete([("id".to_owned(), item["id"].clone())].into())
                .await;
        }
    }
}

#[tokio::test]
async fn the_rosters_of_an_earlier_program_are_not_lost() {
    let bench = TestBench::<Customer>::new().await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        bench.clock.advance(std::time::Duration::from_millis(1));
        sessions.push(bench.store.create(Customer::of(7)).await.unwrap());
    }
    age(&bench, &sessions).await;
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 2);
    // They count towards the limit.
    bench.clock.advance(std::time::Duration::from_millis(1));
    let third = bench.store.create(Customer::of(7)).await.unwrap();
    assert_eq!(Session::evicted(&third).len(), 1);
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 2);
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
    for session in &sessions {
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_revocation_ends_what_an_earlier_program_has_entered() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    // The roster of this program is there too.
    let other = bench.store.create(Customer::of(7)).await.unwrap();
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.failed().len(), 0);
    for session in [&session, &other] {
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

/// It gets a new id while the revocation goes through the earlier roster, and so moves to the new one.
#[tokio::test]
async fn a_revocation_ends_a_session_that_leaves_an_earlier_roster_meanwhile() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let moving = bench.store.load(session.id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    bench.wire.next(
        "DeleteItem",
        session_store_tests::Fault::meanwhile(move || async move {
            let mut moving = moving;
            store.cycle_id(&mut moving).await.unwrap();
            sender.send(moving.id().clone()).unwrap();
        }),
    );
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.failed().len(), 0);
    let id = receiver.await.unwrap();
    assert!(bench.store.load(&id).await.unwrap().is_none());
}

/// Each session counts once, in whatever rosters it is.
#[tokio::test]
async fn a_revocation_counts_each_session_once() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let other = bench.store.create(Customer::of(7)).await.unwrap();
    let employee = staff.create(Staff::of(7)).await.unwrap();
    // The shared roster of before has all of them.
    let mut roster = earlier_roster(7, &[], &AttributeValue::N("99999999999".into()));
    if let Some(AttributeValue::M(entries)) = roster.get_mut("m") {
        for handle in [session.handle(), other.handle(), employee.handle()] {
            entries.insert(
                handle.to_string(),
                AttributeValue::N("4000000000000".into()),
            );
        }
    }
    bench.put(roster).await;
    let revoked = bench.store.revoke(Customer::USER_ID, 7).await.unwrap();
    let counts = (revoked.deleted(), revoked.already_gone(), revoked.moved());
    assert_eq!((counts, revoked.failed().len()), ((2, 0, 0), 0));
    assert!(staff.load(employee.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_of_an_earlier_program_gets_a_new_id_and_ends() {
    let bench = TestBench::<Customer>::new().await;
    let session = bench.store.create(Customer::of(7)).await.unwrap();
    age(&bench, std::slice::from_ref(&session)).await;
    let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.cycle_id(&mut session).await.unwrap();
    session.user_id = Some(8);
    bench.store.save(&mut session).await.unwrap();
    let count = bench.store.sessions(Customer::USER_ID, 7).count().await;
    assert_eq!(count.unwrap(), 0);
    let revoked = bench.store.revoke(Customer::USER_ID, 8).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}
