//! One read for many loads of one session that come at once, as the requests of one page do.
//!
//! Of each session one read at a time is under way. A load that comes meanwhile waits for the next,
//! which all share that wait for it, and which is sent when the first is answered. So each load gets
//! what was stored at some moment after it came, as it would by a read of its own: it sees every
//! write that was acknowledged before, those of its own caller included.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::error::ServiceError;
use crate::id::SessionHandle;
use crate::item::value::Map;

type Answer = Result<Option<Map>, ServiceError>;
type Read = Shared<BoxFuture<'static, Answer>>;

/// What is read: which session, and whether consistently.
type Key = (SessionHandle, bool);

/// The reads that are under way, and those that wait for them.
#[derive(Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<Lanes>>);

#[derive(Default)]
struct Lanes {
    lanes: HashMap<Key, Lane>,
    /// How many reads there were.
    count: u64,
}

#[derive(Default)]
struct Lane {
    sent: Option<Known>,
    waiting: Option<Known>,
}

/// A read by its number. It is not kept from here, and so ends with the last load that waits for it.
struct Known {
    number: u64,
    read: WeakShared<BoxFuture<'static, Answer>>,
}

impl Reads {
    /// The answer of a read that is sent from now on.
    pub(crate) async fn share(
        &self,
        key: Key,
        read: impl Future<Output = Answer> + Send + 'static,
    ) -> Answer {
        let waiting = self.join(key, read);
        waiting.await
    }

    fn join(&self, key: Key, read: impl Future<Output = Answer> + Send + 'static) -> Read {
        let lanes = &mut *self.lock();
        let lane = lanes.lanes.entry(key).or_default();
        let upgrade = |known: &Option<Known>| known.as_ref().and_then(|known| known.read.upgrade());
        if let Some(waiting) = upgrade(&lane.waiting) {
            return waiting;
        }
        let before = upgrade(&lane.sent);
        lanes.count += 1;
        let number = lanes.count;
        let place = Place {
            reads: self.clone(),
            key,
            number,
        };
        let next = async move {
            if let Some(before) = before {
                // Whatever it was, it is for those who came earlier.
                let _ = before.await;
            }
            place.depart();
            read.await
        };
        let next = next.boxed().shared();
        lane.waiting = next.downgrade().map(|read| Known { number, read });
        next
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a read among those of its session, until it ends or nobody waits for it any more.
struct Place {
    reads: Reads,
    key: Key,
    number: u64,
}

impl Place {
    /// It is sent: nobody can join it from now on.
    fn depart(&self) {
        if let Some(lane) = self.reads.lock().lanes.get_mut(&self.key) {
            lane.sent = lane.waiting.take();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let lanes = &mut self.reads.lock().lanes;
        if let Some(lane) = lanes.get_mut(&self.key) {
            for place in [&mut lane.sent, &mut lane.waiting] {
                place.take_if(|known| known.number == self.number);
            }
            if lane.sent.is_none() && lane.waiting.is_none() {
                lanes.remove(&self.key);
            }
        }
    }
}
