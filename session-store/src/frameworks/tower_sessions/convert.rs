//! What the framework passes, in the terms of the store.

use std::fmt;

use crate::frameworks::record::{Data, Origin};
use crate::id::SessionHandle;
use crate::item::Millis;

/// The key in the framework's map under which the store keeps the state from which a copy was made.
///
/// The form of its value may change in any version. Other values under this key are not stored.
pub const RESERVED_KEY: &str = "session-store.base";

/// The application's own entries, and the origin of this copy.
pub(super) fn split(data: &Data) -> (Data, Option<Origin>) {
    let own = data.iter().filter(|(name, _)| *name != RESERVED_KEY);
    let own = own.map(|(name, value)| (name.clone(), value.clone()));
    let origin = data.get(RESERVED_KEY).and_then(|origin| {
        let origin = Origin::from_json(origin.clone());
        if origin.is_none() {
            tracing::warn!(
                "the entry `{RESERVED_KEY}` was changed, and is ignored, so a save replaces the \
                 whole map; leave the entry unchanged"
            );
        }
        origin
    });
    (own.collect(), origin)
}

pub(super) fn handle_of(id: impl fmt::Display) -> SessionHandle {
    SessionHandle::of_secret(id.to_string().as_bytes())
}

/// Rounded up to a millisecond. A time before 1970 is its beginning, which has passed as well.
pub(super) fn millis(time: time::OffsetDateTime) -> Millis {
    let nanos = u128::try_from(time.unix_timestamp_nanos()).unwrap_or(0);
    Millis(u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX))
}
