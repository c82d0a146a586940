//! Tables, indexes, deletion protection and the TTL.

use serde_json::{Value, json};

use super::both::{Both, tables};

/// Times, identifiers and statuses are not compared.
///
/// dynoxide 3.2 creates two indexes at once, and enables or disables a TTL that is enabled or disabled. DynamoDB
/// refuses all of this, so none of it is here.
#[tokio::test]
async fn tables_are_described_alike() {
    let both = Both::new().await;
    let create = |name: &str| {
        json!({
            "IndexName": name,
            "KeySchema": [{ "AttributeName": "x", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        })
    };
    let definitions = json!([{ "AttributeName": "x", "AttributeType": "N" }]);
    let update = |updates: Value| {
        json!({
            "TableName": "two", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates,
        })
    };
    let ttl = |enabled: bool, name: &str| {
        json!({
            "TableName": "one", "TimeToLiveSpecification": { "Enabled": enabled, "AttributeName": name },
        })
    };
    let put = |x: Value| json!({ "TableName": "two", "Item": { "pk": { "N": "1" }, "sk": { "S": "a" }, "x": x } });
    let two = json!({ "TableName": "two" });
    let by_x = json!({
        "TableName": "two", "IndexName": "by-x", "KeyConditionExpression": "x = :x",
        "ExpressionAttributeValues": { ":x": { "N": "1" } },
    });
    let mut differences = Vec::new();
    for (operation, request) in [
        ("DescribeTable", json!({ "TableName": "one" })),
        ("DescribeTable", json!({ "TableName": "three" })),
        ("ListTables", json!({})),
        ("ListTables", json!({ "Limit": 1 })),
        ("CreateTable", tables()[0].clone()),
        ("PutItem", put(json!({ "S": "a" }))),
        ("UpdateTable", update(json!([{ "Create": create("by-x") }]))),
        ("DescribeTable", two.clone()),
        ("UpdateTable", update(json!([{ "Create": create("by-x") }]))),
        ("Query", by_x.clone()),
        ("PutItem", put(json!({ "S": "a" }))),
        ("PutItem", put(json!({ "N": "1" }))),
        ("Query", by_x.clone()),
        (
            "UpdateTable",
            json!({ "TableName": "two", "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "by-x" } }] }),
        ),
        (
            "UpdateTable",
            json!({ "TableName": "two", "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "by-x" } }] }),
        ),
        ("DescribeTable", two.clone()),
        ("Query", by_x.clone()),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        ("UpdateTimeToLive", ttl(true, "ends")),
        ("UpdateTimeToLive", ttl(true, "other")),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        ("UpdateTimeToLive", ttl(false, "ends")),
        ("DescribeTimeToLive", json!({ "TableName": "one" })),
        (
            "UpdateTable",
            json!({ "TableName": "two", "DeletionProtectionEnabled": true }),
        ),
        ("DeleteTable", two.clone()),
        (
            "UpdateTable",
            json!({ "TableName": "two", "DeletionProtectionEnabled": false }),
        ),
        ("DeleteTable", two.clone()),
        ("DeleteTable", two.clone()),
        ("DescribeTable", two.clone()),
        ("ListTables", json!({})),
    ] {
        let [mut ours, mut theirs] = both.send(operation, &request);
        for answer in [&mut ours.body, &mut theirs.body] {
            strip(answer);
        }
        if ours.differs(&theirs) {
            differences.push(format!("{operation} {request}\n   {ours:?}\n   {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Removes what differs from engine to engine, and sorts what has no order.
fn strip(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for name in [
                "CreationDateTime",
                "TableId",
                "TableArn",
                "IndexArn",
                "TableSizeBytes",
                "IndexSizeBytes",
                "ItemCount",
                "TableStatus",
                "IndexStatus",
                "TableThroughputModeSummary",
            ] {
                entries.remove(name);
            }
            entries.values_mut().for_each(strip);
        }
        Value::Array(values) => {
            values.iter_mut().for_each(strip);
            if values.iter().any(|value| value["KeyType"].is_null()) {
                values.sort_by_key(Value::to_string);
            }
        }
        _ => {}
    }
}
