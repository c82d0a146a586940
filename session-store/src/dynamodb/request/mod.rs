//! Every expression that is sent to DynamoDB is written here: pure functions to SDK requests.

mod expression;
mod roster;
pub(crate) mod session;
