//! The store behind web frameworks.

#[cfg(feature = "actix-session")]
pub mod actix_session;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(
    feature = "actix-session",
    feature = "tower-sessions",
    feature = "tower-sessions-0-14"
))]
mod record;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0-14"))]
pub mod tower_sessions;
