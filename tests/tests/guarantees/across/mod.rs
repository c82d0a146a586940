//! Features that touch several guarantees at once.

mod formats;
mod reads;
mod shared_loads;
