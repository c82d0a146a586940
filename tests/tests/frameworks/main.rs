//! This store behind the traits of frameworks.

mod actix;
mod axum;
mod tower;
