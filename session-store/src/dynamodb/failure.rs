//! From the SDK's errors to this crate's: what happened, and what to do about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{
    BoxError, BuildError, ErrorMetadata, ProvideErrorMetadata, SdkError,
};
use aws_sdk_dynamodb::operation::RequestId as _;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{Cause, Error, ServiceError, SetupError};
use crate::item::value::Map;

/// Codes by which AWS refuses a call because there were too many.
const THROTTLING: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "LimitExceededException",
];

/// Codes by which AWS refuses the credentials.
const CREDENTIALS: [&str; 6] = [
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ExpiredTokenException",
    "InvalidClientTokenId",
];

const OVERLOADED: &str =
    "DynamoDB was asked too often; try again later, or give the table more capacity";

const TRANSACTION_CONFLICT: &str = "TransactionConflictException";

impl ServiceError {
    pub(crate) fn new<E>(
        operation: &'static str,
        table: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let answered = matches!(error, SdkError::ServiceError(_));
        let failed_inside = status.is_some_and(|status| status >= 500);
        let throttled = code
            .as_deref()
            .is_some_and(|code| THROTTLING.contains(&code));
        let timeout = match &error {
            SdkError::TimeoutError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_timeout(),
            _ => false,
        };
        let lost = match &error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => !failure.is_user(),
            _ => false,
        };
        let conflict = code.as_deref() == Some(TRANSACTION_CONFLICT);
        Self {
            operation,
            request_id: error.request_id().map(str::to_owned),
            throttled,
            timeout,
            retryable: throttled || lost || failed_inside || conflict,
            outcome_unknown: lost || (answered && failed_inside && !throttled),
            hint: hint(operation, table, code.as_deref(), error.message(), &error),
            code,
            cause: Arc::new(error),
        }
    }

    /// The error for a batch that DynamoDB left unfinished time and again, as it does when it is
    /// asked for more than the table's capacity.
    pub(crate) fn unprocessed(operation: &'static str) -> Self {
        Self {
            operation,
            code: None,
            request_id: None,
            throttled: true,
            timeout: false,
            retryable: true,
            outcome_unknown: false,
            hint: "DynamoDB left a part of it undone in every attempt; try again later, or give the table more capacity".to_owned(),
            cause: Arc::from(Cause::from("unprocessed keys")),
        }
    }

    /// The error for a transaction that was cancelled for reasons that are not the session's.
    pub(crate) fn cancelled(
        table: &str,
        reasons: &[CancellationReason],
        error: SdkError<TransactWriteItemsError, HttpResponse>,
    ) -> Self {
        let mut this = Self::new("TransactWriteItems", table, error);
        let codes = reasons
            .iter()
            .map(|reason| reason.code().unwrap_or_default());
        let codes: Vec<_> = codes.collect();
        this.throttled = codes
            .iter()
            .any(|code| matches!(*code, "ThrottlingError" | "ProvisionedThroughputExceeded"));
        this.retryable = this.throttled;
        let messages = reasons.iter().filter_map(CancellationReason::message);
        this.hint = match this.throttled {
            true => OVERLOADED.to_owned(),
            false => format!(
                "{} {}",
                codes.join(" "),
                messages.collect::<Vec<_>>().join(" ")
            ),
        };
        this
    }

    /// Whether a transaction held the item. The SDK does not try again by itself.
    pub(crate) fn is_transaction_conflict(&self) -> bool {
        self.code() == Some(TRANSACTION_CONFLICT)
    }
}

/// Whether DynamoDB refused a write because the item would be too large, which a change to a part
/// of it can meet although this copy's own size was fine.
pub(crate) fn says_too_large(error: &ErrorMetadata) -> bool {
    error.code() == Some("ValidationException") && error.message().is_some_and(is_about_size)
}

pub(crate) fn is_about_size(message: &str) -> bool {
    message.to_lowercase().contains("item size")
}

fn hint<E>(
    operation: &str,
    table: &str,
    code: Option<&str>,
    message: Option<&str>,
    error: &SdkError<E, HttpResponse>,
) -> String {
    let message = message.unwrap_or_default();
    match code {
        Some("ResourceNotFoundException") => format!(
            "table `{table}` is not there; create it with `create_table`, or check its name, the \
             region and the account"
        ),
        Some("ValidationException") if message.contains("specified index") => format!(
            "table `{table}` lacks an index of the session type; add it with `create_table`"
        ),
        Some("ValidationException") if is_about_keys(message) => format!(
            "the keys of table `{table}` or of an index are not those of the session type; \
             `verify_table` tells the difference"
        ),
        Some("AccessDeniedException") => format!(
            "the credentials do not allow it; grant them `dynamodb:{operation}` on table `{table}` \
             and its indexes"
        ),
        Some(code) if CREDENTIALS.contains(&code) => {
            "AWS refused the credentials; check that they are there, current and for this account"
                .to_owned()
        }
        Some(code) if THROTTLING.contains(&code) => OVERLOADED.to_owned(),
        Some(_) => message.to_owned(),
        None => match error {
            SdkError::TimeoutError(_) => {
                "no answer in time; try again, or give the client longer time-outs".to_owned()
            }
            SdkError::DispatchFailure(_) => {
                "the request did not get through; check that the endpoint is right and running, \
                 and that the client has credentials"
                    .to_owned()
            }
            SdkError::ResponseError(_) => {
                "the answer is not one of DynamoDB's; check the endpoint".to_owned()
            }
            _ => "the request could not be made; check the client's configuration".to_owned(),
        },
    }
}

/// Both engines' words, and AWS's, for a key that is missing or of another type.
fn is_about_keys(message: &str) -> bool {
    [
        "key element",
        "key schema",
        "Type mismatch",
        "Missing the key",
        "number of conditions on the keys",
        "Condition parameter type",
    ]
    .iter()
    .any(|part| message.contains(part))
}

/// The errors of writes that can have a condition.
pub(crate) trait Condition:
    ProvideErrorMetadata + std::error::Error + Send + Sync + 'static
{
    /// The item as it is, if the condition failed and there is one.
    fn failed(&self) -> Option<&Option<Map>>;
}

macro_rules! condition {
    ($($error:ident)*) => {$(
        impl Condition for $error {
            fn failed(&self) -> Option<&Option<Map>> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some(&failed.item),
                    _ => None,
                }
            }
        }
    )*};
}

condition! { PutItemError UpdateItemError DeleteItemError }

/// What became of each sending of one request, of which the SDK tells the last alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<AtomicBool>);

impl Attempts {
    /// Whether a sending got no answer that says that it was not carried out.
    pub(crate) fn lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answered = context
            .response()
            .is_some_and(|answer| answer.status().as_u16() < 500);
        if !answered {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The SDK builds no request without its required parts; all of this crate's have them.
pub(crate) fn incomplete(error: BuildError) -> Error {
    SetupError::with_cause("the SDK found a request incomplete", error).into()
}
