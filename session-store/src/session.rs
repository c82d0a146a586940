//! A session in hand: the user's struct, and what the store knows of it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::{SessionHandle, SessionId};
use crate::item::delta::Intent;
use crate::item::lifetime::{Millis, seconds_to_time};
use crate::item::value::Map;
use crate::store::cycle_id::Cycle;

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
    /// What is to be stored even where it equals `baseline`.
    intent: Intent,
    /// An idle timeout that is not stored yet: `Some(None)` goes back to that of the type.
    new_idle: Option<Option<Duration>>,
    pub(crate) state: State,
    /// Who was ended for this session to keep a limit.
    pub(crate) evicted: Vec<SessionHandle>,
    /// A change of id whose outcome is not known.
    pub(crate) cycle: Option<Box<Cycle<S>>>,
}

/// All of an item but what is in `S`.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) id: SessionId,
    pub(crate) handle: SessionHandle,
    pub(crate) created_at: Millis,
    pub(crate) touched_at: Millis,
    pub(crate) expires_at: u64,
    pub(crate) idle: Option<Duration>,
    /// The version loaded, and one more for each write of this copy that was acknowledged.
    pub(crate) version: u64,
    /// A version that the item certainly has reached, whoever wrote it.
    pub(crate) seen: u64,
    /// The version of the item after the last write of this copy, or that it was loaded with; none
    /// where that write did not tell.
    pub(crate) written: Option<u64>,
    /// Whether `data` is stored as bytes.
    pub(crate) packed: bool,
    /// The promoted attributes as they are in the item.
    pub(crate) promoted: Map,
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
            intent: Intent::default(),
            new_idle: None,
            state,
            evicted: Vec::new(),
            cycle: None,
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

    /// Gives this session an idle timeout of its own, such as for "remember me"; `None` goes back
    /// to that of the type. The absolute timeout holds all the same.
    ///
    /// It is stored, in whole seconds, with the next save or change of id.
    pub fn set_idle_timeout(session: &mut Self, idle: impl Into<Option<Duration>>) {
        let seconds = |idle: Duration| Duration::from_secs(idle.as_secs().max(1));
        session.new_idle = Some(idle.into().map(seconds));
    }

    /// The sessions that were ended to make room for this one, by the last `create`, `save` or
    /// `cycle_id` that entered it into a consistent index with a limit.
    ///
    /// After one of which an answer was lost, a session that ended by itself at that moment can be
    /// among them, and one that lives on if that could not be read.
    pub fn evicted(session: &Self) -> &[SessionHandle] {
        &session.evicted
    }

    /// When the session was last saved or touched, to the millisecond, as far as this copy knows.
    pub fn touched_at(session: &Self) -> SystemTime {
        session.state.touched_at.time()
    }

    /// The version of the stored session after the last write of this copy, or that it was loaded
    /// with: what to give to [`load_at_least`](crate::DynamoDbStore::load_at_least), so that it sees
    /// that write. It counts the writes of others too, other than [`version`](Self::version).
    ///
    /// `None` where it is not known: after a save that changed a consistent index, and after any save
    /// with another [`ReadConsistency`](crate::ReadConsistency) than `ReadYourWrites`, which does not
    /// ask.
    pub fn written_version(session: &Self) -> Option<u64> {
        session.state.written
    }

    /// What was stored and what is to be, if anything can have changed.
    pub(crate) fn unsaved(&self) -> Option<(&S, &S)> {
        match &self.baseline {
            Some(baseline) => Some((&**baseline, &self.data)),
            None => self.new_idle.map(|_| (&self.data, &self.data)),
        }
    }

    pub(crate) fn intent(&self) -> &Intent {
        &self.intent
    }

    pub(crate) fn new_idle(&self) -> Option<Option<Duration>> {
        self.new_idle
    }

    /// Makes the data in hand the baseline: there is nothing left to store.
    pub(crate) fn settle(&mut self) {
        self.baseline = None;
        self.intent = Intent::default();
    }

    /// Takes note of an acknowledged write, of the expiry if it set one, and of the version if it told.
    ///
    /// `seen` is a version that the item had reached before it.
    pub(crate) fn stored(
        &mut self,
        now: Millis,
        seen: u64,
        (expires_at, version): (Option<u64>, Option<u64>),
        promoted: &[(&'static str, Option<AttributeValue>)],
    ) {
        self.settle();
        for (name, value) in promoted {
            match value {
                Some(value) => self
                    .state
                    .promoted
                    .insert((*name).to_owned(), value.clone()),
                None => self.state.promoted.remove(*name),
            };
        }
        if let Some(idle) = self.new_idle.take() {
            self.state.idle = idle;
        }
        self.state.version += 1;
        self.state.seen = seen + 1;
        self.state.written = version;
        self.state.touched_at = now;
        if let Some(expires_at) = expires_at {
            self.state.expires_at = expires_at;
        }
    }

    /// Takes note of a change of id that was carried out.
    pub(crate) fn moved(&mut self, cycle: Cycle<S>) {
        self.state = cycle.to;
        self.baseline = Some(Box::new(cycle.data));
        self.intent = Intent::default();
        self.new_idle = None;
        self.cycle = None;
    }

    /// A session with changes to the baseline that are not stored yet.
    pub(crate) fn onto(
        baseline: S,
        session: Self,
        new_idle: Option<Option<Duration>>,
        intent: Intent,
    ) -> Self {
        Self {
            baseline: Some(Box::new(baseline)),
            intent,
            new_idle,
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
