//! Random requests of the data plane.
//!
//! There are few keys, so that requests meet each other's items. Expressions are of the whole grammar. One request of
//! six is wild: its values, operands and paths can be wrong.

mod conditions;
mod generator;
mod items;
mod operands;
mod operations;
mod queries;
mod updates;
mod values;

pub(super) use self::generator::Generator;
