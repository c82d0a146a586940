//! What a cache in front of the table is told.

use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::id::SessionHandle;
use crate::item::Millis;

/// Who is told of writes.
pub(crate) trait WriteObserver: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// A write to this session is about to be sent.
    fn begins(&self, handle: SessionHandle);

    /// It has been answered, or dropped. Then it may still arrive, as that of another host.
    fn ends(&self, handle: SessionHandle);

    /// All sessions that were created before this moment are about to be ended.
    fn cutoff(&self, moment: Millis);
}
