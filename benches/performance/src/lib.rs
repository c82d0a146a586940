//! What the benchmarks share: sessions to measure with, the operations, and the engine that answers.

pub mod codec;
pub mod engine;
pub mod meter;
pub mod requests;
pub mod session;

mod sdk;
