//! From the SDK's errors to this crate's: what happened, and what to do about it.

use std::convert::Infallible;
use std::sync::Arc;

use aws_sdk_dynamodb::error::{BuildError, ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{Answer, Cause, Error, ServiceError, SetupError};
use crate::item::Map;

use super::codes::{CREDENTIALS, THROTTLING, TRANSACTION_CONFLICT, is_shown};
use super::table::Table;

const OVERLOADED: &str =
    "DynamoDB was asked too often; try again later, or give the table more capacity";

impl Table {
    /// The error for a request of the data plane, which names the reasons of a cancelled transaction.
    pub(super) fn request_failed<E: RequestError>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
    ) -> ServiceError {
        let reasons = error.as_service_error().map(E::cancellation_reasons);
        let reasons = reasons.unwrap_or_default().to_vec();
        let failed = self.failed(operation, error);
        if reasons.is_empty() {
            return failed;
        }
        failed.cancelled_for(&reasons)
    }

    /// The error for a request to this table.
    pub(crate) fn failed<E>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
    ) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        ServiceError::new(operation, &self.name, error)
    }
}

impl ServiceError {
    fn new<E>(operation: &'static str, table: &str, error: SdkError<E, HttpResponse>) -> Self
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
            cause: cause(operation, code.clone(), status, error),
            code,
        }
    }

    /// The error for a batch that DynamoDB left unfinished time and again, as it does when it is
    /// asked for more than the table's capacity.
    pub(super) fn unprocessed(operation: &'static str) -> Self {
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

    /// The error for the item of `revoke_all_created_before`, if it was changed by another program.
    pub(super) fn unreadable_cutoff() -> Self {
        Self {
            operation: "BatchGetItem",
            code: None,
            request_id: None,
            throttled: false,
            timeout: false,
            retryable: false,
            outcome_unknown: false,
            hint: "the item that tells which sessions `revoke_all_created_before` has ended cannot be read; \
                   call it again"
                .to_owned(),
            cause: Arc::from(Cause::from("`created_before` is not a whole number")),
        }
    }

    /// The error for a transaction that was cancelled for reasons other than the state of its items.
    fn cancelled_for(self, reasons: &[CancellationReason]) -> Self {
        let codes: Vec<_> = reasons
            .iter()
            .map(|reason| reason.code().unwrap_or_default())
            .collect();
        let throttled = codes
            .iter()
            .any(|code| matches!(*code, "ThrottlingError" | "ProvisionedThroughputExceeded"));
        Self {
            throttled,
            retryable: throttled,
            hint: if throttled {
                OVERLOADED.to_owned()
            } else {
                let codes = codes.join(", ");
                format!(
                    "its parts were answered with {codes}; `verify_table` tells whether the keys \
                     of the table and its indexes are those of the session type"
                )
            },
            ..self
        }
    }

    /// Whether a transaction held the item. The SDK does not try again by itself.
    pub(super) fn is_transaction_conflict(&self) -> bool {
        self.code() == Some(TRANSACTION_CONFLICT)
    }
}

/// The source of an error. An answer can hold items, of this session and of others, and the SDK's errors
/// print it.
fn cause<E>(
    operation: &str,
    code: Option<String>,
    status: Option<u16>,
    error: SdkError<E, HttpResponse>,
) -> Arc<dyn std::error::Error + Send + Sync>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let message = is_shown(operation, code.as_deref()).then(|| error.message());
            let message = message.flatten().map(str::to_owned);
            Arc::new(Answer {
                status,
                code,
                message,
            })
        }
        error => Arc::new(error),
    }
}

/// Whether DynamoDB refused a write because the item would be too large, which a change to a part
/// of it can meet although this copy's own size was fine.
fn says_too_large(error: &ErrorMetadata) -> bool {
    error.code() == Some("ValidationException") && error.message().is_some_and(is_about_size)
}

fn is_about_size(message: &str) -> bool {
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
        Some(_) if is_shown(operation, code) => message.to_owned(),
        Some(_) => "DynamoDB refused a value or an expression of the request; its message is left \
                    out, since it can quote a value of the session"
            .to_owned(),
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

/// The error of an operation, and what it means to the caller beyond that it failed.
pub(super) trait RequestError:
    ProvideErrorMetadata + std::error::Error + Send + Sync + 'static
{
    /// A refusal that the caller can act on.
    type Refusal;

    /// The refusal that this error is.
    fn refusal(&self) -> Option<Self::Refusal>;

    /// The reasons for which a transaction was cancelled.
    fn cancellation_reasons(&self) -> &[CancellationReason] {
        &[]
    }
}

/// A write that was refused.
pub(super) enum WriteRefusal {
    /// Its condition did not hold; the item as it is, if there is one.
    ConditionFailed(Option<Map>),
    /// The item would be larger than DynamoDB allows.
    TooLarge,
}

/// A transaction that was refused.
pub(super) enum TransactionRefusal {
    /// The reasons, one for each part: a condition that failed, an item that another transaction holds,
    /// or an item that would be too large.
    Cancelled(Vec<CancellationReason>),
    /// An earlier attempt of this very transaction is still being carried out.
    InProgress,
}

macro_rules! reads {
    ($($error:ident)*) => {$(
        impl RequestError for $error {
            type Refusal = Infallible;

            fn refusal(&self) -> Option<Infallible> {
                None
            }
        }
    )*};
}

reads! { GetItemError BatchGetItemError QueryError }

macro_rules! writes {
    ($($error:ident)*) => {$(
        impl RequestError for $error {
            type Refusal = WriteRefusal;

            fn refusal(&self) -> Option<WriteRefusal> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => {
                        Some(WriteRefusal::ConditionFailed(failed.item.clone()))
                    }
                    error => says_too_large(error.meta()).then_some(WriteRefusal::TooLarge),
                }
            }
        }
    )*};
}

writes! { PutItemError UpdateItemError DeleteItemError }

impl RequestError for TransactWriteItemsError {
    type Refusal = TransactionRefusal;

    fn refusal(&self) -> Option<TransactionRefusal> {
        if self.code() == Some("TransactionInProgressException") {
            return Some(TransactionRefusal::InProgress);
        }
        let reasons = self.cancellation_reasons();
        let concerns_items = !reasons.is_empty() && reasons.iter().all(concerns_item);
        concerns_items.then(|| TransactionRefusal::Cancelled(reasons.to_vec()))
    }

    fn cancellation_reasons(&self) -> &[CancellationReason] {
        match self {
            Self::TransactionCanceledException(cancelled) => cancelled.cancellation_reasons(),
            _ => &[],
        }
    }
}

/// Whether the condition of this part failed.
pub(crate) fn is_refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Whether the item of this part would be too large.
pub(crate) fn is_too_large(reason: &CancellationReason) -> bool {
    reason.code() == Some("ValidationError") && reason.message().is_some_and(is_about_size)
}

/// Whether a part was cancelled because of its item, and not of the request or the table.
fn concerns_item(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None" | "TransactionConflict"))
        || is_refused(reason)
        || is_too_large(reason)
}

/// The SDK builds no request without its required parts; all of this crate's have them.
pub(crate) fn incomplete(error: BuildError) -> Error {
    SetupError::with_cause("the SDK found a request incomplete", error).into()
}
