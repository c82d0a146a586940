//! The store: what is sent, what an answer means, what becomes of the session in hand.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attributes::SessionAttributes;
use crate::error::{ConflictError, DecodeError, Error, GoneError, ServiceError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{WRITES, decode, remembers, stored_expiry, unpacked, version_of};
use crate::lifetime::{Millis, Touch, is_live};
use crate::membership::{Evicted, MAX_ENTRIES};
use crate::request::{self, Save, Target};
use crate::roster::{Change, rosters};
use crate::service::{self, Attempts, Condition, Watch};
use crate::session::Session;
use crate::sharing::Reads;
use crate::transaction::{Transacted, is_refused, is_too_large, token};
use crate::value::Map;

/// How often a write that others keep overtaking is tried.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// A store of sessions of type `S` in one DynamoDB table.
///
/// Cheap to clone: all clones share one client. Get one from [`builder`](Self::builder).
///
/// Every operation is one request to DynamoDB unless its documentation says otherwise, and none
/// creates, describes or alters a table but those that say so.
pub struct DynamoDbStore<S> {
    inner: Arc<Inner>,
    session: PhantomData<fn(S) -> S>,
}

struct Inner {
    client: Client,
    /// The same client, which also tells what becomes of each sending.
    watched: Client,
    /// The same, which sends each request once.
    once: Client,
    table: String,
    clock: SharedTimeSource,
    options: Options,
    /// Those that loads share, where they do.
    reads: Reads,
}

/// What a store is told beside where its table is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) touch: Touch,
    pub(crate) unreadable: Unreadable,
    pub(crate) reads: ReadConsistency,
    pub(crate) share_loads: bool,
}

/// What to make of a session that no longer decodes, as after a deploy that changed its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// [`Error::Decode`], which names the field.
    #[default]
    Error,
    /// As if there were no session, with a warning in the log. The item stays as it is, for the
    /// binary that can read it, until it expires.
    Absent,
}

/// How [`load`](DynamoDbStore::load) reads. Whatever it is, writes do not depend on it: each has its
/// condition on what is stored.
///
/// DynamoDB's eventually consistent reads cost half as much, and can miss the writes of the last
/// moment, usually less than a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadConsistency {
    /// Every load sees all writes that were acknowledged before: one read unit for each 4 KB.
    #[default]
    Consistent,
    /// Half a read unit for each 4 KB. A load can miss a session that was just created, and can give
    /// one that was just changed, ended or revoked as it was before.
    Eventual,
    /// Half a read unit for each 4 KB, and once more a whole one where that was not enough: a load
    /// sees all that its client itself has written, as far as the caller knows of it.
    ///
    /// It takes a caller who knows: [`load_at_least`](DynamoDbStore::load_at_least), or the layer for
    /// axum with a signed cookie, which carries the version
    /// beside the id. A plain `load` reads consistently. What *others* did a moment ago can be
    /// missed, and so can a revocation: a session that was just revoked can be read, never written
    /// to, until DynamoDB's copies agree.
    ReadYourWrites,
}

impl<S> Clone for DynamoDbStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            session: self.session,
        }
    }
}

impl<S> fmt::Debug for DynamoDbStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore")
            .field("table", &self.inner.table)
            .finish_non_exhaustive()
    }
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    pub(crate) fn new(client: Client, table: String, options: Options) -> Self {
        let config = client.config();
        let clock = config.time_source().unwrap_or_default();
        let watched = config.to_builder().interceptor(Watch);
        let once = config.to_builder().retry_config(RetryConfig::disabled());
        Self {
            inner: Arc::new(Inner {
                watched: Client::from_conf(watched.build()),
                once: Client::from_conf(once.build()),
                client,
                table,
                clock,
                options,
                reads: Reads::default(),
            }),
            session: PhantomData,
        }
    }

    /// The SDK's client, for what this crate does not do.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The name of the table in use: that of the type, unless the builder was given another.
    pub fn table_name(&self) -> &str {
        &self.inner.table
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            client: &self.inner.watched,
            table: &self.inner.table,
            schema: S::SCHEMA,
        }
    }

    /// The same for a request that is never sent a second time, whatever the client's settings are.
    pub(crate) fn target_once(&self) -> Target<'_> {
        Target {
            client: &self.inner.once,
            ..self.target()
        }
    }

    pub(crate) fn touch_policy(&self) -> Touch {
        self.inner.options.touch
    }

    /// Whether a read of which nothing else is known is consistent.
    pub(crate) fn reads_consistently(&self) -> bool {
        self.inner.options.reads != ReadConsistency::Eventual
    }

    /// Whether it matters to a caller which version a session had after its own writes.
    pub(crate) fn reads_own_writes(&self) -> bool {
        self.inner.options.reads == ReadConsistency::ReadYourWrites
    }

    /// The item of a session, unless that was revoked with all others.
    pub(crate) async fn read(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Map>, ServiceError> {
        if S::SCHEMA.revoke_all {
            return self.read_with_everyone(handle, consistent).await;
        }
        let read = request::load(self.target(), handle, consistent)
            .send()
            .await;
        let read = read.map_err(|error| self.failed("GetItem", error))?;
        Ok(read.item)
    }

    pub(crate) fn now(&self) -> Millis {
        Millis::of(self.inner.clock.now())
    }

    /// Ends the session of this id, if there is one.
    ///
    /// One `DeleteItem`, and for each consistent index that it was in one `UpdateItem`, which takes
    /// it out of the roster. Calling it again is fine, and so is an id that no session ever had.
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn delete(&self, id: &SessionId) -> Result<(), Error> {
        self.end(id.handle()).await.map(drop)
    }

    /// Ends a session, and takes it out of its rosters.
    pub(crate) async fn end(&self, handle: SessionHandle) -> Result<Deleted, Error> {
        let deleted = self
            .delete_item(|| request::delete(self.target(), handle))
            .await?;
        if let Deleted::Was(item) = &deleted {
            self.leave_all(&rosters(S::SCHEMA, item), handle).await;
        }
        Ok(deleted)
    }
}

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Reads the session of this id; none if it was ended, has expired or never was.
    ///
    /// One `GetItem`. It is consistent and sees every write that was acknowledged before, unless the
    /// store's [`ReadConsistency`] is `Eventual`. One `BatchGetItem` in its place where the type has
    /// [`revoke_all`](crate::RevokeAll).
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if an item is there and is no session of this type, [`Error::Service`] if
    /// reading failed. Neither means that the session is absent: do not answer with a new one.
    pub async fn load(&self, id: &SessionId) -> Result<Option<Session<S>>, Error> {
        self.load_once(id, self.reads_consistently()).await
    }

    /// The same for a client of which it is known that its last write gave the session this
    /// [version](Session::written_version), or a later one.
    ///
    /// With [`ReadConsistency::ReadYourWrites`] it is one `GetItem` that is eventually consistent, at
    /// half the price, and a consistent one after it only where the first found no live session or an
    /// older version. Otherwise it is [`load`](Self::load).
    ///
    /// What [`update`](Self::update) wrote by an id alone is not known to the caller by its version: read by
    /// `load` after it.
    ///
    /// # Errors
    ///
    /// Those of `load`.
    pub async fn load_at_least(
        &self,
        id: &SessionId,
        version: u64,
    ) -> Result<Option<Session<S>>, Error> {
        if self.reads_own_writes() {
            match self.load_once(id, false).await {
                Ok(Some(session)) if session.state.version >= version => return Ok(Some(session)),
                // It may be readable by now.
                Ok(_) | Err(Error::Decode(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.load(id).await
    }

    async fn load_once(
        &self,
        id: &SessionId,
        consistent: bool,
    ) -> Result<Option<Session<S>>, Error> {
        let handle = id.handle();
        let read = match self.inner.options.share_loads {
            true => {
                let store = self.clone();
                let read = async move { store.read(handle, consistent).await };
                self.inner.reads.share((handle, consistent), read).await
            }
            false => self.read(handle, consistent).await,
        };
        match read? {
            Some(item) => self.decode(id.clone(), handle, item),
            None => Ok(None),
        }
    }

    /// The same as the basis of a change, which is not made of what others have changed already.
    pub(crate) async fn load_current(&self, id: &SessionId) -> Result<Option<Session<S>>, Error> {
        self.load_once(id, true).await
    }

    /// The session in an item, by the store's policy for one that is unreadable.
    pub(crate) fn decode(
        &self,
        id: SessionId,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Option<Session<S>>, Error> {
        self.readable(handle, decode(id, handle, item, self.now()))
    }
}

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

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes,
{
    /// What was read, by the store's policy for what cannot be.
    pub(crate) fn readable<T>(
        &self,
        handle: SessionHandle,
        read: Result<Option<T>, DecodeError>,
    ) -> Result<Option<T>, Error> {
        match read {
            Err(error) if self.inner.options.unreadable == Unreadable::Absent => {
                tracing::warn!(%handle, path = error.path(), "a session cannot be read, and counts as absent");
                Ok(None)
            }
            read => Ok(read?),
        }
    }

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
            let answer = attempts.watch(request().send()).await;
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
            let answer = attempts.watch(request().send()).await;
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

    pub(crate) fn failed<E>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
    ) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        ServiceError::new(operation, self.table_name(), error)
    }
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
