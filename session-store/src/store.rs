//! The store: what is sent, what an answer means, what becomes of the session in hand.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attributes::SessionAttributes;
use crate::error::{
    ConflictError, DecodeError, Error, GoneError, ServiceError, SetupError, TooLargeError,
};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Image, Nonce, WRITES, decode, key, remembers, stored_expiry, stored_version};
use crate::lifetime::{self, Millis, Touch, is_live};
use crate::membership::{Evicted, MAX_ENTRIES};
use crate::request::{self, Save, Target};
use crate::roster::{Change, entries, rosters};
use crate::service::{self, Attempts, Condition};
use crate::session::{Session, State, Unknown};
use crate::transaction::{Transacted, is_refused, is_too_large, token};
use crate::value::Map;

/// How often a write that others keep overtaking is tried.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// How many ids `create` tries, as often as the SDK sends a request by itself.
const MAX_CREATES: u32 = 3;

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
    table: String,
    clock: SharedTimeSource,
    options: Options,
}

/// What a store is told beside where its table is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) touch: Touch,
    pub(crate) unreadable: Unreadable,
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
        let clock = client.config().time_source().unwrap_or_default();
        Self {
            inner: Arc::new(Inner {
                client,
                table,
                clock,
                options,
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
            client: &self.inner.client,
            table: &self.inner.table,
            schema: S::SCHEMA,
        }
    }

    pub(crate) fn touch_policy(&self) -> Touch {
        self.inner.options.touch
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
    /// Stores a new session under a new id.
    ///
    /// One `PutItem`, on condition that the id is free. It is never sent twice under one id: when
    /// the outcome is not known, what may be there is deleted, and another id is taken.
    ///
    /// For each consistent index that the session has a value for, one `UpdateItem` enters it into
    /// the roster, and one more if it is the first of its value. Where that is one too many, the
    /// sessions of the value are read, and what has ended makes room; if nothing has, the oldest is
    /// ended in one transaction ([`Session::evicted`] tells), or the new one refused, as the index
    /// says.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] and [`Error::TooLarge`] before any request; [`Error::Limit`];
    /// [`Error::Conflict`] if too many entered one roster at once; [`Error::Service`]. After any of
    /// them there is no new session.
    pub async fn create(&self, data: S) -> Result<Session<S>, Error> {
        let schema = S::SCHEMA;
        let image = Image::of(&data)?;
        image.check_size(schema, &Unknown::default())?;

        let now = self.now();
        let id = SessionId::mint()?;
        let mut state = State {
            handle: id.handle(),
            id,
            created_at: now,
            touched_at: now,
            expires_at: lifetime::expires_at(schema, now, now, None),
            idle: None,
            version: 1,
            seen: 1,
            promoted: image.promoted(),
            unknown: Unknown::default(),
        };
        let item = image.into_item(schema, &state, Nonce::mint()?);
        let handle = state.handle;
        let next = || {
            state.rename(SessionId::mint()?);
            Ok(state.handle)
        };
        let evicted = self.insert(item, handle, now, next).await?;
        let mut session = Session::new(data, state);
        session.evicted = evicted;
        Ok(session)
    }

    /// Reads the session of this id; none if it was ended, has expired or never was.
    ///
    /// One `GetItem`, consistent: it sees every write that was acknowledged before. One
    /// `BatchGetItem` in its place where the type has [`revoke_all`](crate::RevokeAll).
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if an item is there and is no session of this type, [`Error::Service`] if
    /// reading failed. Neither means that the session is absent: do not answer with a new one.
    pub async fn load(&self, id: &SessionId) -> Result<Option<Session<S>>, Error> {
        let handle = id.handle();
        match self.read(handle).await? {
            Some(item) => self.decode(id.clone(), handle, item),
            None => Ok(None),
        }
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
    /// It is stored, once; and when the session ends, if that is known.
    Stored { ends: Option<u64> },
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

    /// Puts a new item where none is, under the first handle or the next that is free, and enters
    /// it into its rosters. Gives those that were ended for it.
    ///
    /// No handle is tried twice: a put of unknown outcome that was sent again could bring back a
    /// session that was revoked in between. What it may have left is deleted.
    pub(crate) async fn insert(
        &self,
        mut item: Map,
        mut handle: SessionHandle,
        created_at: Millis,
        mut next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<Vec<SessionHandle>, Error> {
        let mut evicted = Evicted::default();
        for attempt in 1..=MAX_CREATES {
            let entered = match self.put_once(item.clone()).await {
                Ok(Written::Done(_)) => {
                    let entries = entries(S::SCHEMA, &item, handle, created_at);
                    match self.enter_all(entries, &mut evicted).await {
                        Ok(()) => return Ok(self.ended(evicted).await),
                        entered => entered,
                    }
                }
                Ok(Written::TooLarge) => {
                    return Err(TooLargeError {
                        size: None,
                        largest: Vec::new(),
                    }
                    .into());
                }
                Ok(Written::Refused { .. }) => Ok(()),
                Err(error) if error.outcome_unknown() => Err(error.into()),
                Err(error) if attempt == MAX_CREATES || !error.is_retryable() => {
                    return Err(error.into());
                }
                Err(_) => {
                    backoff(attempt).await;
                    Ok(())
                }
            };
            if let Err(error) = entered {
                let taken_back = self.take_back(handle, &item).await;
                let again = matches!(&error, Error::Service(error) if error.is_retryable());
                if attempt == MAX_CREATES || !again || !taken_back {
                    return Err(error);
                }
                backoff(attempt).await;
            }
            handle = next()?;
            item.extend(key(S::SCHEMA, handle));
        }
        Err(SetupError::new("every new id is taken: the system's random bytes are broken").into())
    }

    async fn enter_all(&self, entries: Vec<Change>, evicted: &mut Evicted) -> Result<(), Error> {
        for entry in entries {
            self.enter(entry, evicted).await?;
        }
        Ok(())
    }

    /// Deletes what a new session may have left of which nobody knows yet, and says whether it could.
    ///
    /// Nobody knows its id, so what stays is of no use to anybody, and goes when it expires. What may
    /// be in a roster leaves it after the session, never before.
    async fn take_back(&self, handle: SessionHandle, item: &Map) -> bool {
        let deleted = self
            .delete_item(|| request::delete(self.target(), handle))
            .await;
        match &deleted {
            Ok(_) => self.leave_all(&rosters(S::SCHEMA, item), handle).await,
            Err(error) => {
                tracing::debug!(%handle, %error, "a session of unknown outcome could not be taken back");
            }
        }
        deleted.is_ok()
    }

    /// Sends a write to a known session, and tells its own from others' by the item that a failed
    /// condition returns.
    pub(crate) async fn write(&self, save: &Save<'_>) -> Result<Answer, Error> {
        let request = || request::save(S::SCHEMA, save).alone(self.target());
        match self.update_item(request).await? {
            Written::Done(_) => Ok(Answer::Stored {
                ends: save.expires_at,
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
        let Some(item) = old else {
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
            return Ok(Answer::Stored { ends: Some(ends) });
        }
        let version = stored_version(schema, handle, &item)?;
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

    /// Sends a put once and never again, whatever the client's settings are.
    async fn put_once(&self, item: Map) -> Result<Written, ServiceError> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = request::create(self.target(), item);
        let answer = request.customize().config_override(once).send().await;
        self.written(
            "PutItem",
            answer.map(|done| done.attributes),
            &Attempts::default(),
        )
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
