//! The JSON of requests and items: read, completed and compared.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use session_store::AttributeValue;

/// The item with its data as a map, whatever its format.
pub fn unpacked(mut item: Value) -> Value {
    if let Some(bytes) = item["data"]["B"].as_str() {
        let bytes = base64::decode(bytes).unwrap();
        let data = session_store::private::unpack(&bytes).unwrap();
        let entry = |(name, value)| match value {
            AttributeValue::N(number) => (name, json!({ "N": number })),
            _ => (name, json!({ "NULL": true })),
        };
        let data: serde_json::Map<_, _> = data.into_iter().map(entry).collect();
        item["data"] = json!({ "M": data });
    }
    item
}

pub fn fill(request: &mut HttpRequest, input: &Value) {
    let body = input.to_string();
    if request.headers().get("content-length").is_some() {
        request
            .headers_mut()
            .insert("content-length", body.len().to_string());
    }
    *request.body_mut() = SdkBody::from(body);
}

pub fn difference(
    before: &Value,
    after: &Value,
    mut session: impl FnMut(&str) -> String,
) -> String {
    let mut parts = Vec::new();
    let mut flat = |item: &Value| {
        let mut flat = std::collections::BTreeMap::new();
        for (name, value) in item.as_object().into_iter().flatten() {
            match value["M"].as_object() {
                Some(entries) => flat.extend(entries.iter().map(|(key, value)| {
                    let key = match name.as_str() {
                        "m" => session(key),
                        _ => key.clone(),
                    };
                    (format!("{name}.{key}"), value.clone())
                })),
                None => {
                    flat.insert(name.clone(), value.clone());
                }
            }
        }
        flat.remove("writes");
        // It is bound to the handle, which is random.
        flat.remove("user-roster");
        flat
    };
    let (before, after) = (flat(before), flat(after));
    for (name, value) in &after {
        if before.get(name) != Some(value) {
            let plain = value.as_object().and_then(|v| v.values().next());
            parts.push(format!("{name}={}", plain.unwrap_or(value)));
        }
    }
    parts.extend(
        before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .map(|name| format!("no {name}")),
    );
    parts.join(" ")
}

/// The keys of the items that a request may write.
pub fn written<'a>(operation: &str, input: &'a Value) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    match operation {
        "PutItem" => Box::new(input["Item"]["id"]["S"].as_str().into_iter()),
        "UpdateItem" | "DeleteItem" => Box::new(input["Key"]["id"]["S"].as_str().into_iter()),
        "TransactWriteItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            Box::new(
                items
                    .flat_map(|item| item.as_object().into_iter().flatten())
                    .filter_map(|(kind, part)| match kind.as_str() {
                        "Put" => part["Item"]["id"]["S"].as_str(),
                        _ => part["Key"]["id"]["S"].as_str(),
                    }),
            )
        }
        _ => Box::new(std::iter::empty()),
    }
}

pub fn is_read(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query")
}
