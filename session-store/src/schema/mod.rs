//! Everything that is known of a session type before the program runs.

pub(crate) mod definition;
pub(crate) mod session_attributes;
pub(crate) mod with;
