//! Sessions that this host has read or written a moment ago, in memory (G20).
//!
//! A load is answered from here only if its caller knows which version its client last wrote: then the client never
//! misses its own writes, whichever host took them. What others did is seen after the time that the application has
//! chosen, and at once if this host did it.
//!
//! # Which copies are kept
//!
//! | after | a copy is kept if |
//! |---|---|
//! | a consistent read | no write of this host to the session was under way when it was sent, and none began until it was answered |
//! | a `create`, a new id | no other write of this host to it began |
//! | a save that was told its version | the same, and nobody else has written data since the state that the save was made from |
//! | a touch | the same, and a copy was there: it gets the new times, and no younger |
//!
//! Every write of this host removes the copy before it is sent, and none is kept until it is answered or dropped: a
//! read that crosses it keeps none either. The observer is called where all requests are sent, so that no operation can
//! forget it.
//!
//! A copy is as old as the moment before its read or write was sent. An absent session is never kept.

mod copies;
mod option;
mod settings;
mod tracks;

pub(super) use self::copies::{Moment, SessionCache, Touched};
pub(super) use self::option::{AnyCache, CacheOption};
pub use self::settings::Cache;
pub(super) use self::tracks::Watch;
