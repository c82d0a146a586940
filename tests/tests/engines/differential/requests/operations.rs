//! A request of any operation.

use serde_json::{Value, json};

use super::generator::Generator;

impl Generator {
    /// The next operation and its request.
    pub(crate) fn request(&mut self) -> (&'static str, Value) {
        if let Some(request) = self.repeated.take() {
            return ("TransactWriteItems", request);
        }
        self.is_wild = self.one_in(6);
        let (operation, mut request) = match self.rng.u32(0..40) {
            0..=6 => ("PutItem", self.single("Put")),
            7..=18 => ("UpdateItem", self.single("Update")),
            19..=20 => ("DeleteItem", self.single("Delete")),
            21..=23 => {
                let mut get = self.get();
                get["ConsistentRead"] = self.rng.bool().into();
                ("GetItem", get)
            }
            24..=28 => ("Query", self.query()),
            29..=30 => ("Scan", self.scan()),
            31 => ("BatchGetItem", self.batch_of_gets()),
            32 => ("BatchWriteItem", self.batch_of_writes()),
            33 => ("TransactGetItems", self.transaction_of_gets()),
            _ => ("TransactWriteItems", self.transaction_of_writes()),
        };
        if self.rng.bool() {
            request["ReturnConsumedCapacity"] = self.pick(&["TOTAL", "INDEXES"]).into();
        }
        if request["ClientRequestToken"].is_string() && self.rng.bool() {
            self.repeated = Some(request.clone());
        }
        (operation, request)
    }

    fn batch_of_gets(&mut self) -> Value {
        let mut tables = json!({});
        for table in ["one", "two"] {
            if self.rng.bool() {
                let count = self.rng.usize(1..3);
                let keys: Vec<_> = (0..count).map(|_| self.key(table)).collect();
                tables[table] = json!({ "Keys": keys, "ConsistentRead": self.rng.bool() });
            }
        }
        json!({ "RequestItems": tables })
    }

    fn batch_of_writes(&mut self) -> Value {
        let mut tables = json!({});
        for table in ["one", "two"] {
            if self.rng.bool() {
                let count = self.rng.usize(1..4);
                let writes = (0..count).map(|_| match self.rng.bool() {
                    true => json!({ "PutRequest": { "Item": self.item(table) } }),
                    false => json!({ "DeleteRequest": { "Key": self.key(table) } }),
                });
                tables[table] = writes.collect();
            }
        }
        json!({ "RequestItems": tables })
    }

    fn transaction_of_gets(&mut self) -> Value {
        let count = self.rng.usize(1..4);
        let gets: Vec<_> = (0..count)
            .map(|_| {
                let mut get = self.get();
                // dynoxide adds the key to what is projected.
                for name in ["ProjectionExpression", "ExpressionAttributeNames"] {
                    get.as_object_mut().unwrap().remove(name);
                }
                json!({ "Get": get })
            })
            .collect();
        json!({ "TransactItems": gets })
    }

    fn transaction_of_writes(&mut self) -> Value {
        let count = self.rng.usize(1..4);
        let parts: Vec<_> = (0..count)
            .map(|_| {
                let kinds = ["Put", "Update", "Update", "Delete", "ConditionCheck"];
                let kind = self.pick(&kinds);
                let mut part = json!({});
                part[kind] = self.write(kind);
                part
            })
            .collect();
        let mut request = json!({ "TransactItems": parts });
        if self.one_in(4) {
            request["ClientRequestToken"] = self.pick(&["t1", "t2"]).into();
        }
        request
    }
}
