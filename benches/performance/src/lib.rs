//! Shared by the benchmarks: the sessions, the operations, the engine, and the statistics.

pub mod cached;
pub mod codec;
pub mod engine;
pub mod measured;
pub mod meter;
pub mod requests;
pub mod session;
pub mod stats;

mod sdk;
