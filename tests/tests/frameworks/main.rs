//! This store behind the traits of others.

mod tower_sessions;
