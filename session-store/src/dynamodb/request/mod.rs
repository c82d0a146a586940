//! Every expression that is sent to DynamoDB is written here: pure functions to SDK requests.
//!
//! # Conditions
//!
//! Every write that changes a known session has the condition `live`: `expires_at > :now`, the last use and the
//! creation are not too long ago for the writer's type, and `data` and `version` have their types. Without the
//! types, a foreign item would be a `ValidationException` rather than a failed condition. A save, which moves the marks,
//! checks the type of the last one too. A failed condition returns the old item, which tells what happened:
//!
//! | old item | the session |
//! |---|---|
//! | none, or expired | is gone |
//! | with this write's own mark | was written by an earlier attempt |
//! | with foreign types | cannot be decoded |
//! | otherwise | was not written: the plan is made anew from this item |
//!
//! A save without a version check also needs `NOT contains(writes, :mark)` and `version <= seen + 4`: an
//! item remembers four writes, so a repetition after more of them could not recognise itself.

mod expression;
mod indexes;
mod live;
mod new_id;
mod roster;
mod save;
mod session;
mod session_type;

pub(crate) use self::indexes::{
    complete, forget_position, incomplete, indexes, note_position, scan,
};
pub(crate) use self::new_id::{Replacement, forestall, replace};
pub(crate) use self::roster::{
    MAX_LEAVING, MAX_MOVED, Moved, adopt, change, drop_moved, end_expired, end_roster, leave,
    leave_others, remove,
};
pub(crate) use self::save::{ExpiryBound, Save, save};
pub(crate) use self::session::{
    MAX_BATCH, TouchBound, Touching, create, cutoff, delete, delete_if, end, evict, find, items,
    load, load_with_cutoff, revoke_all, roster, rosters, touch, transaction, unprocessed,
};
pub(crate) use self::session_type::SessionType;

#[cfg(feature = "_record")]
pub(crate) use self::new_id::leave_mark;
#[cfg(feature = "actix-session")]
pub(crate) use self::session::end_present;
