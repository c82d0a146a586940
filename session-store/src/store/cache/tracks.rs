//! The writes of this host to the sessions that it is about to keep.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::SessionHandle;

/// What is under way to a session. It is known while there is a watch or a write.
#[derive(Default)]
struct Track {
    watches: usize,
    /// Writes that have not ended.
    active: usize,
    /// Writes that began since it is known.
    begun: u64,
}

#[derive(Default)]
pub(super) struct Tracks(Mutex<HashMap<SessionHandle, Track>>);

/// Watches the writes to a session, from a moment before a read or write is sent.
pub(in crate::store) struct Watch<'a> {
    tracks: &'a Tracks,
    pub(super) handle: SessionHandle,
    /// No write was under way.
    is_quiet: bool,
    begun: u64,
}

/// The writes of one's own that a watch has to expect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Own {
    None = 0,
    One = 1,
}

impl Tracks {
    pub(super) fn watch(&self, handle: SessionHandle) -> Watch<'_> {
        let mut tracks = self.lock();
        let track = tracks.entry(handle).or_default();
        track.watches += 1;
        Watch {
            tracks: self,
            handle,
            is_quiet: track.active == 0,
            begun: track.begun,
        }
    }

    /// A write begins. `remove` removes the copy, and no other is kept meanwhile.
    pub(super) fn begin(&self, handle: SessionHandle, remove: impl FnOnce()) {
        let mut tracks = self.lock();
        let track = tracks.entry(handle).or_default();
        track.active += 1;
        track.begun += 1;
        remove();
    }

    /// A write has ended.
    pub(super) fn end(&self, handle: SessionHandle) {
        let mut tracks = self.lock();
        if let Entry::Occupied(mut entry) = tracks.entry(handle) {
            let track = entry.get_mut();
            track.active = track.active.saturating_sub(1);
            if track.active == 0 && track.watches == 0 {
                entry.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionHandle, Track>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Keeps a copy by this function, if no write began since but the one of one's own.
    pub(super) fn keep(&self, own: Own, keep: impl FnOnce()) {
        let tracks = self.tracks.lock();
        let is_undisturbed = tracks
            .get(&self.handle)
            .is_some_and(|track| track.active == 0 && track.begun == self.begun + own as u64);
        if self.is_quiet && is_undisturbed {
            keep();
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut tracks = self.tracks.lock();
        if let Entry::Occupied(mut entry) = tracks.entry(self.handle) {
            let track = entry.get_mut();
            track.watches = track.watches.saturating_sub(1);
            if track.active == 0 && track.watches == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept(watch: &Watch<'_>, own: Own) -> bool {
        let mut kept = false;
        watch.keep(own, || kept = true);
        kept
    }

    #[test]
    fn a_copy_is_kept_if_no_other_write_crosses() {
        let (tracks, handle) = (Tracks::default(), SessionHandle::of_secret(b"id"));
        let write = || {
            tracks.begin(handle, || {});
            tracks.end(handle);
        };
        let watch = tracks.watch(handle);
        assert!(is_kept(&watch, Own::None));
        write();
        assert!(!is_kept(&watch, Own::None));
        assert!(is_kept(&watch, Own::One));
        write();
        assert!(!is_kept(&watch, Own::One));
        drop(watch);
        // One that is under way may be older than the read, and be stored after it.
        tracks.begin(handle, || {});
        let crossed = tracks.watch(handle);
        assert!(!is_kept(&crossed, Own::None));
        tracks.end(handle);
        assert!(!is_kept(&crossed, Own::None));
        let after = tracks.watch(handle);
        assert!(is_kept(&after, Own::None));
        drop((crossed, after));
        assert!(tracks.lock().is_empty());
    }
}
