//! Pages and segments.

use serde_json::{Value as Json, json};

use super::{Bench, by_user, key, session};

#[test]
fn pages_go_on_behind_an_item_that_is_gone() {
    for is_forward in [true, false] {
        let mut bench = Bench::new();
        for id in 0..10 {
            // Some have the same sort key.
            bench.put(session(&format!("id-{id}"), "u", id / 3));
        }
        bench.put(session("other", "v", 1));
        let mut query = by_user(3);
        query["ScanIndexForward"] = is_forward.into();
        let (mut found, mut ats) = (Vec::new(), Vec::new());
        loop {
            let page = bench.done("Query", query.clone());
            for item in page["Items"].as_array().unwrap() {
                let id = item["id"]["S"].as_str().unwrap().to_owned();
                bench.done("DeleteItem", json!({ "Key": key(&id) }));
                found.push(id);
                ats.push(item["at"]["N"].as_str().unwrap().to_owned());
            }
            if page["LastEvaluatedKey"].is_null() {
                break;
            }
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
        }
        assert!(match is_forward {
            true => ats.is_sorted(),
            false => ats.iter().rev().is_sorted(),
        });
        found.sort_unstable();
        assert_eq!(found.len(), 10);
        found.dedup();
        assert_eq!(found.len(), 10);
        assert_eq!(bench.done("Scan", json!({}))["Count"], 1);
    }
}

#[test]
fn a_page_that_its_limit_fills_has_a_last_key() {
    let mut bench = Bench::new();
    bench.put(session("a", "u", 1));
    let full = bench.done("Query", by_user(1));
    assert!(full["LastEvaluatedKey"].is_object());
    assert!(bench.done("Query", by_user(2))["LastEvaluatedKey"].is_null());
    let mut last = by_user(1);
    last["ExclusiveStartKey"] = full["LastEvaluatedKey"].clone();
    let last = bench.done("Query", last);
    assert_eq!(
        (&last["Count"], &last["LastEvaluatedKey"]),
        (&json!(0), &Json::Null)
    );
}

#[test]
fn each_item_is_in_one_segment_of_a_scan() {
    let mut bench = Bench::new();
    for i in 0..200 {
        bench.put(key(&i.to_string()));
    }
    let counts: Vec<_> = (0..4)
        .map(|segment| {
            bench.done("Scan", json!({ "Segment": segment, "TotalSegments": 4 }))["Count"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 200);
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    assert_eq!(
        bench.refused("Scan", json!({ "Segment": 4, "TotalSegments": 4 })),
        "ValidationException"
    );
}

#[test]
fn a_query_reads_a_range_of_sort_keys() {
    let mut bench = Bench::new();
    for at in 1..=5 {
        bench.put(session(&format!("id-{at}"), "u", at));
    }
    for (range, count) in [
        ("#at < :two", 1),
        ("#at <= :two", 2),
        ("#at = :two", 1),
        ("#at > :two", 3),
        ("#at >= :two", 4),
        ("#at BETWEEN :two AND :four", 3),
    ] {
        let mut values = json!({ ":u": { "S": "u" }, ":two": { "N": "2" } });
        if range.contains(":four") {
            values[":four"] = json!({ "N": "4.0" });
        }
        let query = json!({
            "IndexName": "by-user", "KeyConditionExpression": format!("{range} AND #u = :u"),
            "ExpressionAttributeNames": { "#u": "user", "#at": "at" }, "ExpressionAttributeValues": values,
        });
        assert_eq!(bench.done("Query", query)["Count"], count, "{range}");
    }
}

#[test]
fn a_key_condition_has_the_keys_of_its_index() {
    let mut bench = Bench::new();
    for (condition, said) in [
        ("at = :n", "Query condition missed key schema element: user"),
        (
            "#u = :s AND id = :s",
            "Query condition missed key schema element: at",
        ),
        (
            "#u = :n",
            "Condition parameter type does not match schema type",
        ),
        (
            "#u = :s AND at < :s",
            "Condition parameter type does not match schema type",
        ),
        ("#u > :s", "not supported"),
        ("#u = :s OR at = :n", "not supported"),
    ] {
        let mut query = json!({ "IndexName": "by-user", "KeyConditionExpression": condition });
        if condition.contains("#u") {
            query["ExpressionAttributeNames"] = json!({ "#u": "user" });
        }
        for (name, value) in [(":s", json!({ "S": "u" })), (":n", json!({ "N": "1" }))] {
            if condition.contains(name) {
                query["ExpressionAttributeValues"][name] = value;
            }
        }
        let (code, body) = bench.send("Query", query).unwrap_err();
        assert_eq!(code, "ValidationException", "{condition}");
        assert!(
            body["message"].as_str().unwrap().contains(said),
            "{condition}: {body}"
        );
    }
    let missing = json!({ "IndexName": "by-none", "KeyConditionExpression": "a = b" });
    let (_, body) = bench.send("Query", missing).unwrap_err();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("specified index"),
        "{body}"
    );
}
