//! Transactions: several writes that are carried out together or not at all.

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::error::{Error, ServiceError};
use crate::id::SessionId;
use crate::telemetry::metrics;

use super::failure::TransactionRefusal;
use super::request;
use super::retry::Attempts;
use super::send::{Failure, Sending};
use super::table::Table;

/// The outcome of a transaction.
pub(crate) enum Transacted {
    Done,
    /// It was cancelled, for one reason for each of its items.
    Cancelled(Vec<CancellationReason>),
    /// An earlier attempt of this very transaction is still being carried out.
    InProgress,
}

impl Table {
    /// Carries out all writes or none. The SDK repeats it under the same token.
    pub(crate) async fn transact(
        &self,
        token: &str,
        items: Vec<TransactWriteItem>,
        attempts: &Attempts,
    ) -> Result<Transacted, ServiceError> {
        let request = request::transaction(self, token, items);
        match self.send(request, Sending::Tracked(attempts)).await {
            Ok(_) => Ok(Transacted::Done),
            Err(Failure::Refused(TransactionRefusal::Cancelled(reasons))) => {
                if reasons.iter().any(is_held) {
                    metrics::conflict("TransactWriteItems");
                }
                Ok(Transacted::Cancelled(reasons))
            }
            Err(Failure::Refused(TransactionRefusal::InProgress)) => Ok(Transacted::InProgress),
            Err(Failure::Service(error)) => Err(error),
        }
    }
}

/// Whether another write held the item of this part.
fn is_held(reason: &CancellationReason) -> bool {
    reason.code() == Some("TransactionConflict")
}

/// A new token, by which DynamoDB recognises a transaction: at most 36 characters.
pub(crate) fn token() -> Result<String, Error> {
    Ok(SessionId::mint()?.expose().chars().take(36).collect())
}
