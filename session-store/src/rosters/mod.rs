//! Consistent indexes: what is sent to their rosters.

pub(crate) mod enter;
