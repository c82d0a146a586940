//! The store: each public operation in a file of its name.

pub(crate) mod builder;
pub(crate) mod client;
pub(crate) mod create;
pub(crate) mod cycle_id;
pub(crate) mod handle;
pub(crate) mod provision;
pub(crate) mod revoke;
pub(crate) mod revoke_all;
pub(crate) mod save;
pub(crate) mod sessions;
pub(crate) mod shared_reads;
