//! Items as data, without I/O: what is written, what is read, and what is left alone.
//!
//! On the way to DynamoDB, an [`image`] is a session in DynamoDB's values, a [`delta`] is the difference
//! of two images, and a [`plan`] is how a save writes it. On the way back, [`live`] tells whether an item
//! is of a live session, and [`decode`] reads it. The [`format`] of `data` is hidden from all of them.

mod decode;
mod delta;
mod entries;
mod equal;
#[cfg(feature = "cache")]
mod footprint;
mod forgotten;
mod format;
mod image;
mod indexes;
#[cfg(feature = "_record")]
mod json;
mod key;
mod lacking;
mod leaving_user;
mod lifetime;
mod limits;
mod live;
mod marks;
mod moved;
mod own;
mod own_timeouts;
mod plain;
mod plan;
mod read_back;
mod roster;
mod roster_note;
mod shards;
mod state;
mod stored;
mod user;
mod value;
mod window;

pub use self::lifetime::Touch;

pub(crate) use self::decode::decode;
#[cfg(feature = "cache")]
pub(crate) use self::decode::read_again;
pub(crate) use self::delta::{Delta, Intent};
pub(crate) use self::equal::{images, images_since};
#[cfg(feature = "cache")]
pub(crate) use self::footprint::map_footprint;
pub(crate) use self::forgotten::Forgotten;
pub(crate) use self::format::{Codec, decompress, unpack_bytes};
pub(crate) use self::image::{Image, never_known};
pub(crate) use self::indexes::{
    COMPLETE, CompleteIndexes, POSITION, Position, index_names, indexes_key,
};
pub(crate) use self::key::{
    CREATED_BEFORE, CUTOFFS, RosterKey, can_be_key, cutoff_key, cutoff_of, handle_of,
    is_before_cutoff, key,
};
pub(crate) use self::lacking::{Lacking, unindexed};
pub(crate) use self::leaving_user::of_leaving_user;
pub(crate) use self::lifetime::{
    CookieLife, DAY, Judgement, Lifetime, Millis, creation_bounds, end, is_recent, may_live,
    millis, seconds_to_time,
};
pub(crate) use self::limits::Limits;
#[cfg(feature = "_record")]
pub(crate) use self::live::MAX_VERSION;
pub(crate) use self::live::{Found, ReadableItem};
pub(crate) use self::marks::{Nonce, WRITES, remembers};
pub(crate) use self::moved::{mark, moved_to, recently_moved_to};
pub(crate) use self::own::{
    authenticated_at_of, is_of_another_type, stored_creation, stored_expiry, stored_number,
    version_of,
};
pub(crate) use self::own_timeouts::{KnownTimeouts, OwnTimeouts, TimeoutChange};
pub(crate) use self::plain::PlainMap;
pub(crate) use self::plan::{BaseState, DataChange, SavePlan};
pub(crate) use self::read_back::check_reads_back;
pub(crate) use self::roster::{
    Entry, Evicted, FullRoster, MEMBERS, Member, RosterChange, RosterPlan, Values, changes,
    choose_victims, entries, foreign_entries, members, rosters_of,
};
#[cfg(feature = "test-util")]
pub(crate) use self::roster_note::NOTE_DIGEST;
pub(crate) use self::roster_note::{has_note, note_digest};
pub(crate) use self::shards::{Partition, partitions};
pub(crate) use self::state::{State, Unknown};
pub(crate) use self::user::has_stored_user;
pub(crate) use self::value::{Map, checked_size, is_large, key_text, number};
pub(crate) use self::window::Window;

#[cfg(feature = "_http")]
pub(crate) use self::user::{UserChange, change_of_user};

#[cfg(feature = "_record")]
pub(crate) use self::{
    decode::{data_of, split_attributes, take_data},
    json::{entries_from_json, entries_into_json},
    lifetime::{earliest_creation, use_until},
    marks::marks,
    moved::marked_until,
    shards::is_current,
    value::is_same,
};
