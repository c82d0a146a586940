//! The layer for axum: a visitor whose session cannot be read, and the levels of the records in the log.

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use session_store::frameworks::axum::{EndSession, SessionLayer};
use session_store::{DynamoDbStore, SessionId, Unreadable};
use session_store_tests::{Fault, Item, TestBench};
use tracing::Level;

use super::{App, Current, ask, begin, calls, routes};
use crate::log;

/// Makes the only item one that no binary can read.
async fn damage(bench: &TestBench<App>) -> Item {
    let mut item = bench.items().await.remove(0);
    item.insert("data".into(), AttributeValue::S("?".into()));
    bench.put(item.clone()).await;
    item
}

async fn app(bench: &TestBench<App>, policy: Option<Unreadable>) -> Router {
    let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
    let mut builder = builder.table_name(bench.store.table_name());
    if let Some(policy) = policy {
        builder = builder.unreadable(policy);
    }
    let layer = SessionLayer::new(builder.build().await.unwrap()).dev();
    let end = async |session: EndSession<App>| session.end();
    routes().route("/end", get(end)).layer(layer)
}

/// As after a deploy that changed the type: a visitor can go on, log in, and log out.
#[tokio::test]
async fn a_session_that_cannot_be_read_counts_as_none_and_stays() {
    log::capture();
    for policy in [None, Some(Unreadable::Absent)] {
        let bench = TestBench::<App>::new().await;
        let app = app(&bench, policy).await;
        let cookie = begin(&bench, &app).await;
        let item = damage(&bench).await;
        log::taken();
        let read = ask(&app, "/read", Some(&cookie)).await;
        assert_eq!((read.status, &*read.text), (StatusCode::OK, "0 nobody"));
        assert_eq!(read.cookie(), None);
        assert_eq!(calls(&bench), ["GetItem"]);

        let handle = SessionId::parse(&cookie).unwrap().handle().to_string();
        let log = log::taken();
        let [line] = &*log else { panic!("{log:?}") };
        assert!(line.starts_with("WARN"), "{line}");
        assert!(
            line.contains(&handle) && line.contains("path=\"data\""),
            "{line}"
        );

        let new = ask(&app, "/login", Some(&cookie)).await.cookie().unwrap();
        assert!(!new.is_empty() && new != cookie);
        assert_eq!(ask(&app, "/read", Some(&new)).await.text, "0 u-17");
        assert!(bench.items().await.contains(&item));
    }
}

/// The store itself gives an error, and so does the layer if the store was told to.
#[tokio::test]
async fn a_session_that_cannot_be_read_is_an_error_if_the_store_was_told_so() {
    let bench = TestBench::<App>::new().await;
    let strict = app(&bench, Some(Unreadable::Error)).await;
    let cookie = begin(&bench, &strict).await;
    let item = damage(&bench).await;
    for path in ["/visit", "/logout"] {
        let answer = ask(&strict, path, Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(answer.cookie(), None);
    }
    let id = SessionId::parse(&cookie).unwrap();
    assert!(bench.store.load(&id).await.is_err());
    assert_eq!(bench.items().await, [item]);
}

/// It reads nothing, so that no policy about what is read stands in its way.
#[tokio::test]
async fn g17_end_session_ends_a_session_that_cannot_be_read_under_each_policy() {
    for policy in [None, Some(Unreadable::Absent), Some(Unreadable::Error)] {
        let bench = TestBench::<App>::new().await;
        let app = app(&bench, policy).await;
        let cookie = begin(&bench, &app).await;
        damage(&bench).await;
        let out = ask(&app, "/end", Some(&cookie)).await;
        assert_eq!(out.status, StatusCode::OK, "{policy:?}");
        assert_eq!(out.cookie().as_deref(), Some(""), "{policy:?}");
        assert_eq!(calls(&bench), ["DeleteItem"], "{policy:?}");
        assert!(bench.items().await.is_empty(), "{policy:?}");
    }
}

/// An operator is woken by errors, so no request can cause one by its content.
#[tokio::test]
async fn g17_an_error_in_the_log_is_never_the_doing_of_a_visitor() {
    async fn fill(mut session: Current) {
        session.theme = "x".repeat(401 * 1024);
    }
    async fn conflict(mut session: Current) {
        session.more.insert("a".into(), 1);
    }
    log::capture();
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let routes = routes().route("/fill", get(fill));
    let app = routes.route("/conflict", get(conflict)).layer(layer);
    let cookie = begin(&bench, &app).await;
    log::taken();

    // Too large.
    ask(&app, "/fill", Some(&cookie)).await;
    assert_eq!(log::levels(), [Level::WARN]);
    // Over the limit of sessions.
    for _ in 0..3 {
        ask(&app, "/login", None).await;
    }
    log::taken();
    let answer = ask(&app, "/login", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(log::levels(), [Level::WARN]);
    // Other requests win every attempt.
    let key = SessionId::parse(&cookie).unwrap().handle().to_string();
    for _ in 0..100 {
        let other = bench.client.update_item();
        let other = other.table_name(bench.store.table_name());
        let other = other.key("id", AttributeValue::S(key.clone()));
        let other = other.update_expression("ADD version :one");
        let other = other.expression_attribute_values(":one", AttributeValue::N("1".into()));
        let other = move || async move { drop(other.send().await.unwrap()) };
        bench.wire.next("UpdateItem", Fault::meanwhile(other));
    }
    let answer = ask(&app, "/conflict", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    bench.wire.clear();
    assert_eq!(log::levels(), [Level::WARN]);
    // The session has ended meanwhile.
    let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
    let end = move || async move { store.delete(&id).await.unwrap() };
    bench.wire.next("UpdateItem", Fault::meanwhile(end));
    ask(&app, "/visit", Some(&cookie)).await;
    assert_eq!(log::levels(), [Level::INFO]);
    // Made-up cookies.
    for cookie in ["", "x", &"A".repeat(43), &"\u{fffd}".repeat(43)] {
        ask(&app, "/visit", Some(cookie)).await;
        ask(&app, "/logout", Some(cookie)).await;
    }
    let levels = log::levels();
    assert!(
        levels.iter().all(|level| *level == Level::INFO),
        "{levels:?}"
    );
    // DynamoDB is not available.
    let cookie = begin(&bench, &app).await;
    bench
        .wire
        .next("GetItem", Fault::Answer(400, "AccessDeniedException", "no"));
    ask(&app, "/read", Some(&cookie)).await;
    assert_eq!(log::levels(), [Level::ERROR]);
}

/// One record has all that is known of a failure: what AWS said, the request id, the advice, and the causes that
/// no text above has.
#[tokio::test]
async fn a_failure_of_dynamodb_is_one_record_with_its_whole_chain() {
    log::capture();
    let bench = TestBench::<App>::new().await;
    let app = super::app(&bench);
    let cookie = begin(&bench, &app).await;
    log::taken();

    let denied = "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:GetItem on \
                  resource: arn:aws:dynamodb:eu-west-1:111122223333:table/t with an explicit deny in a service \
                  control policy";
    bench.wire.every("GetItem", move || {
        Fault::Answer(400, "AccessDeniedException", denied)
    });
    let answer = ask(&app, "/read", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.text.contains("111122223333"), "{}", answer.text);
    let records = log::taken();
    assert_eq!(records.len(), 1, "{records:?}");
    let begins = format!(
        "GetItem failed with AccessDeniedException: {denied} (request id TEST-REQUEST-ID): a policy of the organization"
    );
    assert!(records[0].contains(&begins), "{records:?}");
    assert!(
        records[0].ends_with(": the answer had HTTP status 400"),
        "{records:?}"
    );
    assert_eq!(records[0].matches(denied).count(), 1);

    bench.wire.every("GetItem", || Fault::Refuse);
    ask(&app, "/read", Some(&cookie)).await;
    let records = log::taken();
    assert!(records[0].ends_with(": connection reset"), "{records:?}");
    assert_eq!(records[0].matches("connection reset").count(), 1);
    assert!(!records[0].contains(&cookie), "{records:?}");
}
