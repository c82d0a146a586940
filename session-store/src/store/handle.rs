//! The store: what is sent, what an answer means, what becomes of the session in hand.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::request::session::{self as request, Target};
use crate::dynamodb::write::Deleted;
use crate::error::{DecodeError, Error, ServiceError};
use crate::id::{SessionHandle, SessionId};
use crate::item::image::decode;
use crate::item::lifetime::{Millis, Touch};
use crate::item::roster::rosters;
use crate::item::value::Map;
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::shared_reads::Reads;

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
        let clock = client.config().time_source().unwrap_or_default();
        Self {
            inner: Arc::new(Inner {
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
            client: &self.inner.client,
            table: &self.inner.table,
            schema: S::SCHEMA,
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
