//! A cache that a builder is to make, for a session type that the store's handle does not know.

use std::any::Any;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::dynamodb::WriteObserver;
use crate::schema::SessionData;
use crate::store::builder::Builder;

use super::copies::SessionCache;
use super::settings::Cache;

/// The cache of a store, of the type that the store has.
pub(in crate::store) struct AnyCache(Arc<dyn Any + Send + Sync>);

// A cache of any type is.
impl UnwindSafe for AnyCache {}
impl RefUnwindSafe for AnyCache {}

impl AnyCache {
    pub(in crate::store) fn of_type<S: 'static>(&self) -> Option<&SessionCache<S>> {
        self.0.downcast_ref()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct CacheOption {
    pub(in crate::store) settings: Cache,
    make: fn(Cache) -> (AnyCache, Arc<dyn WriteObserver>),
}

impl CacheOption {
    pub(in crate::store) fn make(self) -> (AnyCache, Arc<dyn WriteObserver>) {
        (self.make)(self.settings)
    }
}

impl fmt::Debug for CacheOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl<S: SessionData, C> Builder<S, C> {
    /// Keeps sessions in the memory of this host for a few seconds, so that most pages of a visitor read nothing.
    ///
    /// It answers a load whose caller knows which version its client last wrote:
    /// [`load_at_least`](crate::DynamoDbStore::load_at_least), and the layer for axum with a signed cookie, which
    /// carries the version beside the id. So a client never misses its own writes, whichever host took them. A plain
    /// [`load`](crate::DynamoDbStore::load) always reads, and every write keeps its conditions.
    ///
    /// What other hosts did is seen after the time of the cache at most, also that they have ended or revoked a session;
    /// what this host did is seen at once. Idle and absolute timeout count at every use. An absent session is not
    /// kept. Reads that fill the cache are consistent ones.
    ///
    /// ```
    /// # use session_store::{Cache, DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, SessionAttributes)]
    /// # struct AppSession {}
    /// # async fn build() -> Result<DynamoDbStore<AppSession>, Error> {
    /// use std::time::Duration;
    ///
    /// let cache = Cache::for_at_most(Duration::from_secs(5)).max_bytes(64 << 20);
    /// DynamoDbStore::<AppSession>::builder().endpoint("http://127.0.0.1:8000").cache(cache).build().await
    /// # }
    /// ```
    pub fn cache(mut self, cache: Cache) -> Self {
        self.options.cache = Some(CacheOption {
            settings: cache,
            make: |settings| {
                let cache = Arc::new(SessionCache::<S>::new(settings));
                (AnyCache(Arc::clone(&cache) as _), cache)
            },
        });
        self
    }
}
