//! A cache that a builder is to make, for a session type that the store's handle does not know.

use std::any::Any;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::dynamodb::WriteObserver;
use crate::schema::SessionData;

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
    pub(in crate::store) fn of<S: SessionData>(settings: Cache) -> Self {
        Self {
            settings,
            make: |settings| {
                let cache = Arc::new(SessionCache::<S>::new(settings));
                (AnyCache(Arc::clone(&cache) as _), cache)
            },
        }
    }

    pub(in crate::store) fn make(self) -> (AnyCache, Arc<dyn WriteObserver>) {
        (self.make)(self.settings)
    }
}

impl fmt::Debug for CacheOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
