//! The copies, and when one may be used.

use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache as Entries;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::dynamodb::WriteObserver;
use crate::id::SessionHandle;
use crate::item::{Image, Millis, State, map_footprint, read_again};
use crate::schema::SessionAttributes;
use crate::telemetry::metrics::{self, CacheUse};

use super::settings::Cache;
use super::tracks::{Own, Tracks, Watch};

/// A session as it was stored at a moment.
struct Copy<S> {
    data: S,
    state: State,
    read_at: Moment,
    bytes: u64,
}

/// A moment by the store's clock, and by one that never goes back.
#[derive(Clone, Copy)]
pub(in crate::store) struct Moment {
    clock: Millis,
    steady: Instant,
}

impl Moment {
    pub(in crate::store) fn now(clock: Millis) -> Self {
        Self {
            clock,
            steady: Instant::now(),
        }
    }

    /// Whether less than this time has passed until now, by both clocks.
    fn is_within(self, time: Duration, now: Self) -> bool {
        let by_clock = now.clock.0.checked_sub(self.clock.0);
        let by_clock = by_clock.map(Duration::from_millis);
        let steady = now.steady.saturating_duration_since(self.steady);
        by_clock.is_some_and(|age| age < time) && steady < time
    }
}

/// The copies of one store.
pub(in crate::store) struct SessionCache<S> {
    copies: Entries<SessionHandle, Arc<Copy<S>>, Weight, DefaultHashBuilder, Evictions>,
    tracks: Tracks,
    for_at_most: Duration,
    /// This host has ended all sessions that were created before this moment.
    revoked_before: AtomicU64,
}

// Each lock is taken by itself, and what it guards is whole whenever a panic can come.
impl<S> UnwindSafe for SessionCache<S> {}
impl<S> RefUnwindSafe for SessionCache<S> {}

impl<S: Clone> SessionCache<S> {
    pub(in crate::store) fn new(settings: Cache) -> Self {
        const USUAL: u64 = 4 << 10;
        let copies = usize::try_from(settings.max_bytes / USUAL).unwrap_or(usize::MAX);
        Self {
            copies: Entries::with(
                copies.clamp(32, 1 << 20),
                settings.max_bytes,
                Weight,
                DefaultHashBuilder::default(),
                Evictions,
            ),
            tracks: Tracks::default(),
            for_at_most: settings.for_at_most,
            revoked_before: AtomicU64::new(0),
        }
    }

    /// The copy of a session that is live at this moment, young enough, and has this version or a later one.
    pub(in crate::store) fn get(
        &self,
        handle: SessionHandle,
        least: u64,
        now: Moment,
        judged_at: Millis,
    ) -> Option<(S, State)> {
        let copy = self.copies.get(&handle);
        let copy = copy.filter(|copy| {
            let state = &copy.state;
            state.version >= least
                && copy.read_at.is_within(self.for_at_most, now)
                && state.lifetime.created_at.0 >= self.revoked_before.load(Ordering::Acquire)
                && state.ends() > judged_at
        });
        metrics::cache(match copy {
            Some(_) => CacheUse::Hit,
            None => CacheUse::Miss,
        });
        copy.map(|copy| (copy.data.clone(), copy.state.clone()))
    }

    /// The bytes that are counted for all copies.
    pub(in crate::store) fn bytes(&self) -> u64 {
        self.copies.weight()
    }

    /// Watches the writes to a session from now on.
    pub(in crate::store) fn watch(&self, handle: SessionHandle) -> Watch<'_> {
        self.tracks.watch(handle)
    }

    /// Keeps what a read has found that was sent after this moment.
    pub(in crate::store) fn keep_read(
        &self,
        watch: &Watch<'_>,
        read_at: Moment,
        (data, state): (S, State),
    ) {
        self.keep(watch, Own::None, Copy::new(data, state, read_at));
    }

    /// Keeps what a write has stored that was sent after this moment, as a load would give it.
    pub(in crate::store) fn keep_written(
        &self,
        watch: &Watch<'_>,
        read_at: Moment,
        (data, state): (&S, &State),
    ) where
        S: SessionAttributes + Serialize + DeserializeOwned,
    {
        // Nobody else has written since the state that it was made from.
        if state.written != Some(state.version) {
            return;
        }
        let Ok(image) = Image::of_stored(watch.handle, data) else {
            return;
        };
        let mut stored = image.data;
        stored.extend((*state.stored).clone());
        let Ok(data) = read_again(&stored, S::SCHEMA) else {
            return;
        };
        let state = State {
            as_of: None,
            stored: Arc::new(stored),
            ..state.clone()
        };
        self.keep(watch, Own::One, Copy::new(data, state, read_at));
    }

    fn keep(&self, watch: &Watch<'_>, own: Own, copy: Copy<S>) {
        let copy = Arc::new(copy);
        let mut evicted = MadeRoom(Vec::new());
        watch.keep(own, || {
            self.copies
                .insert_with_lifecycle(watch.handle, copy, &mut evicted);
        });
        // Not while others wait: a session or a recorder of metrics may do anything.
        for _ in &evicted.0 {
            metrics::cache(CacheUse::Eviction);
        }
    }

    /// The copy that a touch is about to give new times.
    pub(in crate::store) fn touched(&self, handle: SessionHandle) -> Option<Touched<S>> {
        self.copies.peek(&handle).map(Touched)
    }

    /// Gives a copy the times that a touch has stored. It gets no younger.
    pub(in crate::store) fn keep_touched(
        &self,
        watch: &Watch<'_>,
        Touched(copy): Touched<S>,
        state: &State,
    ) {
        let copy = Copy {
            data: copy.data.clone(),
            state: State {
                touched_at: state.touched_at,
                expires_at: state.expires_at,
                cookie_end: state.cookie_end,
                has_type: true,
                ..copy.state.clone()
            },
            ..*copy
        };
        self.keep(watch, Own::One, copy);
    }
}

impl<S> Copy<S> {
    fn new(data: S, state: State, read_at: Moment) -> Self {
        // The heap of the struct is not known. Its values in DynamoDB's form, which are kept beside it, take more.
        let heap = map_footprint(&state.stored) + state.footprint();
        let bytes = size_of::<Self>() + heap;
        Self {
            data,
            state,
            read_at,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        }
    }
}

/// A copy before a touch.
pub(in crate::store) struct Touched<S>(Arc<Copy<S>>);

impl<S: Send + Sync> WriteObserver for SessionCache<S> {
    fn begins(&self, handle: SessionHandle) {
        let mut removed = None;
        self.tracks
            .begin(handle, || removed = self.copies.remove(&handle));
        // Not while others wait, as above.
        drop(removed);
    }

    fn ends(&self, handle: SessionHandle) {
        self.tracks.end(handle);
    }

    fn cutoff(&self, moment: Millis) {
        self.revoked_before.fetch_max(moment.0, Ordering::AcqRel);
    }
}

#[derive(Clone)]
struct Weight;

impl<S> Weighter<SessionHandle, Arc<Copy<S>>> for Weight {
    fn weight(&self, _: &SessionHandle, copy: &Arc<Copy<S>>) -> u64 {
        copy.bytes
    }
}

/// Gives out the copies that make room for others.
#[derive(Clone)]
struct Evictions;

/// Copies that have made room for others.
struct MadeRoom<S>(Vec<Arc<Copy<S>>>);

impl<S> Default for MadeRoom<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> Lifecycle<SessionHandle, Arc<Copy<S>>> for Evictions {
    type RequestState = MadeRoom<S>;

    fn on_evict(&self, evicted: &mut MadeRoom<S>, _: SessionHandle, copy: Arc<Copy<S>>) {
        evicted.0.push(copy);
    }
}
