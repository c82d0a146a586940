//! Single items and batches.

use serde_json::{Value as Json, json};

use super::{Bench, key, session, update};

#[test]
fn a_failed_condition_answers_with_the_item_if_that_is_asked_for() {
    let mut bench = Bench::new();
    bench.put(session("a", "u", 1));
    let mut put = json!({ "Item": key("a"), "ConditionExpression": "attribute_not_exists(id)" });
    let (code, body) = bench.send("PutItem", put.clone()).unwrap_err();
    assert_eq!(
        (code.as_str(), &body["Item"]),
        ("ConditionalCheckFailedException", &Json::Null)
    );
    put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
    let (_, body) = bench.send("PutItem", put.clone()).unwrap_err();
    assert_eq!(body["Item"], session("a", "u", 1));
    put["ConditionExpression"] = "attribute_exists(id)".into();
    put["Item"] = key("b");
    let (_, body) = bench.send("PutItem", put).unwrap_err();
    assert_eq!(body["Item"], Json::Null, "there is none");
}

#[test]
fn a_write_returns_the_old_or_the_new_values() {
    for (returned, first, second) in [
        ("NONE", Json::Null, Json::Null),
        (
            "ALL_OLD",
            Json::Null,
            json!({ "id": { "S": "a" }, "v": { "N": "7" } }),
        ),
        ("UPDATED_OLD", Json::Null, json!({ "v": { "N": "7" } })),
        (
            "ALL_NEW",
            json!({ "id": { "S": "a" }, "v": { "N": "7" } }),
            json!({ "id": { "S": "a" }, "v": { "N": "14" } }),
        ),
        (
            "UPDATED_NEW",
            json!({ "v": { "N": "7" } }),
            json!({ "v": { "N": "14" } }),
        ),
    ] {
        let mut bench = Bench::new();
        let mut add = update("a", "ADD v :v");
        add["ReturnValues"] = returned.into();
        assert_eq!(
            bench.done("UpdateItem", add.clone())["Attributes"],
            first,
            "{returned}"
        );
        assert_eq!(
            bench.done("UpdateItem", add)["Attributes"],
            second,
            "{returned}"
        );
    }
    let mut bench = Bench::new();
    let put = json!({ "Item": key("a"), "ReturnValues": "ALL_NEW" });
    assert_eq!(bench.refused("PutItem", put), "ValidationException");
}

#[test]
fn keys_have_their_types_and_are_not_empty() {
    let mut bench = Bench::new();
    for (item, said) in [
        (json!({ "x": { "S": "a" } }), "Missing the key id"),
        (json!({ "id": { "N": "1" } }), "Type mismatch for key id"),
        (json!({ "id": { "S": "" } }), "empty string value. Key: id"),
        (
            json!({ "id": { "S": "a".repeat(2049) } }),
            "maximum size limit of 2048",
        ),
        (
            json!({ "id": { "S": "a" }, "user": { "N": "1" } }),
            "Type mismatch for Index Key user",
        ),
        (
            json!({ "id": { "S": "a" }, "user": { "S": "" } }),
            "IndexKey: user",
        ),
        (
            json!({ "id": { "S": "a" }, "at": { "S": "1" } }),
            "Type mismatch for Index Key at",
        ),
        (
            json!({ "id": { "S": "a" }, "pad": { "S": "x".repeat(400 * 1024) } }),
            "Item size",
        ),
    ] {
        let (code, body) = bench.send("PutItem", json!({ "Item": item })).unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(
            body["message"].as_str().unwrap().contains(said),
            "{said}: {body}"
        );
    }
    for key in [
        json!({}),
        json!({ "id": { "N": "1" } }),
        json!({ "id": { "S": "a" }, "x": { "S": "a" } }),
    ] {
        let (_, body) = bench.send("GetItem", json!({ "Key": key })).unwrap_err();
        let said = body["message"].as_str().unwrap();
        assert!(
            said.contains("key element does not match the schema"),
            "{said}"
        );
    }
    let (_, body) = bench
        .send("UpdateItem", update("a", "SET id = :v"))
        .unwrap_err();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("part of the key")
    );
}

/// An update can make an item too large, or too deep, although its own values are not.
#[test]
fn an_update_is_refused_for_the_item_that_it_makes() {
    let mut bench = Bench::new();
    let half = "x".repeat(250 * 1024);
    bench.put(json!({ "id": { "S": "a" }, "one": { "S": half } }));
    let mut two = update("a", "SET two = :v");
    two["ExpressionAttributeValues"][":v"] = json!({ "S": half });
    let (_, body) = bench.send("UpdateItem", two).unwrap_err();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("item size"),
        "{body}"
    );

    let deep = |levels| (0..levels).fold(json!({ "N": "1" }), |inner, _| json!({ "L": [inner] }));
    bench.put(json!({ "id": { "S": "b" }, "deep": deep(20) }));
    let mut deeper = update("b", "SET deep[0][0][0] = :v");
    deeper["ExpressionAttributeValues"][":v"] = deep(29);
    assert_eq!(
        bench.refused("UpdateItem", deeper.clone()),
        "ValidationException"
    );
    deeper["ExpressionAttributeValues"][":v"] = deep(28);
    bench.done("UpdateItem", deeper);
}

#[test]
fn a_batch_is_refused_as_a_whole() {
    let mut bench = Bench::new();
    let write = |writes: Json| json!({ "RequestItems": { "t-1": writes } });
    let put = |id: &str| json!({ "PutRequest": { "Item": session(id, "u", 1) } });
    let wrong = json!({ "PutRequest": { "Item": { "id": { "N": "1" } } } });
    assert_eq!(
        bench.refused("BatchWriteItem", write(json!([put("a"), wrong]))),
        "ValidationException"
    );
    let twice = json!([put("a"), { "DeleteRequest": { "Key": key("a") } }]);
    assert_eq!(
        bench.refused("BatchWriteItem", write(twice)),
        "ValidationException"
    );
    let many: Vec<_> = (0..26).map(|i| put(&i.to_string())).collect();
    assert_eq!(
        bench.refused("BatchWriteItem", write(many.into())),
        "ValidationException"
    );
    assert_eq!(bench.done("Scan", json!({}))["Count"], 0);
    let answer = bench.done("BatchWriteItem", write(json!([put("a"), put("b")])));
    assert_eq!(answer, json!({ "UnprocessedItems": {} }));

    let wanted = json!({ "Keys": [key("a"), key("none")], "ProjectionExpression": "#at", "ExpressionAttributeNames": { "#at": "at" } });
    let read = bench.done("BatchGetItem", json!({ "RequestItems": { "t-1": wanted } }));
    assert_eq!(
        read,
        json!({ "Responses": { "t-1": [{ "at": { "N": "1" } }] }, "UnprocessedKeys": {} })
    );
}

/// A batch of more than 16 MB leaves the rest to be asked for again.
#[test]
fn a_batch_leaves_unread_what_is_too_much() {
    let mut bench = Bench::new();
    let pad = "x".repeat(390 * 1024);
    for i in 0..50 {
        bench.put(json!({ "id": { "S": i.to_string() }, "pad": { "S": pad } }));
    }
    let keys: Vec<_> = (0..50).map(|i| key(&i.to_string())).collect();
    let mut request =
        json!({ "RequestItems": { "t-1": { "Keys": keys, "ConsistentRead": true } } });
    let first = bench.done("BatchGetItem", request.clone());
    let left = &first["UnprocessedKeys"]["t-1"];
    assert_eq!(
        (
            left["Keys"].as_array().unwrap().len(),
            &left["ConsistentRead"]
        ),
        (8, &json!(true))
    );
    request["RequestItems"] = first["UnprocessedKeys"].clone();
    let second = bench.done("BatchGetItem", request);
    assert_eq!(second["Responses"]["t-1"].as_array().unwrap().len(), 8);
    assert_eq!(second["UnprocessedKeys"], json!({}));
}
