//! What a client sees of the engine as a whole.

mod capacity;
mod control;
mod hostile;
mod items;
mod query;
mod transaction;

use serde_json::{Value as Json, json};

use super::Engine;

/// 15 January 2027.
const NOW: u64 = 1_800_000_000_000;

struct Bench {
    engine: Engine,
    now: u64,
}

impl Bench {
    /// An engine with a table `t` of the key `id`, an index of all attributes by `user` and `at`, and one of keys by
    /// `tenant`.
    fn new() -> Self {
        let mut bench = Self {
            engine: Engine::new(),
            now: NOW,
        };
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let definition =
            |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
        let definitions = [("id", "S"), ("user", "S"), ("at", "N"), ("tenant", "N")];
        bench.done(
            "CreateTable",
            json!({
                "TableName": "t-1",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": definitions.map(|(name, kind)| definition(name, kind)),
                "KeySchema": [key("id", "HASH")],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "by-user",
                        "KeySchema": [key("user", "HASH"), key("at", "RANGE")],
                        "Projection": { "ProjectionType": "ALL" },
                    },
                    {
                        "IndexName": "by-tenant",
                        "KeySchema": [key("tenant", "HASH")],
                        "Projection": { "ProjectionType": "KEYS_ONLY" },
                    },
                ],
            }),
        );
        bench
    }

    /// The answer, or the code and the body of the refusal.
    fn send(&mut self, operation: &str, mut request: Json) -> Result<Json, (String, Json)> {
        let control = [
            "CreateTable",
            "ListTables",
            "BatchWriteItem",
            "TransactWriteItems",
        ];
        if !control.contains(&operation) && request["TableName"].is_null() {
            request["TableName"] = "t-1".into();
        }
        let body = request.to_string();
        let parse = |body: String| serde_json::from_str(&body).unwrap();
        match self.engine.execute(operation, body.as_bytes(), self.now) {
            Ok(body) => Ok(parse(body)),
            Err(error) => Err((error.code().to_owned(), parse(error.body()))),
        }
    }

    fn done(&mut self, operation: &str, request: Json) -> Json {
        self.send(operation, request).unwrap()
    }

    fn refused(&mut self, operation: &str, request: Json) -> String {
        self.send(operation, request).unwrap_err().0
    }

    fn put(&mut self, item: Json) {
        self.done("PutItem", json!({ "Item": item }));
    }

    fn item(&mut self, id: &str) -> Json {
        self.done("GetItem", json!({ "Key": { "id": { "S": id } } }))["Item"].take()
    }

    /// The units of a write or a read.
    fn units(&mut self, operation: &str, mut request: Json) -> f64 {
        request["ReturnConsumedCapacity"] = "TOTAL".into();
        let answer = self.done(operation, request);
        match &answer["ConsumedCapacity"] {
            Json::Array(tables) => tables
                .iter()
                .map(|table| table["CapacityUnits"].as_f64().unwrap())
                .sum(),
            table => table["CapacityUnits"].as_f64().unwrap(),
        }
    }
}

fn session(id: &str, user: &str, at: u64) -> Json {
    json!({ "id": { "S": id }, "user": { "S": user }, "at": { "N": at.to_string() } })
}

fn key(id: &str) -> Json {
    json!({ "id": { "S": id } })
}

fn update(id: &str, text: &str) -> Json {
    json!({
        "TableName": "t-1", "Key": key(id), "UpdateExpression": text,
        "ExpressionAttributeValues": { ":v": { "N": "7" } },
    })
}

fn by_user(limit: usize) -> Json {
    json!({
        "IndexName": "by-user", "KeyConditionExpression": "#u = :u", "Limit": limit,
        "ExpressionAttributeNames": { "#u": "user" }, "ExpressionAttributeValues": { ":u": { "S": "u" } },
    })
}
