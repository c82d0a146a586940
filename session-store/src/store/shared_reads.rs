//! Coalesces loads of one session that come at once, as the requests of one page do.
//!
//! For each session, one read at a time is in flight. Loads that come meanwhile share the next read,
//! which is sent when the first is answered. So each load gets a state that was stored at some moment
//! after it came, as by a read of its own: it sees every write that was acknowledged before, those of its
//! own caller included.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::error::ServiceError;
use crate::id::SessionHandle;
use crate::item::Map;

type Answer = Result<Option<Map>, ServiceError>;
pub(super) type Read = Shared<BoxFuture<'static, Answer>>;

/// Which session is read, and whether consistently.
type Key = (SessionHandle, bool);

/// The shared reads of a store.
#[derive(Clone, Default)]
pub(super) struct Coalescer(Arc<Mutex<Reads>>);

#[derive(Default)]
struct Reads {
    by_key: HashMap<Key, InFlight>,
    /// How many reads there were.
    count: u64,
}

/// The reads of one session.
#[derive(Default)]
struct InFlight {
    sent: Option<SharedRead>,
    queued: Option<SharedRead>,
}

/// A read and its number. The reference is weak, so the read ends with the last load that waits for it.
struct SharedRead {
    number: u64,
    read: WeakShared<BoxFuture<'static, Answer>>,
}

impl Coalescer {
    /// The answer of a read that is sent from now on.
    pub(super) async fn share(
        &self,
        key: Key,
        read: impl Future<Output = Answer> + Send + 'static,
    ) -> Answer {
        let queued = self.join(key, read);
        queued.await
    }

    /// A read that is under way, sent or not. It may have been sent before this.
    pub(super) fn under_way(&self, key: Key) -> Option<Read> {
        let reads = self.lock();
        let in_flight = reads.by_key.get(&key)?;
        let sent = in_flight.sent.as_ref().or(in_flight.queued.as_ref())?;
        sent.read.upgrade()
    }

    fn join(&self, key: Key, read: impl Future<Output = Answer> + Send + 'static) -> Read {
        let reads = &mut *self.lock();
        let in_flight = reads.by_key.entry(key).or_default();
        let upgrade = |shared: &Option<SharedRead>| shared.as_ref()?.read.upgrade();
        if let Some(queued) = upgrade(&in_flight.queued) {
            return queued;
        }
        let before = upgrade(&in_flight.sent);
        reads.count += 1;
        let number = reads.count;
        let ticket = Ticket {
            coalescer: self.clone(),
            key,
            number,
        };
        let next = async move {
            if let Some(before) = before {
                // Its answer is for those who came earlier.
                let _ = before.await;
            }
            ticket.mark_sent();
            read.await
        };
        let next = next.boxed().shared();
        in_flight.queued = next.downgrade().map(|read| SharedRead { number, read });
        next
    }

    fn lock(&self) -> MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a read known until it ends, or until nobody waits for it any more.
struct Ticket {
    coalescer: Coalescer,
    key: Key,
    number: u64,
}

impl Ticket {
    /// From now on, no load can join this read.
    fn mark_sent(&self) {
        if let Some(in_flight) = self.coalescer.lock().by_key.get_mut(&self.key) {
            in_flight.sent = in_flight.queued.take();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let by_key = &mut self.coalescer.lock().by_key;
        if let Some(in_flight) = by_key.get_mut(&self.key) {
            for shared in [&mut in_flight.sent, &mut in_flight.queued] {
                shared.take_if(|shared| shared.number == self.number);
            }
            if in_flight.sent.is_none() && in_flight.queued.is_none() {
                by_key.remove(&self.key);
            }
        }
    }
}
