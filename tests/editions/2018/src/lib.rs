//! What the derive writes is a part of a program of edition 2018. Nothing of it is called: it compiles.

/// The same as in edition 2024.
#[path = "../../../ui/pass/hygiene.rs"]
pub mod hygiene;
