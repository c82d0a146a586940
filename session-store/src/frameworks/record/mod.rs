//! Untyped sessions, for tower-sessions and actix-session.

mod base;
mod data;
mod save;
mod store;

pub(crate) use self::base::{Base, Origin};
#[cfg(feature = "actix-session")]
pub(crate) use self::data::Creation;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
pub(crate) use self::data::Loaded;
pub(crate) use self::data::{Data, NewRecord};
pub(crate) use self::store::Records;
