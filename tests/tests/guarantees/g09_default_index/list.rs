//! Listing the sessions of a value.

use serde_json::{Value, json};
use session_store::Session;
use session_store_tests::{Fault, TestBench};

use super::log_in;
use crate::App;

#[tokio::test]
async fn sessions_are_listed_newest_first_over_all_pages() {
    let bench = TestBench::<App>::new().await;
    let all = log_in(&bench, "u-17", 230).await;
    let newest_first: Vec<_> = all.iter().rev().map(Session::handle).collect();
    bench.wire.clear();

    let mut found = Vec::new();
    let mut sessions = bench.store.sessions(App::USER_ID, "u-17");
    while let Some(session) = sessions.next().await {
        let session = session.unwrap();
        assert!(
            session.created_at() <= session.touched_at()
                && session.touched_at() < session.expires_at()
        );
        found.push(session.handle());
    }
    assert_eq!(found, newest_first);
    let queries = bench
        .wire
        .operations()
        .iter()
        .filter(|op| *op == "Query")
        .count();
    assert_eq!(queries, 3, "pages of 100");

    bench.wire.clear();
    let mut some = bench.store.sessions(App::USER_ID, "u-17").limit(5);
    let mut five = Vec::new();
    while let Some(session) = some.next().await {
        five.push(session.unwrap().handle());
    }
    assert_eq!(five, newest_first[..5]);
    assert_eq!(bench.wire.calls()[0].input["Limit"], 5);

    // As a `Stream`, with the extension traits of other crates.
    use futures_util::TryStreamExt as _;
    let listed: Vec<_> = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed.len(), 230);

    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        230
    );
    assert!(bench.items().await.is_empty());
}

/// DynamoDB may not process a part of a batch, and says which part.
#[tokio::test]
async fn an_unprocessed_part_of_a_batch_is_read_again() {
    let bench = TestBench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 3).await;
    let table = bench.store.table_name().to_owned();
    let left = sessions[1].handle().to_string();
    bench.wire.next(
        "BatchGetItem",
        Fault::edit(move |answer: &mut Value| {
            let items = answer["Responses"][&table].as_array_mut().unwrap();
            items.retain(|item| item["id"]["S"] != left);
            answer["UnprocessedKeys"] = json!({ table: { "Keys": [{ "id": { "S": left } }] } });
        }),
    );
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        bench
            .wire
            .operations()
            .iter()
            .filter(|op| *op == "BatchGetItem")
            .count(),
        2
    );
}

/// A table shared with other entities: an item that is not a session is neither listed nor ended.
#[tokio::test]
async fn an_item_that_is_not_a_session_is_left_alone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut order = bench.item(session.handle()).await.unwrap();
    order.insert(
        "id".into(),
        aws_sdk_dynamodb::types::AttributeValue::S("order-1".into()),
    );
    bench.put(order).await;
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert_eq!(bench.items().await.len(), 1);
}
