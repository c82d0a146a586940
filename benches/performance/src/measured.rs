//! What the benchmarks print, a line of JSON each, for the program that makes tables of it.

use serde::{Deserialize, Serialize};

use crate::stats::Median;

/// An operation in turn with the same requests by the SDK alone, many times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pairs {
    /// The operation.
    pub operation: String,
    /// Its subject, or `control` for the SDK alone compared with itself.
    pub by: String,
    /// How many pairs.
    pub pairs: usize,
    /// The time of the processor in this process, in user and system mode.
    pub cpu: Compared,
    /// The time that a caller waits.
    pub wall: Compared,
}

/// A time, compared with that of the SDK alone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// The quotients of the pairs.
    pub ratio: Median,
    /// The median of the operation, in microseconds.
    pub micros: f64,
    /// The median of the SDK alone.
    pub sdk_micros: f64,
}

/// What one run of an operation allocates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Allocated {
    /// The operation.
    pub operation: String,
    /// Its subject.
    pub by: String,
    /// How many allocations. One that grows is one more.
    pub count: f64,
    /// Their bytes.
    pub bytes: f64,
}
