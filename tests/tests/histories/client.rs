//! A client: its copies of sessions, and how it runs an operation.

mod pending;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_store::{
    DynamoDbStore, Error, ReadConsistency, Revoked, Session, SessionHandle, SessionId,
};

pub use self::pending::Pending;
use crate::binaries::{Fields, Program};
use crate::plan::Act;

/// The result of an operation, without the session's type.
pub struct Outcome {
    pub got: Result<Got, Error>,
    /// The copy after it, if it works on one.
    pub copy: Option<Seen>,
}

pub enum Got {
    Done,
    Session(Seen),
    Absent,
    Count(u64),
    Listed(Vec<Listed>),
    Revoked(Revoked),
}

/// The visible state of a copy.
pub struct Seen {
    pub id: SessionId,
    pub handle: String,
    pub version: u64,
    pub created_at: u64,
    pub expires_at: u64,
    pub fields: Fields,
    /// The handles of the sessions that were evicted for it.
    pub evicted: Vec<String>,
}

#[derive(Debug)]
pub struct Listed {
    pub handle: String,
    pub created_at: u64,
    pub expires_at: u64,
}

/// A client's copy of a session.
pub struct Copy<S> {
    session: Session<S>,
    /// The fields at the load, or at the last save.
    base: Fields,
    /// The changes that are not acknowledged yet, with each value that may still be stored.
    unsaved: BTreeMap<&'static str, Vec<Option<u64>>>,
    /// A new idle timeout that is not acknowledged yet.
    idle: bool,
    /// The changes to store with a change of id that is not finished.
    cycling: Option<Pending>,
    /// The changes to store with a log-in that finishes this one first.
    then: Option<Pending>,
}

/// How a load reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    #[default]
    Consistent,
    Eventual,
    /// It may return a stale item, but none older than this version, which its client has written or seen.
    AtLeast(u64),
}

pub type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// A client, with any program.
pub trait Hand {
    /// How it would load this session.
    fn reads(&self, id: &SessionId) -> Reads;
    /// The handle of its copy, and its unsaved changes after those of this operation.
    /// At this time of its clock.
    fn prepare(&self, act: &Act, now: u64) -> Option<(String, Pending)>;
    fn begin(&self, act: &Act, id: Option<SessionId>, except: Option<SessionId>) -> Running;
    /// The stored fields of its copy, after a write was acknowledged.
    fn settled(&self, slot: usize, stored: &Fields);
}

pub struct Client<S> {
    store: DynamoDbStore<S>,
    reads: ReadConsistency,
    copies: Rc<RefCell<Vec<Option<Copy<S>>>>>,
    /// The version of each session after its last write, if the operation returned it.
    versions: Rc<RefCell<Versions>>,
}

type Versions = BTreeMap<SessionHandle, u64>;

impl<S: Program> Client<S> {
    pub fn new(store: DynamoDbStore<S>, reads: ReadConsistency, slots: usize) -> Self {
        Self {
            store,
            reads,
            copies: Rc::new(RefCell::new((0..slots).map(|_| None).collect())),
            versions: Rc::default(),
        }
    }

    fn change(copy: &mut Copy<S>, act: &Act) {
        let (Act::Save(_, set, _) | Act::Cycle(_, set) | Act::LogIn(_, set)) = act else {
            return;
        };
        for (name, value) in set {
            *copy.session.field(name) = *value;
            copy.unsaved.entry(name).or_default().push(*value);
        }
        if let Act::Save(_, _, Some(idle)) = act {
            Session::set_idle_timeout(&mut copy.session, idle.map(Duration::from_secs));
            copy.idle = true;
        }
    }
}

fn take_note<S>(versions: &RefCell<Versions>, session: &Session<S>) {
    let mut versions = versions.borrow_mut();
    match Session::written_version(session) {
        Some(version) => versions.insert(session.handle(), version),
        None => versions.remove(&session.handle()),
    };
}

fn seen<S: Program>(session: &Session<S>) -> Seen {
    let evicted = Session::evicted(session);
    Seen {
        id: session.id().clone(),
        handle: session.handle().to_string(),
        version: session.version(),
        created_at: millis(session.created_at()),
        expires_at: millis(session.expires_at()) / 1000,
        fields: session.fields(),
        evicted: evicted.iter().map(ToString::to_string).collect(),
    }
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

impl<S: Program> Hand for Client<S> {
    fn reads(&self, id: &SessionId) -> Reads {
        let versions = self.versions.borrow();
        match (self.reads, versions.get(&id.handle())) {
            (ReadConsistency::Eventual, _) => Reads::Eventual,
            (ReadConsistency::ReadYourWrites, Some(version)) => Reads::AtLeast(*version),
            _ => Reads::Consistent,
        }
    }

    fn prepare(&self, act: &Act, now: u64) -> Option<(String, Pending)> {
        let (Act::Save(slot, ..)
        | Act::Touch(slot)
        | Act::Cycle(slot, _)
        | Act::LogIn(slot, _)
        | Act::Refresh(slot)) = act
        else {
            return None;
        };
        let logs_in = matches!(act, Act::LogIn(..));
        let mut copies = self.copies.borrow_mut();
        let copy = copies[*slot].as_mut()?;
        let fresh = copy.unsaved.is_empty();
        Self::change(copy, act);
        let mut pending = Pending {
            must: copy.session.fields(),
            may: copy.unsaved.clone(),
            idle: copy.idle,
            pinned: copy.idle || S::PINNED,
            fresh,
            resumed: !matches!(act, Act::Save(..) | Act::Touch(_)) && copy.cycling.is_some(),
            touched_at: millis(Session::touched_at(&copy.session)),
            fields: copy.session.fields(),
            begun: now,
            logs_in,
        };
        pending.must.retain(|name, value| copy.base[name] != *value);
        if let (true, Some(begun)) = (logs_in, copy.cycling.as_ref().filter(|it| !it.logs_in)) {
            // It is finished first. What it has stored may have been changed by others since.
            copy.then = Some(pending.clone());
            let stored = |name, value: &Option<u64>| begun.must.get(name) == Some(value);
            pending.must.retain(|name, value| !stored(*name, value));
            pending.begun = begun.begun;
            pending.logs_in = false;
        } else if let Act::Cycle(..) | Act::LogIn(..) = act {
            // A change of id that is resumed is sent unchanged, unless it must begin again.
            let begun = copy.cycling.get_or_insert_with(|| pending.clone()).clone();
            pending
                .must
                .retain(|name, value| begun.must.get(name) == Some(value));
            pending.begun = begun.begun;
            pending.logs_in = begun.logs_in;
        }
        Some((copy.session.handle().to_string(), pending))
    }

    fn begin(&self, act: &Act, id: Option<SessionId>, except: Option<SessionId>) -> Running {
        let store = self.store.clone();
        let copies = Rc::clone(&self.copies);
        let act = act.clone();
        let take = |slot: usize| {
            self.copies.borrow_mut()[slot]
                .take()
                .expect("an operation on a copy that is there")
        };
        let copy = match &act {
            Act::Save(slot, ..)
            | Act::Touch(slot)
            | Act::Cycle(slot, _)
            | Act::LogIn(slot, _)
            | Act::Refresh(slot) => Some(take(*slot)),
            _ => None,
        };
        let reads = id.as_ref().map(|id| self.reads(id)).unwrap_or_default();
        let known = move || id.expect("an operation on a session that is known");
        let versions = Rc::clone(&self.versions);
        let keep = move |slot: usize, session: Session<S>| {
            take_note(&versions, &session);
            let copy = Copy {
                base: session.fields(),
                unsaved: BTreeMap::new(),
                idle: false,
                cycling: None,
                then: None,
                session,
            };
            copies.borrow_mut()[slot] = Some(copy);
        };
        let copies = Rc::clone(&self.copies);
        let versions = Rc::clone(&self.versions);
        Box::pin(async move {
            let alone = |got| Outcome { got, copy: None };
            match act {
                Act::Advance(_) | Act::AdvanceToEnd(..) => unreachable!("time has no client"),
                Act::Create(slot, set) => {
                    let mut data = S::default();
                    for (name, value) in set {
                        *data.field(name) = value;
                    }
                    alone(store.create(data).await.map(|session| {
                        let got = Got::Session(seen(&session));
                        keep(slot, session);
                        got
                    }))
                }
                Act::Load(slot) => {
                    let found = match reads {
                        Reads::AtLeast(version) => store.load_at_least(&known(), version).await,
                        _ => store.load(&known()).await,
                    };
                    alone(found.map(|found| match found {
                        None => Got::Absent,
                        Some(session) => {
                            let got = Got::Session(seen(&session));
                            keep(slot, session);
                            got
                        }
                    }))
                }
                Act::Update(_, set) => {
                    let change = |session: &mut S| {
                        for (name, value) in &set {
                            *session.field(name) = *value;
                        }
                        *session.count() += 1;
                        *session.count()
                    };
                    alone(store.update(&known(), change).await.map(Got::Count))
                }
                Act::Save(slot, ..)
                | Act::Touch(slot)
                | Act::Cycle(slot, _)
                | Act::LogIn(slot, _)
                | Act::Refresh(slot) => {
                    let mut copy = copy.expect("it was taken");
                    let session = &mut copy.session;
                    let before = session.handle();
                    let got = match act {
                        Act::Save(..) => store.save(session).await,
                        Act::Touch(_) => store.touch(session).await,
                        Act::Refresh(_) => store.refresh(session).await,
                        Act::LogIn(..) => store.log_in(session).await,
                        _ => store.cycle_id(session).await,
                    };
                    let after = seen(session);
                    take_note(&versions, session);
                    let unknown = match &got {
                        Err(Error::Service(error)) => error.outcome_unknown(),
                        Err(Error::Conflict(error)) => error.outcome_unknown(),
                        _ => false,
                    };
                    if let Act::Cycle(..) | Act::LogIn(..) = act {
                        let then = copy.then.take();
                        if !unknown {
                            copy.cycling = None;
                        } else if session.handle() != before {
                            copy.cycling = then;
                        }
                    }
                    if got.is_ok() && !matches!(act, Act::Touch(_) | Act::Refresh(_)) {
                        copy.idle = false;
                    }
                    if got.is_err() {
                        // A change that was applied to the state of others includes their changes.
                        for (name, value) in session.fields() {
                            if !copy.unsaved.contains_key(name) {
                                copy.base.insert(name, value);
                            }
                        }
                    }
                    copies.borrow_mut()[slot] = Some(copy);
                    Outcome {
                        got: got.map(|()| Got::Done),
                        copy: Some(after),
                    }
                }
                Act::Delete(_) => alone(store.delete(&known()).await.map(|()| Got::Done)),
                Act::RevokeHandle(_) => alone(
                    store
                        .revoke_handle(&known().handle())
                        .await
                        .map(Got::Revoked),
                ),
                Act::RevokeOnly(user, _) => {
                    let revoke = S::revoke(&store, user).only(known().handle());
                    alone(revoke.await.map(Got::Revoked))
                }
                Act::Revoke(user, _) => {
                    let mut revoke = S::revoke(&store, user);
                    if let Some(id) = except {
                        revoke = revoke.except_handle(id.handle());
                    }
                    alone(revoke.await.map(Got::Revoked))
                }
                Act::List(user) => {
                    let all = S::sessions(&store, user).all().await;
                    alone(all.map(|all| {
                        let listed = all.iter().map(|session| Listed {
                            handle: session.handle().to_string(),
                            created_at: millis(session.created_at()),
                            expires_at: millis(session.expires_at()) / 1000,
                        });
                        Got::Listed(listed.collect())
                    }))
                }
            }
        })
    }

    fn settled(&self, slot: usize, stored: &Fields) {
        let mut copies = self.copies.borrow_mut();
        let Some(copy) = copies[slot].as_mut() else {
            return;
        };
        for (name, value) in copy.session.fields() {
            let stored = stored.get(name).copied().unwrap_or(value);
            // A change that was made while an earlier write of unknown outcome was finished stays unsaved.
            copy.base.insert(name, stored);
            match stored == value {
                true => copy.unsaved.remove(name),
                false => copy.unsaved.insert(name, vec![value]),
            };
        }
    }
}
