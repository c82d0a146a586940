//! Pages of 1 MB, and items of up to 400 KB.

use serde_json::json;

use super::both::Both;

/// Twenty-five items of some 90 KB, which take three pages.
#[tokio::test]
async fn large_items_are_read_in_the_same_pages() {
    let both = Both::new().await;
    let pad = "p".repeat(90_000);
    for i in 0..25 {
        let item = json!({ "pk": { "N": "1" }, "sk": { "S": format!("{i:02}") }, "pad": { "S": &pad[i * 100..] } });
        let put = json!({ "TableName": "two", "Item": item, "ReturnConsumedCapacity": "TOTAL" });
        let [ours, theirs] = both.send("PutItem", &put);
        assert_eq!(ours, theirs);
    }
    for is_forward in [true, false] {
        for consistent in [true, false] {
            let mut query = json!({
                "TableName": "two", "KeyConditionExpression": "pk = :k", "ProjectionExpression": "sk",
                "ExpressionAttributeValues": { ":k": { "N": "1" } }, "ScanIndexForward": is_forward,
                "ConsistentRead": consistent, "ReturnConsumedCapacity": "TOTAL",
            });
            let mut pages = 0;
            loop {
                let [mut ours, mut theirs] = both.send("Query", &query);
                // dynoxide counts the item that does not fit.
                for answer in [&mut ours, &mut theirs] {
                    answer.body.as_object_mut().unwrap().remove("ScannedCount");
                }
                assert_eq!(ours, theirs);
                pages += 1;
                if ours.body["LastEvaluatedKey"].is_null() {
                    break;
                }
                query["ExclusiveStartKey"] = ours.body["LastEvaluatedKey"].clone();
            }
            assert_eq!(pages, 3);
        }
    }
}

/// 409,600 bytes, names included, are the limit.
#[tokio::test]
async fn an_item_of_400_kb_is_stored_and_one_byte_more_is_refused() {
    let both = Both::new().await;
    for (key, more) in [("a", 0), ("b", 1)] {
        let names = "pk".len() + key.len() + "pad".len();
        let size = 400 * 1024 - names + more;
        let item = json!({ "pk": { "S": key }, "pad": { "S": "p".repeat(size) } });
        let put = json!({ "TableName": "one", "Item": item, "ReturnConsumedCapacity": "TOTAL" });
        let [ours, theirs] = both.send("PutItem", &put);
        assert_eq!(ours.code.is_empty(), more == 0, "{ours:?}");
        assert!(!ours.differs(&theirs), "{ours:?} {theirs:?}");
    }
}
