//! The embedded engine and dynoxide, with the same tables.

use serde_json::{Value, json};
use session_store::embedded::Embedded;
use session_store_tests::dynoxide::Dynoxide;

use super::answer::Answer;

/// The clock of the embedded engine, in milliseconds since 1970. It stands still. dynoxide has the system's clock.
const NOW: u64 = 1_800_000_000_000;

pub(super) struct Both {
    ours: Embedded,
    theirs: Dynoxide,
}

impl Both {
    /// Two new engines with the same [`tables`].
    pub(super) async fn new() -> Self {
        let both = Self {
            ours: Embedded::memory().await.unwrap(),
            theirs: Dynoxide::memory(),
        };
        for table in tables() {
            let [ours, theirs] = both.send("CreateTable", &table);
            let codes = (ours.code.as_str(), theirs.code.as_str());
            assert_eq!(codes, ("", ""), "{ours:?} {theirs:?}");
        }
        both
    }

    /// The answer of the embedded engine, and that of dynoxide.
    pub(super) fn send(&self, operation: &str, request: &Value) -> [Answer; 2] {
        let body = request.to_string();
        let ours = self.ours.answer(operation, body.as_bytes(), NOW);
        let theirs = self.theirs.answer(operation, body.as_bytes());
        [ours, theirs].map(|(status, body)| Answer::of(operation, status, &body))
    }
}

/// One table with a partition key and three indexes, and one with a sort key.
pub(super) fn tables() -> [Value; 2] {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let definition =
        |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let one = json!({
        "TableName": "one",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            definition("pk", "S"), definition("n", "N"), definition("s", "S"), definition("b", "B"),
        ],
        "KeySchema": [key("pk", "HASH")],
        "GlobalSecondaryIndexes": [
            { "IndexName": "by-n", "KeySchema": [key("n", "HASH")], "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "by-s", "KeySchema": [key("s", "HASH"), key("n", "RANGE")],
              "Projection": { "ProjectionType": "ALL" } },
            { "IndexName": "by-b", "KeySchema": [key("b", "HASH"), key("s", "RANGE")],
              "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["m"] } },
        ],
    });
    let two = json!({
        "TableName": "two",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [definition("pk", "N"), definition("sk", "S")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    [one, two]
}
