//! The recipes of docs/recipes.md. Each file has the code of one recipe, and below it the tests.

mod api;
mod client;
mod components;
mod csrf;
mod docs;
mod failures;
mod flash;
mod kinds;
mod own_proof;
mod provider;
mod rate_limit;
mod shutdown;
mod sse;
mod sudo;
mod timeouts;
mod websocket;
