//! This store behind the traits of frameworks.

mod actix;
mod axum;
mod browser;
mod log;
mod tower;
