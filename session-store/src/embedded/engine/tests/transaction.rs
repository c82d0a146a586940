//! Transactions and their tokens.

use serde_json::{Value as Json, json};

use super::{Bench, key, session, update};

#[test]
fn a_transaction_is_carried_out_whole_or_not_at_all() {
    let mut bench = Bench::new();
    bench.put(session("a", "u", 1));
    let mut conditional = update("a", "SET v = :v");
    conditional["ConditionExpression"] = "attribute_not_exists(id)".into();
    conditional["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
    let mut silent = conditional.clone();
    silent["Key"] = key("a");
    silent["ReturnValuesOnConditionCheckFailure"] = "NONE".into();
    let parts = json!([
        { "Update": update("b", "SET v = :v") },
        { "Update": conditional },
        { "Update": update("c", "SET v.x = :v") },
        { "Put": { "TableName": "t-1", "Item": { "id": { "N": "1" } } } },
    ]);
    let (code, body) = bench
        .send("TransactWriteItems", json!({ "TransactItems": parts }))
        .unwrap_err();
    assert_eq!(code, "TransactionCanceledException");
    let reasons = &body["CancellationReasons"];
    let codes: Vec<_> = (0..4)
        .map(|i| reasons[i]["Code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "None",
            "ConditionalCheckFailed",
            "ValidationError",
            "ValidationError"
        ]
    );
    assert_eq!(reasons[0], json!({ "Code": "None" }));
    assert_eq!(reasons[1]["Item"], session("a", "u", 1));
    assert_eq!(bench.item("b"), Json::Null);

    let twice = json!([{ "Update": update("b", "SET v = :v") }, { "Delete": { "TableName": "t-1", "Key": key("b") } }]);
    assert_eq!(
        bench.refused("TransactWriteItems", json!({ "TransactItems": twice })),
        "ValidationException"
    );
    let (_, body) = bench
        .send(
            "TransactWriteItems",
            json!({ "TransactItems": [{ "Update": silent }] }),
        )
        .unwrap_err();
    assert_eq!(body["CancellationReasons"][0]["Item"], Json::Null);

    let check = json!({ "TableName": "t-1", "Key": key("a"), "ConditionExpression": "attribute_exists(id)" });
    let parts = json!([
        { "Update": update("b", "SET v = :v") },
        { "ConditionCheck": check },
        { "Put": { "TableName": "t-1", "Item": session("c", "u", 2) } },
    ]);
    // Three parts of one unit each, and one entry of an index.
    assert_eq!(
        bench.units("TransactWriteItems", json!({ "TransactItems": parts })),
        7.0
    );
    assert_eq!(bench.item("b")["v"], json!({ "N": "7" }));
    assert_eq!(bench.item("c"), session("c", "u", 2));
}

#[test]
fn a_transaction_has_at_most_a_hundred_parts() {
    let mut bench = Bench::new();
    let parts = |count: usize| {
        let parts = (0..count).map(|i| json!({ "Update": update(&i.to_string(), "SET v = :v") }));
        json!({ "TransactItems": parts.collect::<Vec<_>>() })
    };
    assert_eq!(
        bench.refused("TransactWriteItems", parts(0)),
        "ValidationException"
    );
    assert_eq!(
        bench.refused("TransactWriteItems", parts(101)),
        "ValidationException"
    );
    bench.done("TransactWriteItems", parts(100));
}

#[test]
fn a_token_is_recognised_for_ten_minutes() {
    let mut bench = Bench::new();
    let add = |token: &str, id: &str| json!({ "ClientRequestToken": token, "TransactItems": [{ "Update": update(id, "ADD v :v") }] });
    for _ in 0..3 {
        bench.done("TransactWriteItems", add("token", "a"));
        bench.now += 3 * 60_000;
    }
    assert_eq!(bench.item("a")["v"], json!({ "N": "7" }));
    let other = bench.refused("TransactWriteItems", add("token", "b"));
    assert_eq!(other, "IdempotentParameterMismatchException");
    bench.done("TransactWriteItems", add("other", "a"));
    assert_eq!(bench.item("a")["v"], json!({ "N": "14" }));
    bench.now += 60_000;
    bench.done("TransactWriteItems", add("token", "a"));
    assert_eq!(bench.item("a")["v"], json!({ "N": "21" }));
}

/// A transaction that was cancelled can be sent again under its token.
#[test]
fn a_cancelled_transaction_leaves_no_token() {
    let mut bench = Bench::new();
    let mut part = update("a", "SET v = :v");
    part["ConditionExpression"] = "attribute_exists(id)".into();
    let request = json!({ "ClientRequestToken": "token", "TransactItems": [{ "Update": part }] });
    assert_eq!(
        bench.refused("TransactWriteItems", request.clone()),
        "TransactionCanceledException"
    );
    bench.put(session("a", "u", 1));
    bench.done("TransactWriteItems", request);
    assert_eq!(bench.item("a")["v"], json!({ "N": "7" }));
}
