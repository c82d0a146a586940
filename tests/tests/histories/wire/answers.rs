//! The answers that the wire makes itself, and those that it damages.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use session_store_tests::aws_errors::{ERRORS, THROTTLING_REASONS};

use crate::plan::{Fault, Flaw};

pub(super) type Answer = Result<HttpResponse, ConnectorError>;

pub(super) fn reset() -> Answer {
    Err(ConnectorError::io("connection reset".into()))
}

pub(super) fn timeout() -> Answer {
    Err(ConnectorError::timeout("no answer in time".into()))
}

pub(super) fn not_connected() -> Answer {
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    Err(ConnectorError::io(refused.into()))
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    response(status, &error_body(code, message))
}

fn error_body(code: &str, message: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message })
}

/// One of AWS's errors. One for throttling has a reason beside its sentence.
pub(super) fn of_aws(number: u8) -> Answer {
    let number = usize::from(number);
    let error = &ERRORS[number];
    let mut body = error_body(error.code, error.message);
    if error.is_throttled() {
        let (reason, _) = THROTTLING_REASONS[number % THROTTLING_REASONS.len()];
        let resource = "arn:aws:dynamodb:eu-west-1:111122223333:table/sessions";
        let name = match error.code {
            "ThrottlingException" => "throttlingReasons",
            _ => "ThrottlingReasons",
        };
        body[name] = json!([{ "reason": reason, "resource": resource }]);
    }
    response(error.status, &body)
}

/// A transaction was cancelled because of this one of its parts.
pub(super) fn cancelled(input: &Value, part: usize, code: &str, message: &str) -> Answer {
    let parts = input["TransactItems"].as_array().map_or(0, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); parts];
    reasons[part % parts] = json!({ "Code": code, "Message": message });
    let mut body = error_body("TransactionCanceledException", "Transaction cancelled");
    body["CancellationReasons"] = json!(reasons);
    response(400, &body)
}

/// The answer of this status and body, with a flaw.
pub(super) fn flawed(flaw: Flaw, status: u16, body: &Value) -> Answer {
    let mut sent = body.to_string().into_bytes();
    let sum = crc32fast::hash(&sent).to_string();
    match flaw {
        Flaw::Empty => raw(status, Vec::new()),
        Flaw::Torn(part) => {
            sent.truncate(sent.len() * usize::from(part) / 100);
            raw(status, sent)
        }
        Flaw::Flipped(value) => {
            flip(&mut sent, value.into());
            let mut answer = raw(status, sent)?;
            answer.headers_mut().insert("x-amz-crc32", sum);
            Ok(answer)
        }
        Flaw::Page(status) => of_proxy(status, "text/html", "<html>Please wait.</html>"),
        Flaw::OtherJson => of_proxy(200, "application/json", "{}"),
    }
}

/// The status of an answer with this flaw, if it was this one.
pub(super) fn status(flaw: Flaw, status: u16) -> u16 {
    match flaw {
        Flaw::Page(status) => status,
        Flaw::OtherJson => 200,
        _ => status,
    }
}

/// Changes a digit or letter of this one of the values, so that the JSON stays well formed.
fn flip(body: &mut Vec<u8>, value: usize) {
    let colons = (0..body.len()).filter(|at| body[*at] == b':');
    let colons: Vec<_> = colons.collect();
    let from = colons
        .get(value % colons.len().max(1))
        .copied()
        .unwrap_or(0);
    let at = body[from..].iter().position(u8::is_ascii_alphanumeric);
    match at {
        Some(at) => body[from + at] ^= 1,
        None => body.push(b' '),
    }
}

fn of_proxy(status: u16, kind: &'static str, body: &str) -> Answer {
    let mut answer = raw(status, body.as_bytes().to_vec())?;
    answer.headers_mut().insert("content-type", kind);
    Ok(answer)
}

pub(super) fn response(status: u16, body: &Value) -> Answer {
    raw(status, body.to_string().into_bytes())
}

fn raw(status: u16, body: Vec<u8>) -> Answer {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// The answer to a request that is not carried out, if this fault gives one at once.
pub(super) fn at_once(fault: Fault) -> Option<Answer> {
    Some(match fault {
        Fault::Refuse => reset(),
        Fault::TimeOutBefore => timeout(),
        Fault::NotConnected => not_connected(),
        Fault::Throttle => error(400, "ProvisionedThroughputExceededException", "slow down"),
        Fault::FailBefore => error(500, "InternalServerError", "try again"),
        Fault::Aws(number) => of_aws(number),
        Fault::InProgress => error(
            400,
            "TransactionInProgressException",
            "The transaction with the given request token is already in progress.",
        ),
        _ => return None,
    })
}
