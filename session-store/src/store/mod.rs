//! The store: each public operation in the file of its name.

mod builder;
#[cfg(feature = "cache")]
mod cache;
mod cached;
mod change_id;
mod client;
mod create;
mod cycle_id;
mod delete;
mod export;
mod find;
mod handle;
mod index_pages;
mod index_selection;
mod indexes;
mod known_indexes;
mod load;
mod log_in;
mod pending_id;
mod provision;
mod reauthenticated;
mod rebase;
mod refresh;
mod reindex;
mod revoke;
mod revoke_all;
mod save;
mod sessions;
mod shared_reads;
mod source;
mod touch;
mod type_names;
mod update;
mod update_all;
mod update_handle;

#[cfg(feature = "_http")]
pub(crate) use self::create::Beginning;
#[cfg(feature = "_http")]
pub(crate) use self::load::Lookup;

pub use self::builder::Builder;
#[cfg(feature = "cache")]
pub use self::cache::Cache;
pub use self::handle::{DynamoDbStore, ReadConsistency, Unreadable};
pub use self::reindex::{Reindex, Reindexed};
pub use self::revoke::{Revoke, RevokeFailure, Revoked};
pub use self::revoke_all::RevokeAll;
pub use self::sessions::{
    ExportedSession, InvalidPageToken, PageToken, SessionSummary, Sessions, SessionsPage,
    StoredSession,
};
pub use self::update_all::{UpdateAll, UpdateFailure, Updated};

#[cfg(feature = "test-util")]
pub(crate) use self::client::with_local_credentials;
