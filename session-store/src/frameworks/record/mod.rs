//! Untyped sessions, for tower-sessions and actix-session.

mod base;
mod data;
mod save;
mod store;

pub(crate) use self::base::{Base, Origin};
pub(crate) use self::data::{Data, Loaded, NewRecord};
pub(crate) use self::store::Records;
