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
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{CancellationReason, ThrottlingReason};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::runtime::TryCurrentError;

use crate::error::{Answer, Cause, Error, ServiceError, SetupError};
use crate::item::Map;

use super::answer::flaw_in;
use super::codes::{FAILED_INSIDE, Kind, Meaning, WRITE_CONFLICT, is_shown};
use super::not_sent::NotSent;
use super::table::Table;
use super::unanswered;

impl Table {
    /// The error for a request of the data plane, which names the reasons of a cancelled transaction.
    pub(super) fn request_failed<E: RequestError>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
    ) -> ServiceError {
        let answer = error.as_service_error();
        let cancelled = answer.map(E::cancellation_reasons).unwrap_or_default();
        let cancelled = cancelled.to_vec();
        let throttled = answer.map(E::throttling_reasons).unwrap_or_default();
        let throttled = throttled.to_vec();
        let failed = ServiceError::new(operation, &self.name, error, &throttled);
        if cancelled.is_empty() {
            return failed;
        }
        failed.cancelled_for(&cancelled, &self.name)
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
        ServiceError::new(operation, &self.name, error, &[])
    }
}

impl ServiceError {
    fn new<E>(
        operation: &'static str,
        table: &str,
        error: SdkError<E, HttpResponse>,
        reasons: &[ThrottlingReason],
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let sentence = with_reasons(error.message(), reasons);
        let meaning = code
            .as_deref()
            .and_then(|code| Meaning::of(code, &sentence));
        let kind = match (meaning, status) {
            (Some(meaning), _) => meaning.kind,
            (None, Some(408)) => Kind::Retryable,
            (None, Some(500..)) => Kind::Unknown,
            (None, _) => Kind::Permanent,
        };
        let not_sent = unanswered::not_sent(&error);
        let lost = unanswered::is_lost(&error);
        let advice = match (&code, meaning) {
            (_, Some(meaning)) => meaning.advice(operation, table),
            (Some(_), None) if kind == Kind::Unknown => FAILED_INSIDE.to_owned(),
            (Some(_), None) => LEFT_OUT.to_owned(),
            (None, None) => unanswered::advice(&error, not_sent).to_owned(),
        };
        let is_shown = !sentence.is_empty() && is_shown(operation, meaning);
        Self {
            operation,
            request_id: error.request_id().map(str::to_owned),
            throttled: kind == Kind::Throttled,
            timeout: match &error {
                SdkError::TimeoutError(_) => true,
                SdkError::DispatchFailure(failure) => failure.is_timeout(),
                _ => false,
            },
            retryable: kind != Kind::Permanent
                || lost
                || not_sent.is_some_and(NotSent::is_retryable),
            // G13: a refusal that cannot be read is one all the same.
            outcome_unknown: kind == Kind::Unknown || (lost && !matches!(status, Some(400..500))),
            message: is_shown.then(|| sentence.into()),
            advice: advice.into(),
            cause: cause(status, error),
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
            message: None,
            advice: "DynamoDB left a part of it undone in every attempt; try again later, or give the table more capacity".into(),
            cause: Arc::from(Cause::from("unprocessed keys")),
        }
    }

    /// The error for a request that the SDK would panic at: it needs tokio's clock.
    pub(crate) fn without_runtime(operation: &'static str, error: TryCurrentError) -> Self {
        Self {
            operation,
            code: None,
            request_id: None,
            throttled: false,
            timeout: false,
            retryable: false,
            outcome_unknown: false,
            message: None,
            advice: "no tokio runtime runs here, and nothing was sent; use the store inside of one, such as under \
                     `#[tokio::main]`"
                .into(),
            cause: Arc::from(Cause::from(error)),
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
            message: None,
            advice: "the item that tells which sessions `revoke_all_created_before` has ended cannot be read; \
                   call it again"
                .into(),
            cause: Arc::from(Cause::from("`created_before` is not a whole number")),
        }
    }

    /// The error for a transaction that was cancelled for reasons other than the state of its items.
    fn cancelled_for(self, reasons: &[CancellationReason], table: &str) -> Self {
        let throttled = reasons.iter().find_map(|reason| {
            let code = match reason.code()? {
                "ThrottlingError" => "ThrottlingException",
                "ProvisionedThroughputExceeded" => "ProvisionedThroughputExceededException",
                _ => return None,
            };
            let sentence = reason.message().unwrap_or_default();
            Some((sentence, Meaning::of(code, sentence)?))
        });
        if let Some((sentence, meaning)) = throttled {
            return Self {
                throttled: true,
                retryable: true,
                message: (!sentence.is_empty()).then(|| sentence.into()),
                advice: meaning.advice(self.operation, table).into(),
                ..self
            };
        }
        let codes = reasons
            .iter()
            .map(|reason| reason.code().unwrap_or_default());
        let codes = codes.collect::<Vec<_>>().join(", ");
        Self {
            throttled: false,
            retryable: false,
            advice: format!(
                "its parts were answered with {codes}; `verify_table` tells whether the keys \
                 of the table and its indexes are those of the session type"
            )
            .into(),
            ..self
        }
    }

    /// Whether another write held the item. The SDK does not try again by itself.
    pub(super) fn is_write_conflict(&self) -> bool {
        self.code()
            .is_some_and(|code| WRITE_CONFLICT.contains(&code))
    }
}

/// How many characters of AWS's sentence are shown.
const MAX_SENTENCE: usize = 500;

/// The advice for an error whose sentence is left out.
const LEFT_OUT: &str = "DynamoDB refused a value or an expression of the request; its message is left out, since it can \
                      quote a value of the session";

/// The sentence of AWS, and the reasons that it gives beside it.
fn with_reasons(message: Option<&str>, reasons: &[ThrottlingReason]) -> String {
    // Further lines can quote the request that was signed, with a token of the credentials in it.
    let line = message.unwrap_or_default().lines().next();
    let mut sentence: String = line
        .unwrap_or_default()
        .chars()
        .take(MAX_SENTENCE)
        .collect();
    for reason in reasons {
        let (why, whose) = (reason.reason(), reason.resource());
        let (why, whose) = (why.unwrap_or_default(), whose.unwrap_or_default());
        sentence = format!("{} [{why} of {whose}]", sentence.trim_end_matches('.'));
    }
    sentence
}

/// The source of an error. An answer can hold items, of this session and of others, and the SDK's errors
/// print it.
fn cause<E>(
    status: Option<u16>,
    error: SdkError<E, HttpResponse>,
) -> Arc<dyn std::error::Error + Send + Sync>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(_) => Arc::new(Answer { status, flaw: None }),
        SdkError::ResponseError(_) => Arc::new(Answer {
            status,
            flaw: flaw_in(&error).map(|flaw| flaw.text()),
        }),
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

    /// The reasons for which the request was throttled.
    fn throttling_reasons(&self) -> &[ThrottlingReason];
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

macro_rules! throttling_reasons {
    () => {
        fn throttling_reasons(&self) -> &[ThrottlingReason] {
            match self {
                Self::ProvisionedThroughputExceededException(error) => error.throttling_reasons(),
                Self::RequestLimitExceeded(error) => error.throttling_reasons(),
                Self::ThrottlingException(error) => error.throttling_reasons(),
                _ => &[],
            }
        }
    };
}

macro_rules! reads {
    ($($error:ident)*) => {$(
        impl RequestError for $error {
            type Refusal = Infallible;

            fn refusal(&self) -> Option<Infallible> {
                None
            }

            throttling_reasons!();
        }
    )*};
}

reads! { GetItemError BatchGetItemError QueryError ScanError }

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

            throttling_reasons!();
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

    throttling_reasons!();
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
