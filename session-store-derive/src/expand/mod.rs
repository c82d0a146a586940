//! Generates the code: an implementation, or errors with a fallback.

mod entries;
mod fallback;
mod field;
mod hygiene;
mod implementation;

pub(crate) use crate::expand::fallback::fallback;
pub(crate) use crate::expand::implementation::implementation;
