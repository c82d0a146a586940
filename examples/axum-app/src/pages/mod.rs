//! The pages: each file has the handlers of its routes, and what they show. All text of visitors goes through the
//! templates, which escape it.

pub(crate) mod admin;
pub(crate) mod devices;
pub(crate) mod everywhere;
pub(crate) mod home;
pub(crate) mod item;
pub(crate) mod layout;
pub(crate) mod log_in;
mod times;
