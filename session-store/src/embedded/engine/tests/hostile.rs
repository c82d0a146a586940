//! Requests that are no requests. None panics, and none changes anything.

use serde_json::{Value as Json, json};

use super::{Bench, by_user, key, session, update};

const OPERATIONS: [&str; 18] = [
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
    "CreateTable",
    "DescribeTable",
    "UpdateTable",
    "DeleteTable",
    "ListTables",
    "UpdateTimeToLive",
    "DescribeTimeToLive",
    "ExecuteStatement",
];

#[test]
fn what_is_no_json_and_no_operation_is_refused() {
    let mut bench = Bench::new();
    for operation in OPERATIONS {
        for body in [
            &b""[..],
            b"{",
            b"[]",
            b"\"\"",
            b"\xff",
            b"{}x",
            &b"{\"a\":".repeat(10_000),
        ] {
            let refused = bench.engine.execute(operation, body, 0).unwrap_err();
            assert_eq!(refused.code(), "SerializationException", "{operation}");
        }
    }
    let unknown = bench
        .engine
        .execute("ExecuteStatement", b"{}", 0)
        .unwrap_err();
    assert_eq!(
        (unknown.code(), unknown.status()),
        ("UnknownOperationException", 400)
    );
    let legacy = json!({ "Key": key("a"), "AttributesToGet": ["id"] });
    assert_eq!(bench.refused("GetItem", legacy), "ValidationException");
}

#[test]
fn nesting_does_not_exhaust_the_stack() {
    let mut bench = Bench::new();
    for condition in [
        format!("{}attribute_exists(id)", "NOT ".repeat(1000)),
        format!("{}a = b{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}a = b", "(".repeat(4000)),
    ] {
        let put = json!({ "Item": key("a"), "ConditionExpression": condition });
        assert_eq!(bench.refused("PutItem", put), "ValidationException");
    }
    let nested = format!(
        "SET a = {}:v{}",
        "if_not_exists(a, ".repeat(200),
        ")".repeat(200)
    );
    assert_eq!(
        bench.refused("UpdateItem", update("a", &nested)),
        "ValidationException"
    );
    let path = format!("SET a{} = :v", "[0]".repeat(1000));
    assert_eq!(
        bench.refused("UpdateItem", update("a", &path)),
        "ValidationException"
    );
    let value = (0..60).fold(json!({ "N": "1" }), |inner, _| json!({ "L": [inner] }));
    let put = json!({ "Item": { "id": { "S": "a" }, "deep": value } });
    assert_eq!(bench.refused("PutItem", put), "ValidationException");
    assert_eq!(bench.done("Scan", json!({}))["Count"], 0);
}

/// Requests with every part replaced or removed.
#[test]
fn no_part_of_a_request_makes_the_engine_panic() {
    let mut query = by_user(2);
    query["ExclusiveStartKey"] = session("a", "u", 1);
    query["FilterExpression"] = "attribute_exists(x) OR size(#u) > :u".into();
    let mut condition = update(
        "a",
        "SET v[1] = list_append(v, :v) REMOVE x.y ADD n :v DELETE s :v",
    );
    condition["ConditionExpression"] = "NOT (a BETWEEN b AND c OR contains(x, :v))".into();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("é #: ("),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": {} }),
        json!({ "S": "a" }),
        json!({ "N": "1e125" }),
        json!({ "L": [{ "M": {} }] }),
    ];
    for (operation, request) in [
        (
            "GetItem",
            json!({ "Key": key("a"), "ProjectionExpression": "a.b[1]" }),
        ),
        (
            "PutItem",
            json!({ "Item": session("a", "u", 1), "ConditionExpression": "a < b" }),
        ),
        ("UpdateItem", condition.clone()),
        (
            "DeleteItem",
            json!({ "Key": key("a"), "ReturnValues": "ALL_OLD" }),
        ),
        ("Query", query),
        (
            "Scan",
            json!({ "Segment": 0, "TotalSegments": 2, "Limit": 1 }),
        ),
        (
            "BatchGetItem",
            json!({ "RequestItems": { "t-1": { "Keys": [key("a")] } } }),
        ),
        (
            "BatchWriteItem",
            json!({ "RequestItems": { "t-1": [{ "DeleteRequest": { "Key": key("a") } }] } }),
        ),
        (
            "TransactGetItems",
            json!({ "TransactItems": [{ "Get": { "TableName": "t-1", "Key": key("a") } }] }),
        ),
        (
            "TransactWriteItems",
            json!({ "TransactItems": [{ "Update": condition }], "ClientRequestToken": "t" }),
        ),
        (
            "UpdateTimeToLive",
            json!({ "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "e" } }),
        ),
        ("ListTables", json!({ "Limit": 1 })),
        (
            "UpdateTable",
            json!({
                "AttributeDefinitions": [{ "AttributeName": "x", "AttributeType": "S" }],
                "GlobalSecondaryIndexUpdates": [{ "Create": {
                    "IndexName": "by-x", "KeySchema": [{ "AttributeName": "x", "KeyType": "HASH" }],
                    "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["y"] },
                } }],
            }),
        ),
    ] {
        let mut paths = Vec::new();
        paths_in(&request, String::new(), &mut paths);
        let mut bench = with_an_item();
        let before = bench.done("Scan", json!({}));
        for path in paths {
            for value in &values {
                let mut changed = request.clone();
                *changed.pointer_mut(&path).unwrap() = value.clone();
                match bench.send(operation, changed) {
                    Ok(_) => bench = with_an_item(),
                    Err(_) => assert_eq!(bench.done("Scan", json!({})), before, "{operation}"),
                }
            }
        }
    }
}

fn with_an_item() -> Bench {
    let mut bench = Bench::new();
    bench.put(session("a", "u", 1));
    bench
}

/// The paths to all parts of a request.
fn paths_in(json: &Json, path: String, paths: &mut Vec<String>) {
    match json {
        Json::Object(entries) => entries.iter().for_each(|(name, json)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            paths_in(json, format!("{path}/{name}"), paths);
        }),
        Json::Array(values) => values.iter().enumerate().for_each(|(i, json)| {
            paths_in(json, format!("{path}/{i}"), paths);
        }),
        _ => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}
