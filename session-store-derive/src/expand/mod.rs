//! The code that the derive writes.

mod fallback;
mod implementation;

pub(crate) use crate::expand::fallback::expand as fallback;
pub(crate) use crate::expand::implementation::expand as implementation;
