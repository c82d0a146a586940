//! The audit events of what went wrong: unreadable, unknown outcome, a conflict that was given up.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use session_store::{DynamoDbStore, Error, Unreadable};
use session_store_tests::{Fault, TestBench};

use super::events::names;
use super::watch::watched;
use super::{App, Plain};

/// Makes the only item one that no binary can read.
pub(crate) async fn damage(bench: &TestBench<Plain>) {
    let mut item = bench.items().await.remove(0);
    item.insert("data".into(), AttributeValue::S("?".into()));
    bench.put(item).await;
}

#[test]
fn a_session_that_cannot_be_read_is_noted() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let session = bench.store.create(Plain::default()).await.unwrap();
        damage(&bench).await;
        watch.clear();
        let unreadable = bench.store.load(session.id()).await;
        assert!(matches!(unreadable, Err(Error::Decode(_))));
        let event = ("unreadable".to_owned(), session.handle().to_string());
        assert_eq!(watch.audit(), std::slice::from_ref(&event));

        let builder = DynamoDbStore::<Plain>::builder().unreadable(Unreadable::Absent);
        let builder = builder.client(bench.store.client().clone());
        let tolerant = builder.table_name(bench.store.table_name()).build().await;
        let loaded = tolerant.unwrap().load(session.id()).await;
        assert!(loaded.unwrap().is_none());
        assert_eq!(watch.audit(), [event], "it has not expired");
    });
}

#[test]
fn a_write_without_an_answer_is_of_unknown_outcome() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        bench.wire.every("UpdateItem", || Fault::Refuse);
        watch.clear();
        session.visits += 1;
        let unknown = bench.store.save(&mut session).await;
        assert!(matches!(unknown, Err(Error::Service(e)) if e.outcome_unknown()));
        assert_eq!(names(watch.audit()), ["unknown_outcome"]);
    });
}

#[test]
fn a_change_of_id_without_an_answer_is_of_unknown_outcome() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        bench
            .wire
            .every("TransactWriteItems", || Fault::LoseResponse);
        watch.clear();
        session.user_id = Some("u-1".into());
        assert!(bench.store.log_in(&mut session).await.is_err());
        assert_eq!(names(watch.audit()), ["unknown_outcome"]);
        // The next call finds out that it was carried out.
        bench.wire.restore("TransactWriteItems");
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(names(watch.audit()), ["logged_in"]);
    });
}

/// A read that failed has written nothing.
#[test]
fn a_read_without_an_answer_has_no_event() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let session = bench.store.create(Plain::default()).await.unwrap();
        for fault in [
            || Fault::Refuse,
            || Fault::Torn,
            || Fault::Answer(500, "InternalServerError", "broken"),
        ] {
            bench.wire.every("GetItem", fault);
            watch.clear();
            assert!(bench.store.load(session.id()).await.is_err());
            assert_eq!(watch.audit(), []);
        }
    });
}

#[test]
fn a_change_of_id_that_others_are_always_ahead_of_is_given_up() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        bench.wire.every("TransactWriteItems", || {
            Fault::cancelled(json!([{ "Code": "TransactionConflict" }, { "Code": "None" }]))
        });
        watch.clear();
        let given_up = bench.store.cycle_id(&mut session).await;
        assert!(matches!(given_up, Err(Error::Conflict(_))));
        let event = ("conflict_given_up", session.handle().to_string());
        assert_eq!(watch.audit(), [(event.0.to_owned(), event.1)]);
        let conflicts = watch.counters("session_store_conflicts_total");
        assert_eq!(conflicts, [("request=TransactWriteItems".to_owned(), 8.0)]);
    });
}
