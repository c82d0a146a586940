//! Shared by the benchmarks: the sessions, the operations, and the engine.

pub mod codec;
pub mod engine;
pub mod meter;
pub mod requests;
pub mod session;

mod sdk;
