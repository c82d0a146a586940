//! Requests to DynamoDB, and what an answer means.

pub(crate) mod failure;
pub(crate) mod request;
pub(crate) mod transaction;
pub(crate) mod write;
