//! The entries of a roster from which the pages of a list are made.

use std::collections::{HashSet, VecDeque};

use crate::id::SessionHandle;
use crate::item::{Member, Window};

use super::position::Position;

/// The entries of a roster whose sessions are still to be shown, in the order of the list.
pub(super) struct Entries {
    left: VecDeque<Member>,
    /// All entries so far, by which new ones are recognised.
    known: HashSet<SessionHandle>,
    window: Window,
    /// The list goes on from here.
    start: Option<Position>,
}

impl Entries {
    pub(super) fn of(members: Vec<Member>, window: Window, start: Option<&Position>) -> Self {
        let known = members.iter().map(|entry| entry.handle).collect();
        let mut left: Vec<_> = members
            .into_iter()
            .filter(|entry| window.has(entry.created_at))
            .filter(|entry| start.is_none_or(|start| is_behind(entry, start, window)))
            .collect();
        left.sort_by(|one, other| window.order(one, other));
        Self {
            left: left.into(),
            known,
            window,
            start: start.cloned(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn take(&mut self, n: usize) -> Vec<Member> {
        self.left.drain(..n.min(self.left.len())).collect()
    }

    /// Those of these entries that are new and belong on this page. New entries for later pages are kept.
    /// One that would be before this page may be of a session that has logged in anew meanwhile.
    pub(super) fn take_new(&mut self, members: Vec<Member>, page: &[Member]) -> Vec<Member> {
        let window = self.window;
        let last = page
            .iter()
            .copied()
            .max_by(|one, other| window.order(one, other));
        let (known, start) = (&mut self.known, self.start.as_ref());
        let new = members
            .into_iter()
            .filter(|entry| known.insert(entry.handle) && window.has(entry.created_at))
            .filter(|entry| start.is_none_or(|start| is_behind(entry, start, window)));
        let is_last = self.left.is_empty();
        let (now, later): (Vec<_>, Vec<_>) = new.partition(|entry| {
            is_last
                || last.is_some_and(|last| {
                    entry.created_at == last.created_at || window.order(entry, &last).is_lt()
                })
        });
        self.left.extend(later);
        let left = self.left.make_contiguous();
        left.sort_by(|one, other| window.order(one, other));
        now
    }
}

/// Whether an entry comes after this position in the list.
fn is_behind(entry: &Member, start: &Position, window: Window) -> bool {
    // A roster is one partition. The token may be from when the index had several.
    let Some(handle) = start.last_of(0) else {
        return match window.oldest_first {
            true => entry.created_at >= start.created_at,
            false => entry.created_at <= start.created_at,
        };
    };
    let last = Member {
        handle,
        created_at: start.created_at,
    };
    window.order(entry, &last).is_gt()
}
