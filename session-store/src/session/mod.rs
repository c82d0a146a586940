//! A session as a program holds it: its struct, and the state of its item.

mod cycle;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use crate::dynamodb::StoreClock;
use crate::id::{SessionHandle, SessionId};
use crate::item::{
    CookieLife, Delta, Forgotten, Intent, Lifetime, Millis, State, TimeoutChange, has_stored_user,
    is_recent, seconds_to_time,
};
use crate::schema::SessionAttributes;

pub(crate) use self::cycle::{NewId, PendingCycle};

/// A session that was created or loaded, holding the user's struct `S`.
///
/// It dereferences to `S`: read and change the fields as if the struct itself were there, then pass
/// it to [`save`](crate::DynamoDbStore::save), which writes the changes. To find them, the first mutable
/// access keeps a clone of `S`. A change through interior mutability (a `Cell`, a `Mutex`) needs no
/// mutable access, so `save` does not see it.
///
/// The few methods here shadow methods of the same name on `S`, which stay reachable as
/// `(*session).id()`.
pub struct Session<S> {
    pub(crate) id: SessionId,
    data: S,
    /// `data` as it was last stored; `None` while nothing can have changed.
    baseline: Option<Box<S>>,
    /// The names that are to be stored even if their values equal those of `baseline`.
    intent: Intent,
    /// Timeouts that the owner has set and that are not stored yet.
    timeouts: TimeoutChange,
    pub(crate) state: State,
    /// That of the store.
    clock: StoreClock,
    /// The sessions that were ended to make room for this one.
    pub(crate) evicted: Vec<SessionHandle>,
    /// The client does not know the id yet, and so nobody does.
    pub(crate) is_undisclosed: bool,
    /// How long the client keeps the next cookie, if a layer gives it one.
    pub(crate) cookie: Option<CookieLife>,
    /// A change of id whose outcome is unknown.
    pub(crate) cycle: Option<Box<PendingCycle<S>>>,
}

impl<S> Session<S> {
    pub(crate) fn new(id: SessionId, data: S, state: State, clock: StoreClock) -> Self {
        Self {
            id,
            data,
            baseline: None,
            intent: Intent::default(),
            timeouts: TimeoutChange::default(),
            state,
            clock,
            evicted: Vec::new(),
            is_undisclosed: false,
            cookie: None,
            cycle: None,
        }
    }

    /// The same session as somebody has stored it since.
    pub(crate) fn onto_stored(&self, data: S, state: State) -> Self {
        let as_of = self.state.as_of;
        Self {
            is_undisclosed: self.is_undisclosed,
            cookie: self.cookie,
            ..Self::new(
                self.id.clone(),
                data,
                State { as_of, ..state },
                self.clock.clone(),
            )
        }
    }

    /// The secret for the cookie.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The public identifier, safe to show, log and revoke by.
    pub fn handle(&self) -> SessionHandle {
        self.state.handle
    }

    /// When the session was created, to the millisecond. Only a log-in changes it.
    pub fn created_at(&self) -> SystemTime {
        self.state.lifetime.created_at.time()
    }

    /// When the session will end unless it is saved or touched, rounded up to a second as in the item. By its idle
    /// timeout it ends within that second, to the millisecond.
    pub fn expires_at(&self) -> SystemTime {
        seconds_to_time(self.state.expires_at)
    }

    /// The version of the data that this copy is based on: 1 when created, and one more for each
    /// write of this copy. It does not count the writes of other copies in between.
    pub fn version(&self) -> u64 {
        self.state.version
    }

    /// The struct, without the session around it.
    ///
    /// An associated function, so that it hides no method of `S`.
    pub fn into_data(session: Self) -> S {
        session.data
    }

    /// Gives this session its own idle timeout, such as a shorter one without "remember me"; `None` restores that of
    /// the type. It can be longer than that of the type, unless the type names a standard
    /// (`#[dynamo(timeouts = "..")]`). The absolute timeout still applies.
    ///
    /// It is stored, in whole seconds, with the next save or change of id.
    pub fn set_idle_timeout(session: &mut Self, idle: impl Into<Option<Duration>>) {
        session.timeouts.set_idle(idle.into());
    }

    /// Gives this session its own absolute timeout, such as eight hours without "remember me"; `None` restores that of
    /// the type. The timeout of the type is the upper bound: a longer one counts as that.
    ///
    /// An absolute timeout begins with an id, so it is stored, in whole seconds, with the next
    /// [log-in](crate::DynamoDbStore::log_in), which begins it anew, or change of id, which never lets the session end
    /// later than before. A [`save`](crate::DynamoDbStore::save) before that is refused. It holds for later ids of the
    /// session too.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
    ///
    /// #[derive(Clone, serde::Serialize, serde::Deserialize, SessionAttributes)]
    /// #[dynamo(idle_timeout = "30d", absolute_timeout = "30d")] // of a log-in that is remembered
    /// struct AppSession {
    ///     #[dynamo(attr = "user_id", index(consistent), user)]
    ///     user_id: Option<String>,
    /// }
    ///
    /// async fn log_in(
    ///     store: &DynamoDbStore<AppSession>,
    ///     session: &mut Session<AppSession>,
    ///     remember_me: bool,
    /// ) -> Result<(), Error> {
    ///     const HOUR: Duration = Duration::from_secs(3600);
    ///     session.user_id = Some("u-17".into());
    ///     Session::set_idle_timeout(session, (!remember_me).then_some(HOUR));
    ///     Session::set_absolute_timeout(session, (!remember_me).then_some(8 * HOUR));
    ///     store.log_in(session).await
    /// }
    /// ```
    pub fn set_absolute_timeout(session: &mut Self, absolute: impl Into<Option<Duration>>) {
        session.timeouts.set_absolute(absolute.into());
    }

    /// The sessions that were ended to make room for this one, by the last `create`, `save`, `log_in` or
    /// `cycle_id` that entered it into a consistent index with a limit.
    ///
    /// If a response was lost, the list is a best effort: it may include a session that expired at the
    /// same moment, or one that is still live because it could not be re-read.
    pub fn evicted(session: &Self) -> &[SessionHandle] {
        &session.evicted
    }

    /// When the session was last saved or touched, to the millisecond, as far as this copy knows.
    pub fn touched_at(session: &Self) -> SystemTime {
        session.state.touched_at.time()
    }

    /// When the user last [logged in](crate::DynamoDbStore::log_in) or
    /// [authenticated again](crate::DynamoDbStore::reauthenticated), to the millisecond, by the store's clock.
    /// Nothing else moves it: neither use of the session nor a change of its data or id.
    ///
    /// `None` if nobody has logged in, and for a session that was stored before there was this time.
    pub fn authenticated_at(session: &Self) -> Option<SystemTime> {
        session.state.authenticated_at.map(Millis::time)
    }

    /// The version of the stored session after the last write of this copy, or after its load. Give it
    /// to [`load_at_least`](crate::DynamoDbStore::load_at_least), which then sees that write. Unlike
    /// [`version`](Self::version), it counts the writes of others too.
    ///
    /// `None` if it is not known: after a save that changed the rosters of a consistent index, and after any save
    /// with a [`ReadConsistency`](crate::ReadConsistency) other than `ReadYourWrites` and without a cache, which
    /// does not ask for it.
    pub fn written_version(session: &Self) -> Option<u64> {
        session.state.written
    }

    /// The stored data and the data to be stored, if anything can have changed.
    pub(crate) fn unsaved(&self) -> Option<(&S, &S)> {
        match &self.baseline {
            Some(baseline) => Some((&**baseline, &self.data)),
            None if self.timeouts.is_empty() => None,
            None => Some((&self.data, &self.data)),
        }
    }

    /// The data as it was last stored, as far as this copy knows.
    pub(crate) fn stored(&self) -> &S {
        self.baseline.as_deref().unwrap_or(&self.data)
    }

    /// Has these names stored with the next save, whatever their values are by then. Gives those of before.
    pub(crate) fn intend(&mut self, intent: Intent) -> Intent {
        std::mem::replace(&mut self.intent, intent)
    }

    pub(crate) fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The timeouts that the owner has set and that are not stored yet.
    pub(crate) fn timeouts(&self) -> TimeoutChange {
        self.timeouts
    }

    #[cfg(feature = "_http")]
    pub(crate) fn set_timeouts(&mut self, timeouts: TimeoutChange) {
        self.timeouts = timeouts;
    }

    /// Takes back the changes that are not stored.
    #[cfg(feature = "_http")]
    pub(crate) fn discard(&mut self) {
        if let Some(baseline) = self.baseline.take() {
            self.data = *baseline;
        }
        self.intent = Intent::default();
        self.timeouts = TimeoutChange::default();
    }

    /// Puts back the data of a moment before, in which the same was stored as now.
    #[cfg(feature = "_http")]
    pub(crate) fn restore(&mut self, data: S) {
        if self.baseline.is_some() {
            self.data = data;
        }
    }

    /// Makes the current data the baseline: there is nothing left to store.
    pub(crate) fn settle(&mut self) {
        self.baseline = None;
        self.intent = Intent::default();
    }

    /// Records a successful write: its time, and the expiry and version if the response gave them.
    ///
    /// `seen` is a version that the item had reached before this write.
    pub(crate) fn note_stored(
        &mut self,
        (now, lifetime): (Millis, Lifetime),
        seen: u64,
        expires_at: Option<u64>,
        version: Option<u64>,
        delta: &Delta,
    ) {
        self.settle();
        let state = &mut self.state;
        state.promote(&delta.attributes);
        // A type whose fields only its serialization knows had read these, and they were kept aside too.
        for name in &delta.remove {
            state.unknown.data.remove(name);
        }
        state.forgotten = Forgotten::default();
        state.lifetime = lifetime;
        self.timeouts = TimeoutChange::default();
        state.version += 1;
        state.seen = seen + 1;
        state.written = version;
        if let Some(expires_at) = expires_at {
            state.note_use(Some(state.used_at(now)), expires_at);
        }
    }

    /// Records a change of id that was applied.
    pub(crate) fn note_cycled(&mut self, cycle: PendingCycle<S>) {
        self.id = cycle.id;
        self.state = cycle.to;
        self.baseline = Some(Box::new(cycle.data));
        self.intent = Intent::default();
        // Those that were set since are not stored yet.
        if self.timeouts == cycle.timeouts {
            self.timeouts = TimeoutChange::default();
        }
        self.cycle = None;
    }

    /// A session with unsaved changes to this baseline.
    pub(crate) fn onto(
        baseline: S,
        session: Self,
        timeouts: TimeoutChange,
        intent: Intent,
    ) -> Self {
        Self {
            baseline: Some(Box::new(baseline)),
            intent,
            timeouts,
            ..session
        }
    }
}

impl<S: SessionAttributes> Session<S> {
    /// Whether the user has logged in or authenticated again less than this time ago, to the millisecond: "sudo
    /// mode", before an act that matters. It goes by the store's [clock](crate::DynamoDbStore::now) at the time of
    /// the question, and makes no call.
    ///
    /// It is that of [`authenticated_at`](Self::authenticated_at), so use of the session does not prolong it. A
    /// moment in the future is one of another host whose clock is ahead, and counts as now; one that is more than a
    /// day ahead does not count.
    ///
    /// If the type marks its user (`#[dynamo(attr = "user_id", user)]`), a session without a user is not fresh, and
    /// neither is a copy that names another user than the stored session.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use serde::{Deserialize, Serialize};
    /// use session_store::{Session, SessionAttributes};
    ///
    /// #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// struct AppSession {
    ///     #[dynamo(attr = "user_id", index(consistent), user)]
    ///     user_id: Option<String>,
    /// }
    ///
    /// fn may_change_address(session: &Session<AppSession>) -> bool {
    ///     Session::is_fresh(session, Duration::from_secs(600))
    /// }
    /// ```
    pub fn is_fresh(session: &Self, within: Duration) -> bool {
        let Some(authenticated_at) = session.state.authenticated_at else {
            return false;
        };
        is_recent(authenticated_at, within, session.clock.now())
            && has_stored_user(session.stored(), &session.data)
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
