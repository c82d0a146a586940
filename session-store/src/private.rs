//! What generated code calls, and nobody else.

pub use serde::{Serialize, Serializer};
pub use std::time::Duration;
