//! The session of one request, from its load to its save.

mod store;

use std::time::SystemTime;

use crate::error::Error;
use crate::id::{SessionHandle, SessionId};
use crate::item::{CookieLife, TimeoutChange};
use crate::session::Session;
use crate::store::NewId;

use super::cookie::{CredentialUpdate, Via};
use super::ending::Ending;

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
    /// The ids that the client has sent after that of the session. They may name sessions, too.
    pub(super) untried: Vec<SessionId>,
    /// When somebody logged in to the session, if the client has the cookie of that.
    pub(super) logged_in_at: Option<SystemTime>,
    /// The client has the id of the session in the cookie of a log-in alone.
    pub(super) is_overwritten: bool,
}

/// The session as the handler sees it.
pub(crate) enum Current<S> {
    /// There is no session yet. `before` is the data before the first mutable access.
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

impl<S: Default> RequestSession<S> {
    pub(super) fn new(
        session: Option<Box<Session<S>>>,
        standing: Standing,
        received: Received,
        ending: Ending,
    ) -> Self {
        Self {
            read: session.as_deref().and_then(Session::written_version),
            current: session.map_or_else(Current::absent, Current::Existing),
            standing,
            ending,
            received,
            new_id: None,
            touch: true,
            save_failed: false,
            timeouts: TimeoutChange::default(),
            chosen_cookie: None,
            via: None,
            update: CredentialUpdate::default(),
        }
    }

    /// Ends the session as the handler knows it.
    pub(crate) fn end(&mut self) {
        if let Current::Existing(session) = std::mem::replace(&mut self.current, Current::absent())
        {
            // A change of id whose outcome is unknown may have been applied.
            let cycled = session.cycle.map(|cycle| cycle.id);
            self.ending.begin([session.id].into_iter().chain(cycled));
        }
        self.save_failed = false;
        self.new_id = None;
        self.timeouts = TimeoutChange::default();
        self.chosen_cookie = None;
        if !matches!(self.standing, Standing::Failed(_)) {
            // What the client has is over.
            self.standing = Standing::Free;
        }
    }
}

impl<S: Default> Current<S> {
    fn absent() -> Self {
        Self::New {
            data: S::default(),
            before: None,
        }
    }
}

impl<S: Clone> Current<S> {
    pub(crate) fn get_mut(&mut self) -> &mut S {
        match self {
            Self::New { data, before } => {
                before.get_or_insert_with(|| Box::new(data.clone()));
                data
            }
            Self::Existing(session) => session,
        }
    }
}

impl<S> RequestSession<S> {
    pub(crate) fn session(&self) -> Option<&Session<S>> {
        match &self.current {
            Current::Existing(session) => Some(session),
            Current::New { .. } => None,
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
