//! Tables, indexes and the TTL.

use serde_json::{Value as Json, json};

use super::{Bench, NOW, by_user, key, session};

#[test]
fn an_index_that_is_added_has_the_items_that_fit() {
    let mut bench = Bench::new();
    bench.put(json!({ "id": { "S": "a" }, "device": { "S": "d" } }));
    bench.put(json!({ "id": { "S": "b" }, "device": { "N": "1" } }));
    let create = json!({
        "AttributeDefinitions": [{ "AttributeName": "device", "AttributeType": "S" }],
        "GlobalSecondaryIndexUpdates": [{ "Create": {
            "IndexName": "by-device",
            "KeySchema": [{ "AttributeName": "device", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        } }],
    });
    let made = bench.done("UpdateTable", create.clone());
    let status = |table: &Json| {
        let indexes = table["GlobalSecondaryIndexes"].as_array().unwrap().iter();
        let mut found = indexes.filter(|index| index["IndexName"] == "by-device");
        found
            .next()
            .map(|index| index["IndexStatus"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        status(&made["TableDescription"]).as_deref(),
        Some("CREATING")
    );
    assert_eq!(
        status(&bench.done("DescribeTable", json!({}))["Table"]).as_deref(),
        Some("ACTIVE")
    );
    assert_eq!(bench.refused("UpdateTable", create), "ValidationException");
    assert_eq!(
        bench.done("Scan", json!({ "IndexName": "by-device" }))["Count"],
        1
    );
    let wrong = json!({ "Item": { "id": { "S": "c" }, "device": { "N": "1" } } });
    assert_eq!(bench.refused("PutItem", wrong), "ValidationException");
    bench.done(
        "UpdateTable",
        json!({ "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "by-device" } }] }),
    );
    assert_eq!(
        status(&bench.done("DescribeTable", json!({}))["Table"]),
        None
    );
    assert_eq!(
        bench.refused("Scan", json!({ "IndexName": "by-device" })),
        "ValidationException"
    );
}

#[test]
fn a_sweep_deletes_what_has_expired_and_nothing_else() {
    let mut bench = Bench::new();
    let second = NOW / 1000;
    let five_years = 5 * 365 * 24 * 60 * 60;
    for (id, ends) in [
        ("past", json!({ "N": (second - 1).to_string() })),
        ("oldest", json!({ "N": (second - five_years).to_string() })),
        ("now", json!({ "N": second.to_string() })),
        ("milliseconds", json!({ "N": NOW.to_string() })),
        (
            "too-old",
            json!({ "N": (second - five_years - 1).to_string() }),
        ),
        ("text", json!({ "S": (second - 1).to_string() })),
    ] {
        let mut item = session(id, "u", 1);
        item["ends"] = ends;
        bench.put(item);
    }
    bench.put(session("none", "u", 1));
    bench.engine.sweep(NOW);
    assert_eq!(
        bench.done("Scan", json!({}))["Count"],
        7,
        "the TTL is not on"
    );

    let on = json!({ "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "ends" } });
    bench.done("UpdateTimeToLive", on.clone());
    assert_eq!(bench.refused("UpdateTimeToLive", on), "ValidationException");
    assert_eq!(
        bench.done("Scan", json!({}))["Count"],
        7,
        "no request deletes by itself"
    );
    bench.engine.sweep(NOW);
    for gone in ["past", "oldest"] {
        assert_eq!(bench.item(gone), Json::Null);
    }
    assert_eq!(
        bench.done("Query", by_user(100))["Count"],
        5,
        "the index has lost them too"
    );
    bench.engine.sweep(NOW + 1000);
    assert_eq!(bench.item("now"), Json::Null);
}

#[test]
fn a_table_is_made_once_and_can_be_deleted() {
    let mut bench = Bench::new();
    let table = |name: &str| {
        json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        })
    };
    assert_eq!(
        bench.refused("CreateTable", table("t-1")),
        "ResourceInUseException"
    );
    assert_eq!(
        bench.refused("CreateTable", table("t")),
        "ValidationException"
    );
    bench.done("CreateTable", table("t-2"));
    assert_eq!(
        bench.done("ListTables", json!({}))["TableNames"],
        json!(["t-1", "t-2"])
    );
    let first = bench.done("ListTables", json!({ "Limit": 1 }));
    assert_eq!(first["LastEvaluatedTableName"], "t-1");
    // A table can be named by its ARN.
    let arn =
        bench.done("DescribeTable", json!({ "TableName": "t-2" }))["Table"]["TableArn"].take();
    let put = json!({ "TableName": arn, "Item": { "id": { "S": "a" } } });
    bench.done("PutItem", put);
    assert_eq!(
        bench.done("Scan", json!({ "TableName": "t-2" }))["Count"],
        1
    );
    bench.done("DeleteTable", json!({ "TableName": "t-2" }));
    let gone = json!({ "TableName": "t-2", "Key": key("a") });
    assert_eq!(bench.refused("GetItem", gone), "ResourceNotFoundException");
    assert_eq!(
        bench.refused("DescribeTable", json!({ "TableName": "t-2" })),
        "ResourceNotFoundException"
    );
}

#[test]
fn a_definition_that_does_not_fit_is_refused() {
    let mut bench = Bench::new();
    let valid = json!({
        "TableName": "t-2",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    });
    for (path, value) in [
        ("/AttributeDefinitions/0/AttributeName", json!("other")),
        ("/AttributeDefinitions/0/AttributeType", json!("BOOL")),
        ("/KeySchema/0/KeyType", json!("RANGE")),
        ("/KeySchema", json!([])),
        ("/BillingMode", json!("PROVISIONED")),
    ] {
        let mut wrong = valid.clone();
        *wrong.pointer_mut(path).unwrap() = value;
        assert_eq!(
            bench.refused("CreateTable", wrong),
            "ValidationException",
            "{path}"
        );
    }
    let mut unused = valid.clone();
    let more = json!({ "AttributeName": "x", "AttributeType": "S" });
    unused["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(more);
    assert_eq!(bench.refused("CreateTable", unused), "ValidationException");
    bench.done("CreateTable", valid);
}
