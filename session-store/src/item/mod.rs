//! Items as data, without I/O: what is written, what is read, and what is left alone.

pub(crate) mod delta;
pub(crate) mod format;
pub(crate) mod image;
#[cfg(any(
    feature = "actix-session",
    feature = "tower-sessions",
    feature = "tower-sessions-0-14"
))]
pub(crate) mod json;
pub(crate) mod lifetime;
pub(crate) mod roster;
pub(crate) mod shards;
pub(crate) mod value;
