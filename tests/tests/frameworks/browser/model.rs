//! Who a browser can be, given what it was answered.
//!
//! | | property |
//! |---|---|
//! | P1 | after an answered log-in, the browser is that user, until it says otherwise or its time is over |
//! | P2 | after an answered log-out, it is nobody, and its sessions are gone, under any id |
//! | P3 | no response that arrives later undoes either |
//! | P4 | nobody is locked out: without a fault of the store, no request fails |
//! | P5 | nobody is a user that this browser did not log in as |
//! | P6 | a log-out that failed says so, and it does not fail because of a read |
//! | P7 | no page shows a browser an older version than that of its own last answered write |
//! | P8 | no page shows a session that its host has ended, or an older version than its host has written; and what another host did is shown when the time of the cache is over |
//!
//! A log-in or log-out is undone by another one only if that one came later in both orders: that in which
//! the server finished them, and that in which their responses arrived. Otherwise either may count. A log-out
//! undoes only what was answered before it was sent.

use std::collections::BTreeSet;

use super::shop::{ABSOLUTE, Action, IDLE};

/// A user, or nobody.
pub(super) type Who = Option<String>;

/// A change of who the browser is.
struct Change {
    /// The request, unless it was not one.
    request: Option<usize>,
    makes: BTreeSet<Who>,
    /// The user was revoked when the server had finished the log-in.
    is_revoked: bool,
    /// It was answered as done. Otherwise it may have happened or not.
    is_certain: bool,
    /// When a log-out was sent: it ends what the browser had then.
    sent: Option<u64>,
    /// When the server finished it, and when its response arrived; not yet, if it is the largest number.
    ended: u64,
    arrived: u64,
}

/// The time that a use gives to a session at least: by default, it is not touched before a tenth of its idle
/// timeout is over.
const USED: u64 = IDLE - IDLE / 10;

const NOT_YET: u64 = u64::MAX;

pub(super) struct Expected {
    changes: Vec<Change>,
    /// Until when the session is live at least.
    idle_end: u64,
    absolute_end: u64,
}

impl Expected {
    pub(super) fn nobody() -> Self {
        let first = Change {
            request: None,
            makes: [None].into(),
            is_revoked: false,
            is_certain: true,
            sent: None,
            ended: 0,
            arrived: 0,
        };
        Self {
            changes: vec![first],
            idle_end: 0,
            absolute_end: 0,
        }
    }

    pub(super) fn send(&mut self, request: usize, action: &Action, moment: u64) {
        let makes = match action {
            Action::LogIn(user) => [Some(user.clone()), None].into(),
            // Until the new id arrives, the browser has the old one.
            Action::LogOut | Action::Renew => [None].into(),
            _ => return,
        };
        self.changes.push(Change {
            request: Some(request),
            makes,
            is_revoked: false,
            is_certain: false,
            sent: (*action == Action::LogOut).then_some(moment),
            ended: NOT_YET,
            arrived: NOT_YET,
        });
    }

    pub(super) fn end(&mut self, request: usize, moment: u64) {
        if let Some(change) = self.of(request) {
            change.ended = moment;
        }
    }

    /// A response arrived, of a request that the server had finished at this time.
    pub(super) fn arrive(&mut self, request: usize, action: &Action, moment: u64, time: u64) {
        let Some(change) = self.of(request) else {
            return;
        };
        change.arrived = moment;
        change.is_certain = true;
        match action {
            Action::LogIn(user) => {
                if !change.is_revoked {
                    change.makes = [Some(user.clone())].into();
                }
                self.idle_end = time + IDLE;
                self.absolute_end = time + ABSOLUTE;
            }
            Action::LogOut => {}
            _ => self.forget(request),
        }
    }

    /// The request has changed nothing, for certain.
    pub(super) fn forget(&mut self, request: usize) {
        self.changes
            .retain(|change| change.request != Some(request));
    }

    /// It is not known whether the request was carried out, and no more will be known of it.
    pub(super) fn give_up(&mut self, request: usize, moment: u64) {
        if let Some(change) = self.of(request) {
            change.ended = change.ended.min(moment);
            change.arrived = moment;
        }
    }

    /// The browser may be one of these from now on.
    pub(super) fn perhaps(&mut self, makes: impl IntoIterator<Item = Who>, moment: u64) {
        self.note(makes.into_iter().collect(), false, moment);
    }

    /// All sessions of the user have ended.
    pub(super) fn revoke(&mut self, moment: u64) {
        let on_their_way = self.changes.iter_mut();
        for change in on_their_way.filter(|change| change.ended < moment) {
            change.is_revoked = true;
        }
        self.note([None].into(), true, moment);
    }

    fn note(&mut self, makes: BTreeSet<Who>, is_certain: bool, moment: u64) {
        self.changes.push(Change {
            request: None,
            makes,
            is_revoked: false,
            is_certain,
            sent: None,
            ended: moment,
            arrived: moment,
        });
    }

    /// The session was used at this time.
    pub(super) fn used(&mut self, time: u64) {
        self.idle_end = self.idle_end.max(time + USED);
    }

    /// Whether the idle timeout of a session that was used then is not over.
    pub(super) fn is_live_since(used: u64, time: u64) -> bool {
        time + 1000 < used + USED
    }

    /// Whether the session may have expired; both timeouts are in whole seconds.
    pub(super) fn may_have_expired(&self, time: u64) -> bool {
        time + 1000 >= self.idle_end.min(self.absolute_end)
    }

    /// All that the browser can be now.
    pub(super) fn now(&self) -> BTreeSet<Who> {
        let is_undone = |change: &Change| {
            let by = |later: &Change| {
                let is_later = later.ended > change.ended && later.arrived > change.arrived;
                // A log-out that was sent before the answer to a log-in does not know of it.
                let knows = later.sent.is_none_or(|sent| sent > change.arrived);
                later.is_certain && is_later && knows
            };
            self.changes.iter().any(by)
        };
        let count = self.changes.iter().filter(|change| !is_undone(change));
        count.flat_map(|change| change.makes.clone()).collect()
    }

    fn of(&mut self, request: usize) -> Option<&mut Change> {
        let mut changes = self.changes.iter_mut();
        changes.find(|change| change.request == Some(request))
    }
}
