//! Transactions: what DynamoDB answers to one, and why it cancelled it.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::dynamodb::failure::{Attempts, is_about_size};
use crate::dynamodb::request::session as request;
use crate::error::{Error, ServiceError};
use crate::id::SessionId;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// What became of a transaction.
pub(crate) enum Transacted {
    /// It was carried out.
    Done,
    /// It was cancelled, for a reason for each of its parts: a condition that failed, an item that
    /// another transaction holds, or an item that would be too large.
    Cancelled(Vec<CancellationReason>),
    /// An earlier sending of this very transaction is still being carried out.
    UnderWay,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Carries out all parts or none. The SDK repeats it under the same token.
    pub(crate) async fn transact(
        &self,
        token: &str,
        parts: Vec<TransactWriteItem>,
        attempts: &Attempts,
    ) -> Result<Transacted, ServiceError> {
        let count = parts.len();
        let answer = request::transaction(self.target(), token, parts)
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(Transacted::Done),
            Err(error) => error,
        };
        let mut error = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                if reasons.len() == count && reasons.iter().all(is_of_the_items) {
                    return Ok(Transacted::Cancelled(reasons.to_vec()));
                }
                let reasons = reasons.to_vec();
                ServiceError::cancelled(self.table_name(), &reasons, error)
            }
            Some(e) if e.code() == Some("TransactionInProgressException") => {
                return Ok(Transacted::UnderWay);
            }
            _ => self.failed("TransactWriteItems", error),
        };
        error.outcome_unknown |= attempts.lost();
        Err(error)
    }
}

/// A new token: at most 36 characters.
pub(crate) fn token() -> Result<String, Error> {
    Ok(SessionId::mint()?.expose().chars().take(36).collect())
}

/// Whether the condition of this part failed.
pub(crate) fn is_refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Whether the item of this part would be too large.
pub(crate) fn is_too_large(reason: &CancellationReason) -> bool {
    reason.code() == Some("ValidationError") && reason.message().is_some_and(is_about_size)
}

fn is_of_the_items(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None" | "TransactionConflict"))
        || is_refused(reason)
        || is_too_large(reason)
}
