//! This store behind the traits of others.

mod actix_session;
mod axum_layer;
mod axum_parallel;
mod axum_reads;
mod tower_copies;
mod tower_sessions;
