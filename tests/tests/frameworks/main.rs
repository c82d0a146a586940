//! This store behind the traits of others.

mod actix_session;
mod tower_sessions;
