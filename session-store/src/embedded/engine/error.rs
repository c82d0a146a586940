//! The refusals of DynamoDB, as its clients read them.

use serde_json::{Value as Json, json};

pub(crate) type Outcome<T> = Result<T, EngineError>;

/// A refusal: an HTTP status and a body of JSON.
#[derive(Debug)]
pub(crate) struct EngineError {
    code: &'static str,
    message: String,
    /// Further members of the body.
    details: Vec<(&'static str, Json)>,
    /// Whether it refuses a transaction as a whole, and not for one of its parts.
    is_of_request: bool,
}

/// Codes that belong to the protocol and not to DynamoDB, with their namespace.
const OF_PROTOCOL: [(&str, &str); 3] = [
    ("ValidationException", "com.amazon.coral.validate"),
    ("SerializationException", "com.amazon.coral.service"),
    ("UnknownOperationException", "com.amazon.coral.service"),
];

impl EngineError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            is_of_request: false,
        }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// A key that is empty. In a write, DynamoDB sees that before it begins a transaction.
    pub(crate) fn empty_key(message: impl Into<String>) -> Self {
        Self {
            is_of_request: true,
            ..Self::validation(message)
        }
    }

    /// The request is no JSON, or not of the operation.
    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(crate) fn unknown_operation(operation: &str) -> Self {
        let message = format!("the embedded database has no operation `{operation}`");
        Self::new("UnknownOperationException", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new("LimitExceededException", message)
    }

    pub(crate) fn token_mismatch() -> Self {
        let message = "The client request token was used for a request with other parameters";
        Self::new("IdempotentParameterMismatchException", message)
    }

    /// A condition failed. `old` is the item as it is, if the request asks for it.
    pub(crate) fn condition_failed(old: Option<Json>) -> Self {
        let error = Self::new("ConditionalCheckFailedException", CONDITION_FAILED);
        let old = old.map(|old| ("Item", old));
        Self {
            details: old.into_iter().collect(),
            ..error
        }
    }

    /// A transaction was cancelled, for one reason for each of its parts.
    pub(crate) fn cancelled(reasons: Vec<Reason>) -> Self {
        let codes: Vec<_> = reasons.iter().map(Reason::code).collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons = reasons.into_iter().map(Reason::into_json).collect();
        Self {
            details: vec![("CancellationReasons", Json::Array(reasons))],
            ..Self::new("TransactionCanceledException", message)
        }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn is_of_request(&self) -> bool {
        self.is_of_request
    }

    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The HTTP status. Each refusal of this engine is one of the request.
    pub(crate) fn status(&self) -> u16 {
        400
    }

    /// The body. The code is the first thing in it, as in an answer of DynamoDB.
    pub(crate) fn body(&self) -> String {
        let namespace = OF_PROTOCOL.iter().find(|(code, _)| *code == self.code);
        let namespace = namespace.map_or("com.amazonaws.dynamodb.v20120810", |(_, name)| name);
        let message = match self.code {
            "TransactionCanceledException" | "SerializationException" => "Message",
            _ => "message",
        };
        let mut body = format!(
            "{{\"__type\":\"{namespace}#{}\",\"{message}\":{}",
            self.code,
            json!(self.message)
        );
        for (name, json) in &self.details {
            body += &format!(",\"{name}\":{json}");
        }
        body + "}"
    }
}

const CONDITION_FAILED: &str = "The conditional request failed";

/// Why a part of a transaction was not carried out.
#[derive(Debug)]
pub(crate) enum Reason {
    /// Another part is the reason.
    None,
    /// Its condition failed. The item as it is, if the part asks for it.
    ConditionFailed(Option<Json>),
    /// It would make the item invalid.
    Invalid(String),
}

impl Reason {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionFailed(_) => "ConditionalCheckFailed",
            Self::Invalid(_) => "ValidationError",
        }
    }

    fn into_json(self) -> Json {
        let code = self.code();
        match self {
            Self::None => json!({ "Code": code }),
            Self::ConditionFailed(None) => json!({ "Code": code, "Message": CONDITION_FAILED }),
            Self::ConditionFailed(Some(old)) => {
                json!({ "Code": code, "Message": CONDITION_FAILED, "Item": old })
            }
            Self::Invalid(message) => json!({ "Code": code, "Message": message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_begins_with_its_code_and_is_json() {
        let reasons = vec![Reason::None, Reason::ConditionFailed(Some(json!({})))];
        for error in [
            EngineError::validation("says \"no\""),
            EngineError::condition_failed(Some(json!({}))),
            EngineError::cancelled(reasons),
        ] {
            let body = error.body();
            assert!(body.starts_with("{\"__type\":"), "{body}");
            let json: Json = serde_json::from_str(&body).unwrap();
            let code = json["__type"]
                .as_str()
                .and_then(|code| code.rsplit('#').next());
            assert_eq!(code, Some(error.code()));
        }
    }
}
