//! A change of id that has begun.

use crate::dynamodb::Attempts;
use crate::id::SessionId;
use crate::item::{Evicted, Judgement, Map, Millis, Nonce, RosterChange, State, TimeoutChange};

/// A change of id that has begun, with everything that is needed to send it again.
#[derive(Clone)]
pub(crate) struct PendingCycle<S> {
    pub(crate) id: SessionId,
    pub(crate) to: State,
    /// The data as it is stored in the new item.
    pub(crate) data: S,
    pub(crate) item: Map,
    pub(crate) nonce: Nonce,
    /// DynamoDB recognises the same transaction by this token for ten minutes. After that, the nonce in
    /// the new item shows whether the transaction was applied.
    pub(crate) token: String,
    pub(crate) now: Millis,
    /// When it was first asked for.
    pub(crate) asked_at: Millis,
    /// The old session must not have expired at this moment, by this idle timeout.
    pub(crate) judged: Judgement,
    /// The version of the session that gets the new id, and whether its item names its type.
    pub(crate) base: u64,
    pub(crate) has_type: bool,
    /// The timeouts that its owner had set, and that the new item has.
    pub(crate) timeouts: TimeoutChange,
    pub(crate) kind: NewId,
    /// The changes of the rosters, and the sessions that were evicted for them so far.
    pub(crate) changes: Vec<RosterChange>,
    pub(crate) evicted: Evicted,
    /// The attempts of this call, and of the calls that it resumes.
    pub(crate) attempts: Attempts,
}

/// Why a session gets a new id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewId {
    /// It goes on under another one.
    Cycled,
    /// Its user has authenticated again.
    Reauthenticated,
    /// Somebody logs in. If the session is gone, another one begins.
    LoggedIn,
    /// The user becomes another one, if the session is there still.
    #[cfg_attr(
        not(feature = "_http"),
        allow(dead_code, reason = "only a layer does so")
    )]
    Switched,
}

impl NewId {
    pub(crate) fn is_log_in(self) -> bool {
        matches!(self, Self::LoggedIn | Self::Switched)
    }
}
