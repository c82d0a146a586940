//! The session of one request, from its load to its save.

mod at_once;
mod new_id;
mod store;
mod told;

use std::time::SystemTime;

use crate::error::Error;
use crate::id::{SessionHandle, SessionId};
use crate::item::{CookieLife, TimeoutChange};
use crate::session::{NewId, Session};

use super::cookie::{CredentialUpdate, Via};
use super::ending::Ending;

pub(crate) use self::store::again;

/// The session of one request, and the changes that a handler asked for.
pub(crate) struct RequestSession<S> {
    pub(crate) current: Current<S>,
    standing: Standing,
    ending: Ending,
    received: Received,
    /// The new id that the handler has asked for.
    pub(crate) new_id: Option<NewId>,
    /// Whether the store may touch it.
    pub(crate) touch: bool,
    /// A save by the handler failed, and the handler has the error.
    pub(crate) save_failed: bool,
    /// Timeouts that the handler has set.
    pub(crate) timeouts: TimeoutChange,
    /// The session that this request has ended.
    ended: Option<SessionHandle>,
    /// The response has begun, so that the client can be told nothing more.
    pub(super) is_answered: bool,
    /// How long the client is to keep its cookie, if the handler has chosen.
    pub(crate) chosen_cookie: Option<CookieLife>,
    /// The version that was read.
    read: Option<u64>,
    /// How the client gets its id, if the handler has chosen.
    pub(crate) via: Option<Via>,
    /// The change of the client's credential.
    pub(super) update: CredentialUpdate,
}

/// What a request has brought with it.
pub(super) struct Received {
    /// How long the client keeps its cookie by the layer's settings; `None` if it has none.
    pub(super) cookie: Option<CookieLife>,
    /// The sessions for which the client has the cookie of a log-in, and those of them that are over.
    pub(super) log_ins: Vec<SessionHandle>,
    pub(super) over: Vec<SessionHandle>,
    /// The ids that name no session, but for which there is an item: a log-out has to know them.
    pub(super) kept: Vec<SessionHandle>,
    /// The version that the client has sent for the session.
    pub(super) version: Option<u64>,
    /// The client has logged out a while ago.
    pub(super) has_logged_out: bool,
    /// The ids that the client has sent after that of the session. They may name sessions, too.
    pub(super) untried: Vec<SessionId>,
    /// When somebody logged in to the session, if the client has the cookie of that.
    pub(super) logged_in_at: Option<SystemTime>,
    /// The client has the id of the session in the cookie of a log-in alone.
    pub(super) is_overwritten: bool,
}

/// The session as the handler sees it.
pub(crate) enum Current<S> {
    /// There is no session, and nobody has asked for one.
    Absent,
    /// There is no session yet, but data for one. `before` is that before the first mutable access.
    New {
        data: S,
        before: Option<Box<S>>,
    },
    Existing(Box<Session<S>>),
}

/// Whether a request without a session can begin one.
pub(crate) enum Standing {
    Free,
    /// The client's session has got a new id a moment ago, and another response gives it to the client. A
    /// session that began now would replace it there (G18).
    Replaced(SessionHandle),
    /// The browser calls the request cross-site, and has kept its cookie back. The visitor may have a
    /// session, which one that began now would replace (G18).
    Withheld,
    /// The read failed, and nothing is written after a failed read (G10). The error is for a log-in.
    Failed(Option<Error>),
}

impl<S> RequestSession<S> {
    pub(super) fn new(
        session: Option<Box<Session<S>>>,
        standing: Standing,
        received: Received,
        ending: Ending,
    ) -> Self {
        Self {
            read: session.as_deref().and_then(Session::written_version),
            current: session.map_or(Current::Absent, Current::Existing),
            standing,
            ending,
            received,
            new_id: None,
            touch: true,
            save_failed: false,
            timeouts: TimeoutChange::default(),
            ended: None,
            is_answered: false,
            chosen_cookie: None,
            via: None,
            update: CredentialUpdate::default(),
        }
    }

    /// Ends the session as the handler knows it.
    pub(crate) fn end(&mut self) {
        if let Current::Existing(session) = std::mem::replace(&mut self.current, Current::Absent) {
            self.ended = Some(session.handle());
            // A change of id whose outcome is unknown may have been applied.
            let cycled = session.cycle.map(|cycle| cycle.id);
            self.ending.begin([session.id].into_iter().chain(cycled));
        }
        self.save_failed = false;
        self.forget_requests();
        if !matches!(self.standing, Standing::Failed(_)) {
            // What the client has is over.
            self.standing = Standing::Free;
        }
    }

    /// Notes that the response has begun. What goes on after that, such as a socket, can last for hours, so that
    /// from now on it counts whether the session has expired meanwhile.
    pub(super) fn note_answer(&mut self) {
        self.is_answered = true;
        if let Current::Existing(session) = &mut self.current {
            session.state.as_of = None;
        }
    }

    /// Takes back all changes that are not stored, but not a log-out.
    pub(crate) fn discard(&mut self) {
        match &mut self.current {
            Current::Absent => {}
            Current::New { data, before } => {
                if let Some(before) = before.take() {
                    *data = *before;
                }
            }
            Current::Existing(session) => session.discard(),
        }
        self.save_failed = false;
        self.forget_requests();
    }

    /// Whether it is not known which id the session has.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(&self.current, Current::Existing(session) if session.cycle.is_some())
    }

    /// Whether the changes need a cookie, as far as it is known before they are stored.
    pub(crate) fn needs_cookie(&self) -> bool {
        match &self.current {
            _ if self.new_id == Some(NewId::LoggedIn) => true,
            Current::Absent => false,
            Current::New { before, .. } => {
                before.is_some() && matches!(self.standing, Standing::Free)
            }
            Current::Existing(session) => self.new_id.is_some() || session.cycle.is_some(),
        }
    }

    fn forget_requests(&mut self) {
        self.new_id = None;
        self.timeouts = TimeoutChange::default();
        self.chosen_cookie = None;
    }

    /// Whether there may be changes that are not stored.
    pub(super) fn has_changes(&self) -> bool {
        match &self.current {
            Current::Absent => false,
            Current::New { before, .. } => before.is_some() || self.new_id == Some(NewId::LoggedIn),
            Current::Existing(session) => {
                session.unsaved().is_some()
                    || session.cycle.is_some()
                    || self.new_id.is_some()
                    || !self.timeouts.is_empty()
            }
        }
    }
}

/// The changes that are not stored, at one moment.
pub(crate) struct Snapshot<S> {
    /// `None` if there is neither a session nor data for one.
    data: Option<S>,
    before: Option<Box<S>>,
    new_id: Option<NewId>,
}

impl<S: Clone> RequestSession<S> {
    pub(crate) fn snapshot(&self) -> Snapshot<S> {
        let (data, before) = match &self.current {
            Current::Absent => (None, None),
            Current::New { data, before } => (Some(data.clone()), before.clone()),
            Current::Existing(session) => (Some(S::clone(session)), None),
        };
        Snapshot {
            data,
            before,
            new_id: self.new_id,
        }
    }

    /// Takes back what was changed since.
    pub(crate) fn restore(&mut self, snapshot: Snapshot<S>) {
        let Snapshot {
            data,
            before,
            new_id,
        } = snapshot;
        self.new_id = new_id;
        match (&mut self.current, data) {
            (Current::Existing(session), Some(data)) => session.restore(data),
            (Current::New { .. }, Some(data)) => self.current = Current::New { data, before },
            (Current::New { .. }, None) => self.current = Current::Absent,
            (Current::Absent, _) | (Current::Existing(_), None) => {}
        }
    }
}

impl<S: Default> RequestSession<S> {
    /// Gives a request without a session the data for one.
    pub(crate) fn fill(&mut self) {
        if let Current::Absent = self.current {
            self.current = Current::New {
                data: S::default(),
                before: None,
            };
        }
    }
}

impl<S: Clone> Current<S> {
    /// `None` if there is no session, and no data for one.
    pub(crate) fn get_mut(&mut self) -> Option<&mut S> {
        match self {
            Self::Absent => None,
            Self::New { data, before } => {
                before.get_or_insert_with(|| Box::new(data.clone()));
                Some(data)
            }
            Self::Existing(session) => Some(session),
        }
    }
}

impl<S> RequestSession<S> {
    pub(crate) fn session(&self) -> Option<&Session<S>> {
        match &self.current {
            Current::Existing(session) => Some(session),
            Current::Absent | Current::New { .. } => None,
        }
    }

    /// Lets a cross-site request begin a session.
    pub(crate) fn allow_cross_site(&mut self) {
        if let Standing::Withheld = self.standing {
            self.standing = Standing::Free;
        }
    }

    /// How long the client is to keep its cookie.
    fn cookie_life(&self) -> Option<CookieLife> {
        let noted = self.session().and_then(|session| session.state.cookie_end);
        let noted = noted.map(|end| match end {
            0 => CookieLife::Browser,
            _ => CookieLife::Persistent,
        });
        let usual = self.received.cookie?;
        Some(self.chosen_cookie.or(noted).unwrap_or(usual))
    }
}
