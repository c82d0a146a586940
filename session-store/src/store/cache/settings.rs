//! The settings of the cache.

use std::time::Duration;

use crate::error::SetupError;

/// A cache of sessions in the memory of this host; see [`Builder::cache`](crate::Builder::cache).
#[derive(Clone, Copy, Debug)]
pub struct Cache {
    pub(super) for_at_most: Duration,
    pub(super) max_bytes: u64,
}

impl Cache {
    /// A cache whose copies are used for so long after they were read, and that takes 64 MiB at most.
    ///
    /// It is the time after which a session that another host has ended or changed is seen so. The shortest that
    /// helps is that between two requests of one visitor; a few seconds answer most of a page's requests.
    pub const fn for_at_most(time: Duration) -> Self {
        Self {
            for_at_most: time,
            max_bytes: 64 << 20,
        }
    }

    /// The most bytes that the copies take. The size of a copy is that of its struct, and of each text, list and map
    /// that is stored of it, once for the struct and once for what a save compares it with.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    pub(in crate::store) fn check(self) -> Result<(), SetupError> {
        if self.for_at_most.is_zero() || self.max_bytes == 0 {
            let text =
                "a cache for no time or without room has no use; leave it out, or give it both";
            return Err(SetupError::new(text));
        }
        Ok(())
    }
}
