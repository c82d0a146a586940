//! An answer in a form in which two engines can be compared.

use serde_json::{Map, Value, json};

#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// The code of a refusal, or nothing.
    pub(super) code: String,
    /// The body of a success. For a refusal: the item, the reasons of a cancelled transaction, and the messages.
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn of(operation: &str, status: u16, body: &str) -> Self {
        let mut body: Value = serde_json::from_str(body).unwrap();
        normalise(&mut body);
        match status {
            200 => Self::of_success(operation, body),
            _ => Self::of_refusal(&body),
        }
    }

    fn of_success(operation: &str, mut body: Value) -> Self {
        // DynamoDB does not define the order of these.
        let unordered = match operation {
            "Scan" => &["/Items"][..],
            "BatchGetItem" => &["/Responses/one", "/Responses/two"],
            _ => &[],
        };
        for path in unordered {
            if let Some(items) = body.pointer_mut(path).and_then(Value::as_array_mut) {
                items.sort_by_key(Value::to_string);
            }
        }
        let bills = body.pointer_mut("/ConsumedCapacity");
        if let Some(bills) = bills.and_then(Value::as_array_mut) {
            bills.sort_by_key(|bill| bill["TableName"].to_string());
        }
        let code = String::new();
        Self { code, body }
    }

    fn of_refusal(body: &Value) -> Self {
        let kind = body["__type"].as_str().unwrap();
        let code = kind.rsplit('#').next().unwrap().to_owned();
        let mut rest = json!({ "Item": body["Item"], "said": body["message"] });
        if body["message"].is_null() {
            rest["said"] = body["Message"].clone();
        }
        if let Some(reasons) = body["CancellationReasons"].as_array() {
            let reasons = reasons.iter();
            rest["reasons"] = reasons
                .map(|reason| json!([reason["Code"], reason["Item"]]))
                .collect();
            rest["messages"] = body["CancellationReasons"].clone();
        }
        Self { code, body: rest }
    }

    /// Whether a program can tell the two apart. The texts of errors are not compared.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.compared() != other.compared()
    }

    fn compared(&self) -> Value {
        match self.code.is_empty() {
            true => self.body.clone(),
            false => json!([self.code, self.body["Item"], self.body["reasons"]]),
        }
    }

    /// Whether the message of a refusal has this text, or the message of one of its reasons.
    pub(super) fn says(&self, text: &str) -> bool {
        let said = self.body["said"].as_str().unwrap_or_default();
        said.contains(text) || self.body["messages"].to_string().contains(text)
    }
}

/// Sorts sets, and removes members of the body that are empty or null: an engine can leave them out.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries.iter_mut() {
                normalise(value);
                if ["SS", "NS", "BS"].contains(&name.as_str())
                    && let Some(members) = value.as_array_mut()
                {
                    members.sort_by_key(Value::to_string);
                }
            }
            entries.retain(|name, value| {
                let is_empty = value.as_object().is_some_and(Map::is_empty);
                !(value.is_null() || (name.starts_with("Unprocessed") && is_empty))
            });
        }
        Value::Array(values) => values.iter_mut().for_each(normalise),
        _ => {}
    }
}
