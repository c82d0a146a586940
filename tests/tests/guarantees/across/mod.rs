//! Features that touch several guarantees at once.

mod formats;
mod neighbours;
mod reads;
mod shared_loads;
