//! The store: each public operation in the file of its name.

mod builder;
mod client;
mod create;
mod cycle_id;
mod delete;
mod handle;
mod load;
mod log_in;
mod provision;
mod refresh;
mod revoke;
mod revoke_all;
mod save;
mod sessions;
mod shared_reads;
mod touch;
mod update;

#[cfg(feature = "_http")]
pub(crate) use self::create::Beginning;
#[cfg(feature = "_http")]
pub(crate) use self::cycle_id::NewId;
#[cfg(feature = "_http")]
pub(crate) use self::load::Lookup;

pub use self::builder::Builder;
pub use self::handle::{DynamoDbStore, ReadConsistency, Unreadable};
pub use self::revoke::{Revoke, RevokeFailure, Revoked};
pub use self::revoke_all::RevokeAll;
pub use self::sessions::{SessionSummary, Sessions};

#[cfg(feature = "test-util")]
pub(crate) use self::client::on_loopback;
