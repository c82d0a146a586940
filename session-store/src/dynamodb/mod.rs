//! Requests to DynamoDB, and what an answer means. Only this layer awaits the SDK, but for the control
//! plane in `store/provision`.
//!
//! [`request`] writes requests, [`send`] sends them, [`retry`] says how often, and [`failure`] says what
//! an error means, by the table in [`codes`]. [`read`], [`write`] and [`transaction`] are what the layers above call, on a
//! [`table::Table`].

mod announce;
mod answer;
mod codes;
mod failure;
mod not_sent;
mod observer;
mod read;
pub(crate) mod request;
mod retry;
mod send;
mod table;
mod transaction;
mod unanswered;
mod write;

pub(crate) use self::failure::{incomplete, is_refused, is_too_large};
#[cfg(feature = "cache")]
pub(crate) use self::observer::WriteObserver;

#[cfg(feature = "actix-session")]
pub(crate) use self::retry::MAX_EXTEND_ATTEMPTS;
#[cfg(feature = "_http")]
pub(crate) use self::retry::MAX_RESUME_ATTEMPTS;
pub(crate) use self::retry::{
    Attempts, MAX_CREATE_ATTEMPTS, MAX_CYCLE_ATTEMPTS, MAX_ENTER_ATTEMPTS, MAX_LISTING_ROUNDS,
    MAX_MEND_ATTEMPTS, MAX_REVOKE_ROUNDS, MAX_SAVE_ATTEMPTS, MAX_THROTTLED_RETRIES,
    MAX_UPDATE_HANDLES, pause,
};
pub(crate) use self::send::Patience;
pub(crate) use self::table::{StoreClock, Table};
pub(crate) use self::transaction::{Transacted, token};
pub(crate) use self::write::{Deleted, SaveOutcome, Written};
