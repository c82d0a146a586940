//! The store behind web frameworks: axum with typed sessions, tower-sessions and actix-session with untyped records.
//!
//! Each module has a feature. They are in this module so that `use session_store::*` hides none of the crates.

#[cfg(feature = "actix-session")]
pub mod actix_session;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "_http")]
mod http;
#[cfg(feature = "_record")]
mod record;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
pub mod tower_sessions;
