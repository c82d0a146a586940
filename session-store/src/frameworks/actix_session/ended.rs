//! What `delete` tells the `save` that follows it.
//!
//! To the framework, a new key is a `delete` and a `save`, and the saved state may come from a session that was
//! revoked since it was loaded. Only the delete finds that out, and the trait gives it no way to tell the save.
//! So it leaves the session here, and the save of the same session, in the same task, takes it.
//!
//! A worker of actix-web has many requests on one thread, each in a task of its own or one after the other. The
//! framework's middleware awaits nothing between the two calls, but a store of the application around this one
//! can, and then other requests come in between. They have other sessions, or other tasks. If two requests of
//! one session share a task, at most one of them gets it, and the other stores nothing.

use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::task;

use crate::id::SessionHandle;

use super::operations::Ended;

/// The most sessions that are kept for a thread. A log-out leaves one that no `save` takes, and newer ones push
/// it out.
const MAX_KEPT: usize = 32;

struct Kept {
    /// `None` outside of any task.
    task: Option<task::Id>,
    ended: Ended,
}

thread_local! {
    static KEPT: RefCell<VecDeque<Kept>> = const { RefCell::new(VecDeque::new()) };
}

/// Keeps a session that the current task has ended.
pub(super) fn keep(ended: Ended) {
    let task = task::try_id();
    KEPT.with_borrow_mut(|kept| {
        kept.push_back(Kept { task, ended });
        if kept.len() > MAX_KEPT {
            kept.pop_front();
        }
    });
}

/// Takes the session of this handle, if the current task has ended it.
pub(super) fn take(handle: SessionHandle) -> Option<Ended> {
    let task = task::try_id();
    KEPT.with_borrow_mut(|kept| {
        let is_it = |kept: &Kept| kept.task == task && kept.ended.handle == handle;
        let place = kept.iter().position(is_it)?;
        Some(kept.remove(place)?.ended)
    })
}
