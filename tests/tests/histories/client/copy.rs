//! A client's copy of a session, and its changes that may not be stored.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_store::{Error, Session, SessionHandle};

use super::{Pending, Versions, millis, take_note};
use crate::binaries::{Fields, Program};
use crate::plan::{Act, NewId};

/// A client's copy of a session.
pub struct Copy<S> {
    /// No two copies have the same.
    number: u64,
    pub session: Session<S>,
    /// The fields at the load, or at the last save.
    base: Fields,
    /// The changes that are not acknowledged yet, with each value that may still be stored.
    unsaved: BTreeMap<&'static str, Vec<Option<u64>>>,
    /// A new idle timeout that is not acknowledged yet.
    idle: Option<Idle>,
    /// New absolute timeouts that are not acknowledged yet.
    absolute: Vec<Option<u64>>,
    /// The changes to store with a change of id that is not finished.
    cycling: Option<Pending>,
    /// The operation that works on it may resume that.
    resumed: bool,
    /// The changes to store with a log-in that finishes this one first.
    then: Option<Pending>,
}

#[derive(Clone, Copy)]
struct Idle {
    seconds: Option<u64>,
    /// The next write must store it. Otherwise it may be stored already, and the copy may know that.
    must: bool,
}

/// What is stored of a copy.
pub struct Stored {
    pub fields: Fields,
    pub idle: Option<u64>,
}

/// How an operation on a copy ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Failed,
    /// It is not known whether it was carried out.
    Unknown,
}

impl<S: Program> Copy<S> {
    pub fn of(session: Session<S>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            base: session.fields(),
            unsaved: BTreeMap::new(),
            idle: None,
            absolute: Vec::new(),
            cycling: None,
            resumed: false,
            then: None,
            session,
        }
    }

    /// Makes the changes of an operation.
    fn change(&mut self, act: &Act) {
        let mut changed = match act {
            Act::Save(..) => act.clone(),
            _ if act.new_id().is_some() => act.clone(),
            _ => return,
        };
        for (name, value) in changed.set().into_iter().flatten() {
            *self.session.field(name) = *value;
            self.unsaved.entry(name).or_default().push(*value);
        }
        if let (Some(absolute), None) = (act.absolute(), &self.cycling) {
            let chosen = absolute.map(Duration::from_secs);
            Session::set_absolute_timeout(&mut self.session, chosen);
            self.absolute.push(absolute);
        }
        if let Act::Save(_, _, Some(idle)) = act {
            Session::set_idle_timeout(&mut self.session, idle.map(Duration::from_secs));
            self.idle = Some(Idle {
                seconds: *idle,
                must: true,
            });
        }
    }

    /// Makes the changes of an operation that begins now. Gives those that it must and may store.
    pub fn pending(&mut self, act: &Act, now: u64) -> Pending {
        let fresh = self.unsaved.is_empty() && self.idle.is_none() && self.absolute.is_empty();
        self.change(act);
        self.resumed = self.cycling.is_some();
        let idle = self.idle;
        let mut pending = Pending {
            copy: self.number,
            must: self.session.fields(),
            may: self.unsaved.clone(),
            idle: idle.is_some(),
            new_idle: idle.filter(|idle| idle.must).map(|idle| idle.seconds),
            absolute: self.absolute.clone(),
            pinned: idle.is_some() || S::PINNED,
            fresh,
            resumed: self.resumed,
            first: None,
            touched_at: millis(Session::touched_at(&self.session)),
            fields: self.session.fields(),
            begun: now,
            new_id: act.new_id(),
            asked: Some(now),
        };
        pending.must.retain(|name, value| self.base[name] != *value);
        let begun = self.cycling.as_ref();
        let another = begun.filter(|begun| is_another(act, begun.new_id));
        if let Some(begun) = another {
            self.then = Some(Pending {
                asked: None,
                ..pending.clone()
            });
            pending.begun = begun.begun;
            pending.asked = begun.asked;
            if begun.new_id == Some(NewId::LoggedIn) && pending.new_id == begun.new_id {
                // If it has no other changes, it is sent unchanged.
                pending
                    .must
                    .retain(|name, value| begun.must.get(name) == Some(value));
            } else {
                // It is finished first. What it has stored may have been changed by others since.
                pending
                    .must
                    .retain(|name, value| begun.must.get(name) != Some(value));
                pending.new_id = begun.new_id;
            }
        } else if act.new_id().is_some() {
            // A change of id that is resumed is sent unchanged, unless it must begin again.
            let begun = self.cycling.get_or_insert_with(|| pending.clone()).clone();
            pending
                .must
                .retain(|name, value| begun.must.get(name) == Some(value));
            pending.begun = begun.begun;
            pending.new_id = begun.new_id;
            pending.asked = begun.asked;
        } else if let Some(begun) = &self.cycling {
            // The same here, where it comes before the write.
            let (mut first, must) = (pending.must.clone(), &mut pending.must);
            first.retain(|name, value| begun.must.get(name) == Some(value));
            if let Act::Save(..) = act {
                must.retain(|name, _| !first.contains_key(name));
            }
            pending.first = Some(first);
            pending.begun = begun.begun;
            pending.new_id = begun.new_id;
            pending.asked = begun.asked;
        }
        pending
    }

    /// An operation has ended or was dropped, which found the session under this handle.
    fn end(&mut self, act: &Act, before: SessionHandle, end: End) {
        let has_new_id = self.session.handle() != before;
        let then = self.then.take();
        match act {
            _ if end != End::Unknown => self.cycling = None,
            // The first change of id is finished, and it does not know whether its own is.
            _ if act.new_id().is_some() && has_new_id => self.cycling = then,
            _ if has_new_id => self.cycling = None,
            _ => {}
        }
        let stores = match act {
            Act::Save(..) => true,
            _ => act.new_id().is_some() && !self.resumed,
        };
        if end == End::Done && stores {
            self.idle = None;
            self.absolute.clear();
        }
        if end != End::Done {
            // A change that was applied to the state of others includes their changes.
            for (name, value) in self.session.fields() {
                if !self.unsaved.contains_key(name) {
                    self.base.insert(name, value);
                }
            }
        }
    }

    /// This is stored. If the copy has only read it, a change stays unsaved: the next save stores it, whatever others
    /// have stored by then.
    pub fn settle(&mut self, stored: &Stored, has_written: bool) {
        for (name, value) in self.session.fields() {
            let stored = stored.fields.get(name).copied().unwrap_or(value);
            // A change that was made while an earlier write of unknown outcome was finished stays unsaved.
            self.base.insert(name, stored);
            if stored != value {
                self.unsaved.insert(name, vec![value]);
            } else if has_written {
                self.unsaved.remove(name);
            }
        }
        if let Some(idle) = &mut self.idle {
            idle.must = idle.seconds != stored.idle;
        }
    }

    /// A write was carried out and dropped: the copy may know that this is stored, or may store it again.
    pub fn perhaps_settle(&mut self, stored: &Fields) {
        let fields = self.session.fields();
        let same = stored
            .iter()
            .filter(|(name, value)| fields.get(*name) == Some(*value));
        self.base.extend(same);
        if let Some(idle) = &mut self.idle {
            idle.must = false;
        }
    }
}

/// Whether a change of id is not just the one that was begun: that is finished first. A log-in with other changes
/// finishes an earlier log-in, too.
fn is_another(act: &Act, begun: Option<NewId>) -> bool {
    match act {
        Act::LogIn(..) => true,
        Act::Reauthenticate(..) => begun != Some(NewId::Reauthenticated),
        _ => false,
    }
}

pub type Copies<S> = Rc<RefCell<Vec<Option<Copy<S>>>>>;

/// A copy that an operation works on. It comes back when the operation ends or is dropped.
pub struct Lent<S: Program> {
    /// There until it is given back.
    copy: Option<Copy<S>>,
    copies: Copies<S>,
    versions: Rc<RefCell<Versions>>,
    slot: usize,
    act: Act,
    before: SessionHandle,
    end: End,
}

impl<S: Program> Lent<S> {
    pub fn of(
        (copies, versions): (Copies<S>, Rc<RefCell<Versions>>),
        slot: usize,
        act: &Act,
    ) -> Self {
        let copy = copies.borrow_mut()[slot].take();
        let before = copy.as_ref().map(|copy| copy.session.handle());
        Self {
            copy,
            copies,
            versions,
            slot,
            act: act.clone(),
            before: before.expect("an operation on a copy that is there"),
            end: End::Unknown,
        }
    }

    pub fn copy(&mut self) -> &mut Copy<S> {
        self.copy.as_mut().expect("it is not given back yet")
    }

    /// The operation has ended, and was not dropped.
    pub fn end(mut self, got: &Result<(), Error>) {
        let unknown = match got {
            Ok(()) => false,
            Err(Error::Service(error)) => error.outcome_unknown(),
            Err(Error::Conflict(error)) => error.outcome_unknown(),
            Err(_) => false,
        };
        self.end = match got {
            Ok(()) => End::Done,
            Err(_) if unknown => End::Unknown,
            Err(_) => End::Failed,
        };
    }
}

impl<S: Program> Drop for Lent<S> {
    fn drop(&mut self) {
        if let Some(mut copy) = self.copy.take() {
            take_note(&self.versions, &copy.session);
            copy.end(&self.act, self.before, self.end);
            self.copies.borrow_mut()[self.slot] = Some(copy);
        }
    }
}
