//! Updates, puts and deletes of one item, and what became of them.

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;

use crate::error::{ConflictError, Error, ServiceError};
use crate::item::{Found, Map, ReadableItem, WRITES, version_of};
use crate::telemetry::metrics;

use super::failure::WriteRefusal;
use super::request::{self, Save};
use super::retry::Attempts;
use super::send::{Failure, Retry, Sending};
use super::table::Table;

/// The response to a write.
pub(crate) enum Written {
    /// It is stored; the item or a part of it, where the request asked for that.
    Done(Option<Map>),
    /// Its condition did not hold. `response_lost`: an earlier attempt of the same request got no
    /// answer, and may be the reason.
    ConditionFailed {
        old: Option<Map>,
        response_lost: bool,
    },
    /// The item would be larger than DynamoDB allows.
    TooLarge,
}

/// The outcome of a delete.
pub(crate) enum Deleted {
    /// The item was there and is gone; this is what it held.
    Removed(Map),
    /// There was none.
    Absent,
    /// There is none, and an earlier attempt of this delete got no answer: most likely it removed the
    /// item.
    PresumedRemoved,
    /// It is there as this, and the condition did not hold.
    ConditionFailed(Map),
}

/// The outcome of a write to a known session.
pub(crate) enum SaveOutcome {
    /// It is stored, once. When the session ends and which version it has, if that is known.
    Stored {
        expires_at: Option<u64>,
        version: Option<u64>,
    },
    /// It is certainly not stored: this is the item.
    NotApplied(ReadableItem),
    /// The item would be larger than DynamoDB allows.
    TooLarge,
}

impl Table {
    /// Sends a write to a known session alone.
    pub(crate) async fn save(&self, save: &Save<'_>) -> Result<SaveOutcome, Error> {
        let asks_version = save.tells_version && save.version.is_none();
        let request = || {
            let update = request::save(self.schema(), save).into_update_item(self);
            if asks_version {
                update.return_values(ReturnValue::UpdatedNew)
            } else {
                update
            }
        };
        match self.update(request).await? {
            Written::Done(stored) => Ok(SaveOutcome::Stored {
                expires_at: save.expires_at,
                version: match save.version {
                    Some(base) => Some(save.version_after(base)),
                    None => stored.and_then(|item| version_of(self.schema(), &item)),
                },
            }),
            Written::TooLarge => Ok(SaveOutcome::TooLarge),
            Written::ConditionFailed { old, response_lost } => {
                let refused = self.refused_save(save, old, response_lost);
                if let Ok(SaveOutcome::NotApplied(_)) = refused {
                    metrics::conflict("UpdateItem");
                }
                refused
            }
        }
    }

    /// Decides, by the item that refused a save, what became of it.
    pub(crate) fn refused_save(
        &self,
        save: &Save<'_>,
        old: Option<Map>,
        response_lost: bool,
    ) -> Result<SaveOutcome, Error> {
        let schema = self.schema();
        let handle = save.handle;
        // G1: a session that is gone is an error, whatever was to be stored.
        let found = Found::of(schema, handle, old, save.judged.at)?;
        let live = found
            .or_gone(handle)
            .map_err(|gone| gone.after_lost_response(response_lost))?;
        // G13: the mark of this very write is there, so an earlier attempt has stored it.
        if live.remembers(schema, save.nonce) {
            return Ok(SaveOutcome::Stored {
                expires_at: Some(live.expires_at()),
                version: live.version(schema),
            });
        }
        let readable = live.readable(&self.codec)?;
        let others = match save.seen {
            Some(seen) => readable.version.saturating_sub(seen),
            None => u64::MAX,
        };
        // G13: an attempt may have been stored, and enough others wrote since to push its mark out.
        if response_lost && others > WRITES as u64 {
            return Err(ConflictError {
                outcome_unknown: true,
                ..ConflictError::new(handle, 1)
            }
            .into());
        }
        Ok(SaveOutcome::NotApplied(readable))
    }

    /// Updates an item, with repetitions.
    pub(crate) async fn update(
        &self,
        request: impl Fn() -> UpdateItemFluentBuilder,
    ) -> Result<Written, Error> {
        let attempts = Attempts::default();
        let sent = self.send_with_retries(request, Retry::Conflicts, &attempts);
        let sent = sent.await;
        Ok(written(sent.map(|done| done.attributes), &attempts)?)
    }

    /// The same, and waits while there are too many requests.
    pub(crate) async fn update_patiently(
        &self,
        request: impl Fn() -> UpdateItemFluentBuilder,
    ) -> Result<Written, Error> {
        let attempts = Attempts::default();
        let sent = self.send_with_retries(request, Retry::ConflictsAndThrottling, &attempts);
        let sent = sent.await;
        Ok(written(sent.map(|done| done.attributes), &attempts)?)
    }

    /// Updates an item with one attempt, whatever the client's settings are.
    pub(crate) async fn update_once(
        &self,
        request: UpdateItemFluentBuilder,
    ) -> Result<Written, ServiceError> {
        let sent = self.send(request, Sending::Once).await;
        written(sent.map(|done| done.attributes), &Attempts::default())
    }

    /// Puts a new item where none is, with one attempt.
    pub(crate) async fn put_once(&self, item: Map) -> Result<Written, ServiceError> {
        let request = request::create(self, item);
        let sent = self.send(request, Sending::Once).await;
        written(sent.map(|done| done.attributes), &Attempts::default())
    }

    /// Puts the mark of a change of id where no item is, with repetitions.
    #[cfg(feature = "_record")]
    pub(crate) async fn put_mark(&self, mark: &Map) -> Result<Written, ServiceError> {
        let attempts = Attempts::default();
        let put = || request::leave_mark(self, mark.clone());
        let sent = self.send_with_retries(put, Retry::Conflicts, &attempts);
        let sent = sent.await;
        written(sent.map(|done| done.attributes), &attempts)
    }

    /// Deletes an item, with repetitions.
    pub(crate) async fn delete(
        &self,
        request: impl Fn() -> DeleteItemFluentBuilder,
    ) -> Result<Deleted, Error> {
        let attempts = Attempts::default();
        let sent = self.send_with_retries(request, Retry::Conflicts, &attempts);
        let sent = sent.await;
        deleted(sent.map(|done| done.attributes), &attempts)
    }

    /// The same, and waits while there are too many requests: for one of many deletes.
    pub(crate) async fn delete_patiently(
        &self,
        request: impl Fn() -> DeleteItemFluentBuilder,
    ) -> Result<Deleted, Error> {
        let attempts = Attempts::default();
        let sent = self.send_with_retries(request, Retry::ConflictsAndThrottling, &attempts);
        let sent = sent.await;
        deleted(sent.map(|done| done.attributes), &attempts)
    }
}

fn written(
    sent: Result<Option<Map>, Failure<WriteRefusal>>,
    attempts: &Attempts,
) -> Result<Written, ServiceError> {
    match sent {
        Ok(stored) => Ok(Written::Done(stored)),
        Err(Failure::Refused(WriteRefusal::ConditionFailed(old))) => Ok(Written::ConditionFailed {
            old,
            response_lost: attempts.may_have_been_applied(),
        }),
        Err(Failure::Refused(WriteRefusal::TooLarge)) => Ok(Written::TooLarge),
        Err(Failure::Service(error)) => Err(error),
    }
}

fn deleted(
    sent: Result<Option<Map>, Failure<WriteRefusal>>,
    attempts: &Attempts,
) -> Result<Deleted, Error> {
    match written(sent, attempts)? {
        Written::Done(Some(item)) => Ok(Deleted::Removed(item)),
        Written::ConditionFailed {
            old: Some(item), ..
        } => Ok(Deleted::ConditionFailed(item)),
        // No item is there. An attempt without an answer may have removed it.
        _ if attempts.may_have_been_applied() => Ok(Deleted::PresumedRemoved),
        _ => Ok(Deleted::Absent),
    }
}
