//! This store behind the traits of frameworks, and the recipes of docs/recipes.md.

mod actix;
mod axum;
mod browser;
mod log;
mod recipes;
mod stale;
mod tower;
