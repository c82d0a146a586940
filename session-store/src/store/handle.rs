//! The store's handle: what all operations share.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::Table;
use crate::error::{DecodeError, EncodeError, Error};
use crate::id::SessionHandle;
use crate::item::{Image, Touch, check_reads_back};
use crate::rosters::Rosters;
#[cfg(feature = "_record")]
use crate::schema::Adjustments;
use crate::schema::SessionAttributes;
use crate::telemetry::{self, Event};

#[cfg(feature = "cache")]
use super::cache::{AnyCache, CacheOption, SessionCache};
use super::known_indexes::KnownIndexes;
use super::shared_reads::Coalescer;

/// A store of sessions of type `S` in one DynamoDB table.
///
/// Cheap to clone: all clones share one client. [`builder`](Self::builder) makes one.
///
/// Every operation is one request to DynamoDB unless its documentation says otherwise. Only the
/// operations that say so create, describe or alter a table.
pub struct DynamoDbStore<S> {
    inner: Arc<Inner>,
    session: PhantomData<fn(S) -> S>,
}

struct Inner {
    table: Table,
    options: Options,
    /// Reads that loads share, if the options say so.
    reads: Coalescer,
    /// The indexes that are complete, and when the table said so.
    indexes: KnownIndexes,
    #[cfg(feature = "cache")]
    cache: Option<AnyCache>,
}

/// The builder's options, but for where the table is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) touch: Touch,
    /// `None` leaves it to the caller: an error for the store, no session for a framework.
    pub(crate) unreadable: Option<Unreadable>,
    pub(crate) reads: ReadConsistency,
    pub(crate) share_loads: bool,
    pub(crate) read_back: bool,
    pub(crate) max_size: Option<usize>,
    pub(crate) reports_capacity: bool,
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<CacheOption>,
}

/// How to treat a session that cannot be read, as after a deploy that changed its type.
///
/// Unless the builder is told, the store's own operations give the error, and the frameworks (the layer for
/// axum, tower-sessions, actix-session) treat the visitor as one without a session: otherwise each page
/// would be an error for that visitor, the log-in included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// [`Error::Decode`], which names the field. A framework responds with 500, also to a log-out that reads
    /// the session first. In axum, a log-out by `EndSession` reads nothing, and so ends such a session too.
    #[default]
    Error,
    /// As if there were no session, with a warning in the log. The item stays as it is until it expires,
    /// for a binary that can read it.
    Absent,
}

/// How [`load`](DynamoDbStore::load) reads. Writes do not depend on it: each has its condition on the
/// stored item.
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
    /// Costs half a read unit for each 4 KB, plus a full one when the first read is stale. A load sees
    /// every write of the same client, provided that the caller passes the last written version: use
    /// [`load_at_least`](DynamoDbStore::load_at_least), or the layer for axum with a signed cookie, which
    /// carries the version beside the id. A plain `load` reads consistently.
    ///
    /// A load can miss what *others* did a moment ago, and so a revocation: until DynamoDB's copies
    /// agree, a session that was just revoked can be read, but never written.
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
            .field("table", &self.inner.table.name)
            .finish_non_exhaustive()
    }
}

impl<S> DynamoDbStore<S> {
    pub(crate) fn table(&self) -> &Table {
        &self.inner.table
    }

    pub(crate) fn rosters(&self) -> Rosters<'_> {
        Rosters::new(&self.inner.table)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The same store for a framework that chooses when its sessions end.
    #[cfg(feature = "_record")]
    pub(crate) fn for_framework(&self) -> Self {
        let table = self.table();
        let adjustments = Adjustments {
            ends_as_stored: true,
            ..Adjustments::default()
        };
        // This adjustment is within what any type declares.
        let schema = table.schema().adjusted(&adjustments);
        let schema = schema.unwrap_or_else(|_| table.schema());
        Self {
            inner: Arc::new(Inner {
                table: table.with_schema(schema),
                options: *self.options(),
                reads: Coalescer::default(),
                indexes: KnownIndexes::default(),
                // A framework does not know which version its client has.
                #[cfg(feature = "cache")]
                cache: None,
            }),
            session: PhantomData,
        }
    }

    #[cfg(feature = "cache")]
    pub(super) fn cache(&self) -> Option<&SessionCache<S>>
    where
        S: 'static,
    {
        self.inner.cache.as_ref()?.of_type()
    }

    pub(super) fn indexes(&self) -> &KnownIndexes {
        &self.inner.indexes
    }

    pub(super) fn shared_reads(&self) -> &Coalescer {
        &self.inner.reads
    }

    /// Whether a load reads consistently if nothing else is known.
    pub(crate) fn reads_consistently(&self) -> bool {
        self.inner.options.reads != ReadConsistency::Eventual
    }

    /// Refuses a session that its type could not read, if that is to be checked.
    pub(super) fn check_reads_back(
        &self,
        handle: SessionHandle,
        image: &Image,
    ) -> Result<(), EncodeError>
    where
        S: SessionAttributes + Serialize + DeserializeOwned,
    {
        let always = cfg!(any(debug_assertions, feature = "test-util"));
        if always || self.inner.options.read_back {
            check_reads_back::<S>(handle, image)
        } else {
            Ok(())
        }
    }

    /// Whether a load of a client that knows the version of its last write can be half as dear.
    pub(crate) fn reads_own_writes(&self) -> bool {
        self.inner.options.reads == ReadConsistency::ReadYourWrites
    }

    /// Whether a caller has a use for the version of its own writes.
    pub(crate) fn tells_versions(&self) -> bool {
        self.reads_own_writes() || self.has_cache()
    }

    pub(super) fn has_cache(&self) -> bool {
        #[cfg(feature = "cache")]
        return self.inner.cache.is_some();
        #[cfg(not(feature = "cache"))]
        false
    }

    /// Applies the store's policy for sessions that cannot be read.
    pub(crate) fn readable<T>(
        &self,
        read: Result<Option<T>, DecodeError>,
    ) -> Result<Option<T>, Error> {
        match read {
            Err(error) if self.inner.options.unreadable == Some(Unreadable::Absent) => {
                warn_of_absent(&error);
                Ok(None)
            }
            read => Ok(read?),
        }
    }

    /// The same for a framework, whose visitor has no session if the builder was not told. It belongs inside of an
    /// observed operation, so that each unreadable session has one event.
    #[cfg(any(feature = "_http", feature = "_record"))]
    pub(crate) fn readable_for_visitor<T: Default>(
        &self,
        read: Result<T, Error>,
    ) -> Result<T, Error> {
        match read {
            Err(Error::Decode(error))
                if self.inner.options.unreadable != Some(Unreadable::Error) =>
            {
                warn_of_absent(&error);
                Ok(T::default())
            }
            read => read,
        }
    }

    /// Whether both are clones of one store.
    #[cfg(feature = "_http")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

fn warn_of_absent(error: &DecodeError) {
    let handle = error.handle().map(tracing::field::display);
    let path = error.path();
    tracing::warn!(
        handle,
        path,
        "a session cannot be read, and is treated as absent"
    );
    telemetry::note(Event::Unreadable, error.handle());
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// A store of this table, whose schema is that of `S`.
    pub(super) fn new(table: Table, options: Options) -> Self {
        #[cfg(feature = "cache")]
        let (table, cache) = match options.cache {
            Some(option) => {
                let (cache, observer) = option.make();
                (table.observed_by(observer), Some(cache))
            }
            None => (table, None),
        };
        Self {
            inner: Arc::new(Inner {
                table,
                options,
                reads: Coalescer::default(),
                indexes: KnownIndexes::default(),
                #[cfg(feature = "cache")]
                cache,
            }),
            session: PhantomData,
        }
    }

    /// The time by which this store judges its sessions: that of its client's time source, in whole
    /// milliseconds. It makes no call.
    ///
    /// Use it for times that the application keeps in a session, in place of `SystemTime::now`. The time of a log-in is
    /// kept by the store: [`Session::is_fresh`](crate::Session::is_fresh). In a test, they
    /// then follow the clock of `test_util::TestStore`, which also moves the timeouts.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use serde::{Deserialize, Serialize};
    /// use session_store::{DynamoDbStore, SessionAttributes};
    ///
    /// #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// #[dynamo(idle_timeout = "30m")]
    /// struct AppSession {
    ///     /// When the items in the cart were last reserved.
    ///     reserved_at: Option<SystemTime>,
    /// }
    ///
    /// /// Whether the items are kept for this visitor still: for ten minutes.
    /// fn is_reserved(store: &DynamoDbStore<AppSession>, session: &AppSession) -> bool {
    ///     let age = session.reserved_at.map(|at| store.now().duration_since(at));
    ///     // A moment in the future is one of a host whose clock is ahead.
    ///     age.is_some_and(|age| age.unwrap_or_default() < Duration::from_secs(600))
    /// }
    /// # #[cfg(feature = "test-util")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), session_store::Error> {
    /// #
    /// # let test = session_store::test_util::TestStore::<AppSession>::new().await;
    /// # let reserved_at = Some(test.store.now());
    /// # let session = test.store.create(AppSession { reserved_at }).await?;
    /// # let session = test.store.load(session.id()).await?.expect("it was created");
    /// # assert!(is_reserved(&test.store, &session));
    /// # test.clock.advance(Duration::from_millis(599_999));
    /// # assert!(is_reserved(&test.store, &session));
    /// # test.clock.advance(Duration::from_millis(1));
    /// # assert!(!is_reserved(&test.store, &session));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "test-util"))]
    /// # fn main() {}
    /// ```
    pub fn now(&self) -> SystemTime {
        self.table().now().time()
    }

    /// The SDK's client, for what this crate does not do.
    pub fn client(&self) -> &Client {
        &self.inner.table.client
    }

    /// Carries out an operation in a span, and notes how it ended.
    pub(crate) fn observe<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>> {
        telemetry::observe(operation, self.table_name(), work)
    }

    /// The name of the table in use: that of the type, unless the builder was given another.
    pub fn table_name(&self) -> &str {
        &self.inner.table.name
    }
}
