//! Whether an answer is DynamoDB's, and the one that it sent: the SDK does not ask.
//!
//! To the SDK, an empty answer to a `GetItem` says that there is no item, and one to a write that it was carried
//! out; so does any JSON of a proxy. It ignores `x-amz-crc32`, DynamoDB's checksum of the body. An answer that
//! fails one of these checks says nothing: a read has failed (G10), and the outcome of a write is unknown (G13).
//! The SDK sends the request again, as often as after a connection that broke.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_dynamodb::Client;
#[cfg(feature = "metrics")]
use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::interceptors::{FinalizerInterceptorContextMut, InterceptorContext};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_smithy_runtime_api::client::interceptors::context::Error as OperationError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
#[cfg(feature = "metrics")]
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::ConnectorError;
#[cfg(feature = "metrics")]
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

#[cfg(feature = "metrics")]
use super::codes::THROTTLING;
use super::codes::is_throttled;
use super::not_sent::{runtime_has_ended, was_not_sent};
use super::retry::TrackAttempts;
#[cfg(feature = "metrics")]
use crate::telemetry::metrics;

/// The same client, to which an answer that says nothing is an error, and which sends a request again after it.
///
/// Each of its operations has the check by the client's configuration. As a part of each request, it would
/// cost a load a few per cent.
pub(super) fn with_checked_answers(client: &Client) -> Client {
    let mut interceptors = client.config().interceptors();
    // It is that of another store.
    if interceptors.any(|interceptor| interceptor.name() == TrackAttempts.name()) {
        return client.clone();
    }
    let config = client.config().to_builder();
    let config = config
        .interceptor(CheckAnswers)
        .interceptor(TrackAttempts)
        .retry_classifier(SendAgain);
    Client::from_conf(config.build())
}

/// Refuses answers that say nothing.
#[derive(Debug)]
struct CheckAnswers;

#[dyn_dispatch_hint]
impl Intercept for CheckAnswers {
    fn name(&self) -> &'static str {
        "session_store::CheckAnswers"
    }

    /// Not by an error of its own: the SDK would log the refusal that this one takes the place of, with the item in
    /// it (G8).
    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_taken = match context.output_or_error() {
            Some(Ok(_)) => true,
            Some(Err(error)) if error.is_operation_error() => false,
            _ => return Ok(()),
        };
        let flaw = context.response().and_then(|answer| flaw(answer, is_taken));
        if let (Some(flaw), Some(done)) = (flaw, context.output_or_error_mut()) {
            *done = Err(OrchestratorError::response(flaw.into()));
        }
        Ok(())
    }

    #[cfg(feature = "metrics")]
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = config.load::<Metadata>().map(Metadata::name);
        let attempts = config.load::<RequestAttempts>();
        let is_first = attempts.is_none_or(|made| made.attempts() <= 1);
        metrics::attempt(request.unwrap_or_default(), result(context), is_first);
        Ok(())
    }
}

/// How an attempt ended, in a word that stays.
#[cfg(feature = "metrics")]
fn result(context: &FinalizerInterceptorContextRef<'_>) -> &'static str {
    let error = match context.output_or_error() {
        Some(Ok(_)) => return "ok",
        Some(Err(error)) => error,
        None => return "no_answer",
    };
    let status = context.response().map(|answer| answer.status().as_u16());
    match status {
        _ if has_flaw(error) => "flawed",
        _ if error.is_timeout_error() => "timeout",
        Some(400) if is_throttling(error, context.response()) => "throttled",
        Some(400..500) => "refused",
        Some(500..) => "failed",
        Some(_) => "flawed",
        None => "no_answer",
    }
}

/// What is wrong with an answer. `is_taken`: the SDK has read it as a success.
fn flaw(answer: &HttpResponse, is_taken: bool) -> Option<Flaw> {
    let body = answer.body().bytes()?;
    let header = |name| answer.headers().get(name);
    if body.is_empty() {
        return Some(Flaw::Empty);
    }
    // The answer can have been compressed or taken apart on its way, by a proxy that kept the header.
    let sum = header("x-amz-crc32").filter(|_| header("content-encoding").is_none());
    if let Some(sum) = sum.and_then(|sum| sum.parse::<u32>().ok()) {
        return (sum != crc32fast::hash(body)).then_some(Flaw::Corrupt);
    }
    let is_foreign = |kind: &str| !kind.starts_with("application/x-amz-json");
    let is_foreign = is_taken && header("content-type").is_some_and(is_foreign);
    // The SDK has read the whole of a success. Of an error, it takes a part for one without a code.
    (is_foreign || !(is_taken || is_whole(body))).then_some(Flaw::Foreign)
}

/// Whether it looks like one whole object of JSON: it begins and ends as one, and so does each object in it.
fn is_whole(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let body = body.trim_ascii();
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => match depth.checked_sub(1) {
                Some(0) => return at + 1 == body.len(),
                Some(outer) => depth = outer,
                None => return false,
            },
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Empty,
    Corrupt,
    Foreign,
}

impl Flaw {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Empty => "it has no body",
            Self::Corrupt => "its body does not have the checksum that came with it",
            Self::Foreign => "it is not in DynamoDB's format",
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no answer of DynamoDB: {}", self.text())
    }
}

impl StdError for Flaw {}

/// Says after which answers a request is sent again, beyond those that the SDK knows.
#[derive(Debug)]
struct SendAgain;

impl ClassifyRetry for SendAgain {
    fn name(&self) -> &'static str {
        "SendAgain"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        // The runtime of a connection can end under another one that shares it, as in tests.
        let has_lost_runtime =
            |error: &ConnectorError| was_not_sent(error) || runtime_has_ended(error);
        if has_flaw(error) || error.as_connector_error().is_some_and(has_lost_runtime) {
            return RetryAction::transient_error();
        }
        let Some(failed) = error.as_operation_error() else {
            return RetryAction::NoActionIndicated;
        };
        // To the SDK, it is just a transaction that failed.
        if is_cancelled_by_throttling(failed) {
            return RetryAction::throttling_error();
        }
        let is_error = |answer: &HttpResponse| {
            answer.status().is_client_error() || answer.status().is_server_error()
        };
        match context.response() {
            Some(answer) if !is_error(answer) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }
}

/// Whether a transaction was cancelled because a part of it was throttled.
fn is_cancelled_by_throttling(failed: &OperationError) -> bool {
    matches!(
        failed.downcast_ref(),
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
            if cancelled.cancellation_reasons().iter().any(is_throttled)
    )
}

/// Whether a request was refused because there were too many.
#[cfg(feature = "metrics")]
fn is_throttling(error: &OrchestratorError<OperationError>, answer: Option<&HttpResponse>) -> bool {
    let body = answer.and_then(|answer| answer.body().bytes());
    let code = body.and_then(|body| code_in(str::from_utf8(body).ok()?));
    let has_code = code.is_some_and(|code| THROTTLING.contains(&code));
    has_code
        || error
            .as_operation_error()
            .is_some_and(is_cancelled_by_throttling)
}

/// The code in the body of an error, which is the first thing in it.
#[cfg(feature = "metrics")]
fn code_in(body: &str) -> Option<&str> {
    let kind = body.trim_start().strip_prefix("{")?.trim_start();
    let kind = kind.strip_prefix("\"__type\"")?.trim_start();
    let kind = kind.strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let kind = kind.split('"').next()?;
    kind.rsplit('#').next()
}

fn has_flaw(error: &(dyn StdError + 'static)) -> bool {
    flaw_in(error).is_some()
}

/// The flaw that an error is about.
pub(super) fn flaw_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Flaw> {
    let own = error.downcast_ref();
    own.or_else(|| error.source().and_then(flaw_in))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(headers: &[(&'static str, &'static str)], body: &'static str) -> HttpResponse {
        let mut answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            answer.headers_mut().insert(*name, *value);
        }
        answer
    }

    #[test]
    fn an_answer_that_says_nothing_has_a_flaw() {
        const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
        // As zlib computes it.
        const SUM: (&str, &str) = ("x-amz-crc32", "2745614147");
        for (headers, body, of_taken, of_refused) in [
            (&[JSON, SUM][..], "{}", None, None),
            (&[SUM], "{}", None, None),
            (&[], "{}", None, None),
            (&[JSON], " {\"Item\":{}}\n", None, None),
            (&[JSON, SUM], "{ ", Some(Flaw::Corrupt), Some(Flaw::Corrupt)),
            (&[JSON, SUM], "", Some(Flaw::Empty), Some(Flaw::Empty)),
            (&[], "", Some(Flaw::Empty), Some(Flaw::Empty)),
            (&[JSON], "{\"Item\":{\"a\":{}", None, Some(Flaw::Foreign)),
            (&[JSON], r#"{"a":{"b":"}\"}"}}"#, None, None),
            (&[JSON], r#"{"a":"}"#, None, Some(Flaw::Foreign)),
            (&[JSON], "{}}", None, Some(Flaw::Foreign)),
            (&[JSON], "{\"Item\":", None, Some(Flaw::Foreign)),
            (&[], "<html>", None, Some(Flaw::Foreign)),
            (
                &[("content-type", "application/json")],
                "{}",
                Some(Flaw::Foreign),
                None,
            ),
            (
                &[JSON, ("x-amz-crc32", "7"), ("content-encoding", "gzip")],
                "{}",
                None,
                None,
            ),
            (&[JSON, ("x-amz-crc32", "none")], "{}", None, None),
        ] {
            let answer = answer(headers, body);
            assert_eq!(flaw(&answer, true), of_taken, "{headers:?} {body:?}");
            assert_eq!(flaw(&answer, false), of_refused, "{headers:?} {body:?}");
        }
    }
}
