//! A session in hand: the user's struct, and what the store knows of it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use crate::id::{SessionHandle, SessionId};
use crate::lifetime::{Millis, seconds_to_time};
use crate::value::Map;

/// A session that was created or loaded, holding the user's struct `S`.
///
/// It dereferences to `S`: read and change the fields as if the struct itself were there, then
/// hand it to [`save`](crate::DynamoDbStore::save), which writes what changed. To know that, the
/// first mutable access keeps a clone of `S`; a change through interior mutability (a `Cell`, a
/// `Mutex`) needs no mutable access, and is not seen.
///
/// The few methods here shadow methods of the same name on `S`, which stay reachable as
/// `(*session).id()`.
pub struct Session<S> {
    data: S,
    /// `data` as it was last known to be stored; none while nothing can have changed.
    baseline: Option<Box<S>>,
    pub(crate) state: State,
}

/// All of an item but what is in `S`.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) id: SessionId,
    pub(crate) handle: SessionHandle,
    pub(crate) created_at: Millis,
    pub(crate) expires_at: u64,
    pub(crate) idle: Option<Duration>,
    /// The version loaded, and one more for each write of this copy that was acknowledged.
    pub(crate) version: u64,
    pub(crate) unknown: Unknown,
}

/// What is in the item and not in `S`: left as it is by every write.
#[derive(Clone, Default)]
pub(crate) struct Unknown {
    pub(crate) data: Map,
    pub(crate) attributes: Map,
}

impl<S> Session<S> {
    pub(crate) fn new(data: S, state: State) -> Self {
        Self {
            data,
            baseline: None,
            state,
        }
    }

    /// The secret for the cookie.
    pub fn id(&self) -> &SessionId {
        &self.state.id
    }

    /// The public name, safe to show, log and revoke by.
    pub fn handle(&self) -> SessionHandle {
        self.state.handle
    }

    /// When the session was created, to the millisecond. A new id does not change it.
    pub fn created_at(&self) -> SystemTime {
        self.state.created_at.time()
    }

    /// When the session will end unless it is saved or touched, to the second.
    pub fn expires_at(&self) -> SystemTime {
        seconds_to_time(self.state.expires_at)
    }

    /// The version of the data that this copy is based on: 1 when created, and one more for each
    /// write of this copy. Writes of others in between are not counted.
    pub fn version(&self) -> u64 {
        self.state.version
    }

    /// The user's struct, without the session around it.
    ///
    /// An associated function, so that it hides no method of `S`.
    pub fn into_data(session: Self) -> S {
        session.data
    }

    /// What was stored and what is to be, if anything can have changed.
    pub(crate) fn changed(&self) -> Option<(&S, &S)> {
        self.baseline
            .as_ref()
            .map(|baseline| (&**baseline, &self.data))
    }

    /// Makes the data in hand the baseline: there is nothing left to store.
    pub(crate) fn settle(&mut self) {
        self.baseline = None;
    }

    /// Takes note of an acknowledged write, and of the expiry if it set one.
    pub(crate) fn stored(&mut self, expires_at: Option<u64>) {
        self.settle();
        self.state.version += 1;
        if let Some(expires_at) = expires_at {
            self.state.expires_at = expires_at;
        }
    }

    /// A session with changes that are not stored yet.
    pub(crate) fn unsaved(baseline: S, session: Self) -> Self {
        Self {
            baseline: Some(Box::new(baseline)),
            ..session
        }
    }
}

impl State {
    /// Takes another id.
    pub(crate) fn rename(&mut self, id: SessionId) {
        self.handle = id.handle();
        self.id = id;
    }
}

impl<S> Deref for Session<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.data
    }
}

impl<S: Clone> DerefMut for Session<S> {
    fn deref_mut(&mut self) -> &mut S {
        if self.baseline.is_none() {
            self.baseline = Some(Box::new(self.data.clone()));
        }
        &mut self.data
    }
}

impl<S: fmt::Debug> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("handle", &self.state.handle)
            .field("version", &self.state.version)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
