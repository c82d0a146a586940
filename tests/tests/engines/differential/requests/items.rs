//! Reads and writes of one item, alone or as a part of a transaction.

use serde_json::{Value, json};

use super::generator::Generator;

impl Generator {
    pub(super) fn single(&mut self, kind: &str) -> Value {
        let mut request = self.write(kind);
        if self.rng.bool() {
            let all = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
            let all = if kind == "Update" || self.one_in(20) {
                &all[..]
            } else {
                &all[..2]
            };
            request["ReturnValues"] = self.pick(all).into();
        }
        request
    }

    /// A write, as a request or as a part of a transaction.
    pub(super) fn write(&mut self, kind: &str) -> Value {
        let table = self.table();
        let mut request = json!({ "TableName": table });
        match kind {
            "Put" => request["Item"] = self.item(table).into(),
            _ => request["Key"] = self.key(table).into(),
        }
        if kind == "Update" && !self.one_in(30) {
            request["UpdateExpression"] = self.update().into();
        }
        if kind == "ConditionCheck" || self.rng.bool() {
            request["ConditionExpression"] = self.condition(0).into();
        }
        if self.rng.bool() {
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
        }
        self.placeholders(&mut request);
        request
    }

    pub(super) fn get(&mut self) -> Value {
        let table = self.table();
        let mut get = json!({ "TableName": table, "Key": self.key(table) });
        if self.rng.bool() {
            get["ProjectionExpression"] = self.projection().into();
        }
        self.placeholders(&mut get);
        get
    }
}
