//! A client: its copies of sessions, and how it runs an operation.

mod copy;
mod pending;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use session_store::{
    DynamoDbStore, Error, ReadConsistency, Revoked, Session, SessionHandle, SessionId,
    SessionSummary, StoredSession, Updated,
};

pub use self::copy::Stored;
use self::copy::{Copies, Copy, Lent};
pub use self::pending::Pending;
use crate::binaries::{Fields, Program};
use crate::plan::{self, Act, Set};

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
    Found(Listed, Fields),
    Revoked(Revoked),
    Updated(Updated),
}

/// The visible state of a copy.
pub struct Seen {
    pub id: SessionId,
    pub handle: String,
    pub version: u64,
    pub created_at: u64,
    pub expires_at: u64,
    pub authenticated_at: Option<u64>,
    pub fields: Fields,
    /// The handles of the sessions that were evicted for it.
    pub evicted: Vec<String>,
    /// The version that its client may ask for from now on.
    pub written_version: Option<u64>,
}

#[derive(Debug)]
pub struct Listed {
    pub handle: String,
    pub created_at: u64,
    pub expires_at: u64,
}

/// How a load reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    #[default]
    Consistent,
    Eventual,
    /// It may return a stale item, but none older than this version, which its client has written or seen.
    AtLeast(u64),
    /// It may be answered from the cache of its host, by no older version than this one.
    Cached(u64),
}

pub type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// A client, with any program.
pub trait Hand {
    /// How it would load this session, if it passes on the version that it knows.
    fn reads(&self, id: &SessionId, passes_on: bool) -> Reads;
    /// The handle of its copy, and its unsaved changes after those of this operation.
    /// At this time of its clock.
    fn prepare(&self, act: &Act, now: u64) -> Option<(String, Pending)>;
    fn begin(
        &self,
        act: &Act,
        id: Option<SessionId>,
        except: Option<SessionId>,
        reads: Reads,
    ) -> Running;
    /// What is stored of its copy, after a write was acknowledged, or after it was read.
    fn settled(&self, slot: usize, stored: &Stored, has_written: bool);
    /// The same after an operation was dropped: the copy may know of it or not.
    fn perhaps_settled(&self, slot: usize, stored: &Fields);
    /// Its copy as it is now.
    fn copy(&self, slot: usize) -> Option<Seen>;
    /// Another client of the same host.
    fn beside(&self, plan: &plan::Client, versions: Rc<RefCell<Versions>>) -> Box<dyn Hand>;
}

pub struct Client<S> {
    store: DynamoDbStore<S>,
    reads: ReadConsistency,
    has_cache: bool,
    copies: Copies<S>,
    versions: Rc<RefCell<Versions>>,
}

/// The version of each session after the last write of a browser, if the operation returned it.
pub type Versions = BTreeMap<SessionHandle, u64>;

impl<S: Program> Client<S> {
    pub fn new(
        store: DynamoDbStore<S>,
        plan: &plan::Client,
        versions: Rc<RefCell<Versions>>,
        slots: usize,
    ) -> Self {
        Self {
            store,
            reads: plan.reads,
            has_cache: plan.cache.is_some(),
            copies: Rc::new(RefCell::new((0..slots).map(|_| None).collect())),
            versions,
        }
    }
}

fn take_note<S>(versions: &RefCell<Versions>, session: &Session<S>) {
    let mut versions = versions.borrow_mut();
    match Session::written_version(session) {
        // An answer to another client of the browser may have come first.
        Some(version) => {
            let known = versions.entry(session.handle()).or_default();
            *known = version.max(*known);
        }
        None => {
            versions.remove(&session.handle());
        }
    }
}

fn seen<S: Program>(session: &Session<S>) -> Seen {
    let evicted = Session::evicted(session);
    Seen {
        id: session.id().clone(),
        handle: session.handle().to_string(),
        version: session.version(),
        created_at: millis(session.created_at()),
        expires_at: millis(session.expires_at()) / 1000,
        authenticated_at: Session::authenticated_at(session).map(millis),
        fields: session.fields(),
        evicted: evicted.iter().map(ToString::to_string).collect(),
        written_version: Session::written_version(session),
    }
}

fn listed(session: &SessionSummary) -> Listed {
    Listed {
        handle: session.handle().to_string(),
        created_at: millis(session.created_at()),
        expires_at: millis(session.expires_at()) / 1000,
    }
}

/// Changes fields, and adds one to the counter.
fn counted<S: Program>(session: &mut S, set: &Set) -> u64 {
    for (name, value) in set {
        *session.field(name) = *value;
    }
    *session.count() += 1;
    *session.count()
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

impl<S: Program> Hand for Client<S> {
    fn reads(&self, id: &SessionId, passes_on: bool) -> Reads {
        let versions = self.versions.borrow();
        let version = versions.get(&id.handle()).filter(|_| passes_on);
        match (self.reads, version) {
            (_, Some(version)) if self.has_cache => Reads::Cached(*version),
            (ReadConsistency::Eventual, _) => Reads::Eventual,
            (ReadConsistency::ReadYourWrites, Some(version)) => Reads::AtLeast(*version),
            _ => Reads::Consistent,
        }
    }

    fn prepare(&self, act: &Act, now: u64) -> Option<(String, Pending)> {
        let slot = act.copy()?;
        let mut copies = self.copies.borrow_mut();
        let copy = copies[slot].as_mut()?;
        Some((copy.session.handle().to_string(), copy.pending(act, now)))
    }

    fn begin(
        &self,
        act: &Act,
        id: Option<SessionId>,
        except: Option<SessionId>,
        reads: Reads,
    ) -> Running {
        let store = self.store.clone();
        let copies = Rc::clone(&self.copies);
        let act = act.clone();
        let lent = act.copy().map(|slot| {
            let copies = (Rc::clone(&self.copies), Rc::clone(&self.versions));
            Lent::of(copies, slot, &act)
        });
        let known = move || id.expect("an operation on a session that is known");
        let versions = Rc::clone(&self.versions);
        let keep = move |slot: usize, session: Session<S>| {
            take_note(&versions, &session);
            copies.borrow_mut()[slot] = Some(Copy::of(session));
        };
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
                        Reads::AtLeast(version) | Reads::Cached(version) => {
                            store.load_at_least(&known(), version).await
                        }
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
                    let change = |session: &mut S| counted(session, &set);
                    alone(store.update(&known(), change).await.map(Got::Count))
                }
                Act::UpdateHandle(_, set) => {
                    let change = |session: &mut S| counted(session, &set);
                    let handle = known().handle();
                    alone(store.update_handle(handle, change).await.map(Got::Count))
                }
                Act::Find(_, user) => {
                    let handle = known().handle();
                    let found = match user {
                        None => store.find(handle).await,
                        Some(user) => S::sessions(&store, user).find(handle).await,
                    };
                    alone(found.map(|found| match found {
                        None => Got::Absent,
                        Some(found) => {
                            let line = listed(StoredSession::summary(&found));
                            Got::Found(line, found.fields())
                        }
                    }))
                }
                Act::Save(..)
                | Act::Touch(_)
                | Act::Cycle(..)
                | Act::LogIn(..)
                | Act::Reauthenticate(..)
                | Act::Refresh(_) => {
                    let mut lent = lent.expect("it was taken");
                    let session = &mut lent.copy().session;
                    let got = match act {
                        Act::Save(..) => store.save(session).await,
                        Act::Touch(_) => store.touch(session).await,
                        Act::Refresh(_) => store.refresh(session).await,
                        Act::LogIn(..) => store.log_in(session).await,
                        Act::Reauthenticate(..) => store.reauthenticated(session).await,
                        _ => store.cycle_id(session).await,
                    };
                    let copy = Some(seen(session));
                    lent.end(&got);
                    let got = got.map(|()| Got::Done);
                    Outcome { got, copy }
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
                Act::UpdateAll(user) => alone(S::count_all(&store, user).await.map(Got::Updated)),
                Act::List(user) => {
                    let all = S::sessions(&store, user).all().await;
                    alone(all.map(|all| Got::Listed(all.iter().map(listed).collect())))
                }
            }
        })
    }

    fn settled(&self, slot: usize, stored: &Stored, has_written: bool) {
        if let Some(copy) = &mut self.copies.borrow_mut()[slot] {
            copy.settle(stored, has_written);
        }
    }

    fn perhaps_settled(&self, slot: usize, stored: &Fields) {
        if let Some(copy) = &mut self.copies.borrow_mut()[slot] {
            copy.perhaps_settle(stored);
        }
    }

    fn copy(&self, slot: usize) -> Option<Seen> {
        let copies = self.copies.borrow();
        copies[slot].as_ref().map(|copy| seen(&copy.session))
    }

    fn beside(&self, plan: &plan::Client, versions: Rc<RefCell<Versions>>) -> Box<dyn Hand> {
        let slots = self.copies.borrow().len();
        Box::new(Self::new(self.store.clone(), plan, versions, slots))
    }
}
