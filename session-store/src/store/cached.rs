//! Where the store's operations meet its cache, if it has one.

use crate::id::{SessionHandle, SessionId};
use crate::item::{Millis, State};
use crate::schema::SessionData;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// The session in the cache that has this version or a later one, if there is one that may be used.
    pub(super) fn cached(
        &self,
        id: &SessionId,
        least: u64,
        as_of: Option<Millis>,
    ) -> Option<Session<S>> {
        let (data, state) = self.cached_parts(id.handle(), least, as_of)?;
        let state = State {
            as_of,
            is_copy: true,
            ..state
        };
        Some(Session::new(id.clone(), data, state, self.table().clock()))
    }
}

#[cfg(feature = "cache")]
mod with {
    use super::*;
    use crate::store::cache::{Moment, SessionCache, Touched, Watch};

    /// A read or write of which the cache may keep a copy, from before it is sent.
    pub(in crate::store) struct Keeping<'a, S>(Option<Begun<'a, S>>);

    struct Begun<'a, S> {
        cache: &'a SessionCache<S>,
        watch: Watch<'a>,
        at: Moment,
        touched: Option<Touched<S>>,
    }

    impl<S: SessionData> DynamoDbStore<S> {
        pub(super) fn cached_parts(
            &self,
            handle: SessionHandle,
            least: u64,
            as_of: Option<Millis>,
        ) -> Option<(S, State)> {
            let cache = self.cache()?;
            let now = self.table().now();
            let judged_at = as_of.map_or(now, |as_of| as_of.min(now));
            cache.get(handle, least, Moment::now(now), judged_at)
        }

        pub(crate) fn cached_bytes(&self) -> u64 {
            self.cache().map_or(0, SessionCache::bytes)
        }

        /// Has the cache watch a session, before a read or write of it is sent.
        pub(in crate::store) fn keeping(&self, handle: SessionHandle) -> Keeping<'_, S> {
            Keeping(self.cache().map(|cache| Begun {
                cache,
                watch: cache.watch(handle),
                at: Moment::now(self.table().now()),
                touched: cache.touched(handle),
            }))
        }
    }

    impl<S: SessionData> Keeping<'_, S> {
        /// A read has found this.
        pub(in crate::store) fn read(self, data: S, state: State) {
            if let Some(begun) = self.0 {
                begun.cache.keep_read(&begun.watch, begun.at, (data, state));
            }
        }

        /// A write has stored this, and the session is exactly so.
        pub(in crate::store) fn wrote(self, data: &S, state: &State) {
            if let Some(begun) = self.0 {
                begun
                    .cache
                    .keep_written(&begun.watch, begun.at, (data, state));
            }
        }

        /// A touch has stored the times of this state.
        pub(in crate::store) fn touched(self, state: &State) {
            if let Some(Begun {
                cache,
                watch,
                touched: Some(touched),
                ..
            }) = self.0
            {
                cache.keep_touched(&watch, touched, state);
            }
        }
    }
}

#[cfg(not(feature = "cache"))]
mod without {
    use std::marker::PhantomData;

    use super::*;

    pub(in crate::store) struct Keeping<'a, S>(PhantomData<&'a S>);

    impl<S: SessionData> DynamoDbStore<S> {
        pub(super) fn cached_parts(
            &self,
            _: SessionHandle,
            _: u64,
            _: Option<Millis>,
        ) -> Option<(S, State)> {
            None
        }

        pub(in crate::store) fn keeping(&self, _: SessionHandle) -> Keeping<'_, S> {
            Keeping(PhantomData)
        }
    }

    impl<S: SessionData> Keeping<'_, S> {
        pub(in crate::store) fn read(self, _: S, _: State) {}

        pub(in crate::store) fn wrote(self, _: &S, _: &State) {}

        pub(in crate::store) fn touched(self, _: &State) {}
    }
}
