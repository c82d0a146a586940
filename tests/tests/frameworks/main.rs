//! This store behind the traits of frameworks.

mod actix;
mod axum;
mod log;
mod tower;
