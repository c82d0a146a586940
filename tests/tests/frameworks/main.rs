//! This store behind the traits of others.

mod actix;
mod axum;
mod tower;
