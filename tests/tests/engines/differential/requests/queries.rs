//! Queries and scans.

use serde_json::{Value, json};

use super::generator::Generator;

impl Generator {
    pub(super) fn query(&mut self) -> Value {
        let mut request = json!({ "TableName": "one" });
        let (partition, value, sort) = match self.rng.u32(0..5) {
            0 => ("pk", json!({ "S": "k" }), None),
            1 => {
                request["TableName"] = "two".into();
                ("pk", json!({ "N": "2" }), Some(("sk", "S")))
            }
            2 => {
                request["IndexName"] = "by-n".into();
                ("n", json!({ "N": "1" }), None)
            }
            3 => {
                request["IndexName"] = "by-s".into();
                ("s", json!({ "S": "a" }), Some(("n", "N")))
            }
            _ => {
                request["IndexName"] = "by-b".into();
                ("b", json!({ "B": "AQ==" }), Some(("s", "S")))
            }
        };
        let value = match self.is_wild && self.one_in(10) {
            true => self.value(0),
            false => value,
        };
        let mut condition = format!("{} = {}", self.named(partition), self.bind(value));
        if let Some((name, kind)) = sort
            && self.rng.bool()
        {
            let name = self.named(name);
            let bound = |generator: &mut Self| {
                let value = match generator.is_wild && generator.one_in(10) {
                    true => generator.value(0),
                    false => generator.value_of(kind, 0),
                };
                generator.bind(value)
            };
            let on_sort = match self.rng.u32(0..4) {
                0 => format!("begins_with({name}, {})", bound(self)),
                1 => format!("{name} BETWEEN {} AND {}", bound(self), bound(self)),
                _ => {
                    let sign = self.pick(&["=", "<", "<=", ">", ">="]);
                    format!("{name} {sign} {}", bound(self))
                }
            };
            condition = match self.one_in(4) {
                true => format!("{on_sort} AND {condition}"),
                false => format!("{condition} AND {on_sort}"),
            };
        }
        request["KeyConditionExpression"] = condition.into();
        if self.rng.bool() {
            request["ScanIndexForward"] = self.rng.bool().into();
        }
        self.page(&mut request);
        self.placeholders(&mut request);
        request
    }

    pub(super) fn scan(&mut self) -> Value {
        let mut scan = json!({ "TableName": self.pick(&["one", "two"]) });
        if self.one_in(3) {
            scan["FilterExpression"] = self.condition(1).into();
        }
        if scan["TableName"] == "one" && self.one_in(3) {
            scan["IndexName"] = self.pick(&["by-n", "by-s", "by-b"]).into();
        }
        self.placeholders(&mut scan);
        scan
    }

    fn page(&mut self, request: &mut Value) {
        // dynoxide ignores it in a query of a table without sort keys, which has one item to read.
        if self.one_in(4) && (request["TableName"] == "two" || request["IndexName"].is_string()) {
            let table = request["TableName"].as_str().unwrap().to_owned();
            let index = request["IndexName"].as_str().map(str::to_owned);
            request["ExclusiveStartKey"] = self.start(&table, index.as_deref());
        }
        if self.one_in(3) {
            request["FilterExpression"] = self.condition(1).into();
        }
        match self.rng.u32(0..6) {
            0 => request["Select"] = "COUNT".into(),
            1 => request["ProjectionExpression"] = self.projection().into(),
            _ => {}
        }
        if self.rng.bool() {
            request["Limit"] = self.rng.u32(1..4).into();
        }
        if self.one_in(3) {
            request["ConsistentRead"] = self.rng.bool().into();
        }
    }

    /// A start key: that of an item that can be there, or not.
    fn start(&mut self, table: &str, index: Option<&str>) -> Value {
        let mut start = self.key(table);
        let names: &[&str] = match index {
            Some("by-n") => &["n"],
            Some("by-s") => &["s", "n"],
            Some(_) => &["b", "s"],
            None => &[],
        };
        for name in names {
            let value = match *name {
                "n" => json!({ "N": "1" }),
                "s" => json!({ "S": self.pick(&["a", "ab", "b"]) }),
                _ => json!({ "B": "AQ==" }),
            };
            start.insert((*name).to_owned(), value);
        }
        start.into()
    }
}
