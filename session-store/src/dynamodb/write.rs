//! Writes on their way: sent, sent again where that is safe, and told from those of others by what they
//! meet.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::dynamodb::failure::{self as service, Attempts, Condition};
use crate::dynamodb::request::session::{self as request, Save};
use crate::dynamodb::transaction::{Transacted, is_refused, is_too_large, token};
use crate::error::{ConflictError, Error, GoneError, ServiceError};
use crate::id::SessionHandle;
use crate::item::image::{WRITES, remembers, stored_expiry, unpacked, version_of};
use crate::item::lifetime::is_live;
use crate::item::roster::Change;
use crate::item::value::Map;
use crate::rosters::enter::{Evicted, MAX_ENTRIES};
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// How often a write that others keep overtaking is tried.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// What a write to a known session came to.
pub(crate) enum Answer {
    /// It is stored, once; when the session ends and which version it has, if that is known.
    Stored {
        ends: Option<u64>,
        version: Option<u64>,
    },
    /// It is certainly not stored, for this is the item.
    NotYet { item: Map, version: u64, ends: u64 },
    /// DynamoDB found the item too large.
    TooLarge,
}

/// What DynamoDB answered to a write.
pub(crate) enum Written {
    /// It is stored; the item as it was before, where the request asked for it.
    Done(Option<Map>),
    /// Its condition did not hold; the item as it is, and whether an earlier sending of the same
    /// request went without an answer.
    Refused { old: Option<Map>, lost: bool },
    /// DynamoDB found the item too large.
    TooLarge,
}

/// What became of a delete.
pub(crate) enum Deleted {
    /// The item was there and is gone; this is what it held.
    Was(Map),
    /// There was none.
    Absent,
    /// There is none, and an earlier sending of this delete went without an answer: it is gone by
    /// this one, in all likelihood.
    Lost,
    /// It is there, and the condition did not hold.
    Refused,
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Sends a write to a known session, and tells its own from others' by the item that a failed
    /// condition returns.
    pub(crate) async fn write(&self, save: &Save<'_>) -> Result<Answer, Error> {
        let is_asked = self.reads_own_writes() && save.version.is_none();
        let request = || {
            let request = request::save(S::SCHEMA, save).alone(self.target());
            match is_asked {
                true => request.return_values(ReturnValue::UpdatedNew),
                false => request,
            }
        };
        match self.update_item(request).await? {
            Written::Done(stored) => Ok(Answer::Stored {
                ends: save.expires_at,
                version: match save.version {
                    Some(base) => Some(base + 1),
                    None => stored.and_then(|item| version_of(S::SCHEMA, &item)),
                },
            }),
            Written::TooLarge => Ok(Answer::TooLarge),
            Written::Refused { old, lost } => self.refused(save, old, lost),
        }
    }

    /// The same in one transaction with the rosters that it changes.
    pub(crate) async fn write_and_move(
        &self,
        save: &Save<'_>,
        changes: &mut Vec<Change>,
        evicted: &mut Evicted,
    ) -> Result<Answer, Error> {
        let attempts = Attempts::default();
        for attempt in 1..=MAX_ENTRIES {
            let mut parts = vec![request::save(S::SCHEMA, save).part(self.target())?];
            parts.extend(self.parts(changes)?);
            let reasons = match self.transact(&token()?, parts, &attempts).await? {
                Transacted::Done => {
                    evicted.by(changes);
                    return Ok(Answer::Stored {
                        ends: save.expires_at,
                        version: save.version.map(|base| base + 1),
                    });
                }
                Transacted::Cancelled(reasons) => reasons,
                Transacted::UnderWay => Vec::new(),
            };
            if attempts.lost() {
                evicted.perhaps_by(changes);
            }
            if let Some((own, rest)) = reasons.split_first() {
                if is_refused(own) {
                    return self.refused(save, own.item.clone(), attempts.lost());
                }
                if is_too_large(own) {
                    return Ok(Answer::TooLarge);
                }
                match self.amend(changes, rest, evicted).await {
                    // A sending that was lost may still be carried out.
                    Err(Error::Service(mut error)) => {
                        error.outcome_unknown |= attempts.lost();
                        return Err(Error::Service(error));
                    }
                    Err(_) if attempts.lost() => break,
                    amended => amended?,
                }
            }
            // The first refusal is most likely that of a value's first session, or of a full roster.
            if attempt > 1 {
                backoff(attempt).await;
            }
        }
        Err(ConflictError {
            outcome_unknown: attempts.lost(),
            ..conflict(save.handle, MAX_ENTRIES)
        }
        .into())
    }

    /// What it means that a write was refused by this item.
    fn refused(&self, save: &Save<'_>, old: Option<Map>, lost: bool) -> Result<Answer, Error> {
        let schema = S::SCHEMA;
        let (handle, now) = (save.handle, save.now);
        let Some(mut item) = old else {
            return Err(GoneError {
                handle,
                expired: false,
            }
            .into());
        };
        let ends = stored_expiry(schema, handle, &item)?;
        if !is_live(ends, now) {
            return Err(GoneError {
                handle,
                expired: true,
            }
            .into());
        }
        if remembers(schema, &item, save.nonce) {
            return Ok(Answer::Stored {
                ends: Some(ends),
                version: version_of(schema, &item),
            });
        }
        let version = unpacked(schema, handle, &mut item)?;
        let others = save
            .seen
            .map_or(u64::MAX, |seen| version.saturating_sub(seen));
        if lost && others > WRITES as u64 {
            // Enough others wrote to push this write's own mark out of the item.
            return Err(ConflictError {
                handle,
                attempts: 1,
                outcome_unknown: true,
            }
            .into());
        }
        Ok(Answer::NotYet {
            item,
            version,
            ends,
        })
    }

    pub(crate) async fn update_item(
        &self,
        request: impl Fn() -> UpdateItemFluentBuilder,
    ) -> Result<Written, Error> {
        let attempts = Attempts::default();
        let mut conflicts = 0;
        loop {
            let answer = request()
                .customize()
                .interceptor(attempts.clone())
                .send()
                .await;
            match self.written("UpdateItem", answer.map(|done| done.attributes), &attempts) {
                Err(error) if error.is_transaction_conflict() && conflicts < MAX_ATTEMPTS => {}
                written => return Ok(written?),
            }
            conflicts += 1;
            backoff(conflicts).await;
        }
    }

    pub(crate) async fn delete_item(
        &self,
        request: impl Fn() -> DeleteItemFluentBuilder,
    ) -> Result<Deleted, Error> {
        self.delete_attempt(request, &Attempts::default()).await
    }

    /// The same as one of several attempts, of which `attempts` knows what became.
    pub(crate) async fn delete_attempt(
        &self,
        request: impl Fn() -> DeleteItemFluentBuilder,
        attempts: &Attempts,
    ) -> Result<Deleted, Error> {
        let mut conflicts = 0;
        loop {
            let answer = request()
                .customize()
                .interceptor(attempts.clone())
                .send()
                .await;
            match self.written("DeleteItem", answer.map(|done| done.attributes), attempts) {
                Ok(Written::Done(Some(item))) => return Ok(Deleted::Was(item)),
                Ok(Written::Refused { old: Some(_), .. }) => return Ok(Deleted::Refused),
                Ok(_) if attempts.lost() => return Ok(Deleted::Lost),
                Ok(_) => return Ok(Deleted::Absent),
                Err(error) if error.is_transaction_conflict() && conflicts < MAX_ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
            conflicts += 1;
            backoff(conflicts).await;
        }
    }

    pub(crate) fn written<E: Condition>(
        &self,
        operation: &'static str,
        answer: Result<Option<Map>, SdkError<E, HttpResponse>>,
        attempts: &Attempts,
    ) -> Result<Written, ServiceError> {
        let error = match answer {
            Ok(old) => return Ok(Written::Done(old)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(e) if e.failed().is_some() => {
                let old = e.failed().cloned().flatten();
                Ok(Written::Refused {
                    old,
                    lost: attempts.lost(),
                })
            }
            Some(e) if service::says_too_large(e.meta()) => Ok(Written::TooLarge),
            _ => {
                let mut error = self.failed(operation, error);
                error.outcome_unknown |= attempts.lost();
                Err(error)
            }
        }
    }
}

pub(crate) fn conflict(handle: SessionHandle, attempts: u32) -> ConflictError {
    ConflictError {
        handle,
        attempts,
        outcome_unknown: false,
    }
}

/// Waits a random time, up to 20 ms after the first attempt and twice as long after each further
/// one, at most 160 ms: "full jitter", so that those who collided do not collide again.
pub(crate) async fn backoff(attempt: u32) {
    let most = 20 << attempt.saturating_sub(1).min(3);
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=most))).await;
}
