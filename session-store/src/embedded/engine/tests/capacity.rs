//! What requests cost.

use serde_json::json;

use super::{Bench, by_user, key, update};

#[test]
fn units_are_those_of_aws() {
    let mut bench = Bench::new();
    let put = |bytes: usize, user: Option<&str>| {
        let mut item =
            json!({ "id": { "S": "a" }, "pad": { "S": "x".repeat(bytes) }, "at": { "N": "1" } });
        if let Some(user) = user {
            item["user"] = json!({ "S": user });
        }
        json!({ "Item": item })
    };
    let get = |consistent: bool| json!({ "Key": key("a"), "ConsistentRead": consistent });
    assert_eq!(bench.units("GetItem", get(true)), 1.0);
    assert_eq!(bench.units("PutItem", put(2000, None)), 2.0);
    // The larger of the two counts, and each of the two has an entry or none.
    assert_eq!(bench.units("PutItem", put(10, Some("u"))), 2.0 + 1.0);
    assert_eq!(bench.units("PutItem", put(10, Some("u"))), 1.0);
    assert_eq!(bench.units("PutItem", put(5000, Some("u"))), 5.0 + 5.0);
    assert_eq!(
        bench.units("PutItem", put(5000, Some("v"))),
        5.0 + 5.0 + 5.0
    );
    assert_eq!(bench.units("GetItem", get(true)), 2.0);
    assert_eq!(bench.units("GetItem", get(false)), 1.0);
    let read = json!({ "TransactItems": [{ "Get": { "TableName": "t-1", "Key": key("a") } }] });
    assert_eq!(bench.units("TransactGetItems", read), 4.0);
    let batch = json!({ "RequestItems": { "t-1": { "Keys": [key("a"), key("b")], "ConsistentRead": true } } });
    assert_eq!(bench.units("BatchGetItem", batch), 3.0);
    assert_eq!(bench.units("Query", by_user(1)), 0.5);
    assert_eq!(
        bench.units("DeleteItem", json!({ "Key": key("a") })),
        5.0 + 5.0
    );
    assert_eq!(bench.units("DeleteItem", json!({ "Key": key("a") })), 1.0);

    // An index of keys alone is not written when another attribute changes.
    bench.put(json!({ "id": { "S": "a" }, "tenant": { "N": "1" } }));
    let change = update("a", "SET v = :v");
    assert_eq!(bench.units("UpdateItem", change), 1.0);
    let mut detailed = update("a", "SET tenant = :v");
    detailed["ReturnConsumedCapacity"] = "INDEXES".into();
    let consumed = bench.done("UpdateItem", detailed)["ConsumedCapacity"].take();
    assert_eq!(
        consumed,
        json!({
            "TableName": "t-1", "CapacityUnits": 3.0, "Table": { "CapacityUnits": 1.0 },
            "GlobalSecondaryIndexes": { "by-tenant": { "CapacityUnits": 2.0 } },
        })
    );
}
