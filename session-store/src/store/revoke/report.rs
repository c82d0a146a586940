//! The result of a revocation, and the callback that is told of it.

use crate::error::Error;
use crate::id::SessionHandle;
use crate::telemetry::{Ended, Event, note};

/// The result of a revocation.
#[derive(Debug, Default)]
#[must_use = "a session that could not be ended is still valid; see `failed`"]
pub struct Revoked {
    deleted: usize,
    already_gone: usize,
    pub(super) moved: usize,
    pub(super) failed: Vec<RevokeFailure>,
    pub(super) is_complete: bool,
}

impl Revoked {
    /// The revocation of a test.
    #[cfg(feature = "test-util")]
    pub(crate) fn of(
        deleted: usize,
        failed: impl IntoIterator<Item = (SessionHandle, Error)>,
    ) -> Self {
        let failed = failed.into_iter();
        Self {
            deleted,
            failed: failed
                .map(|(handle, error)| RevokeFailure { handle, error })
                .collect(),
            is_complete: true,
            ..Self::default()
        }
    }

    /// For a revocation that needs no index.
    pub(super) fn without_index() -> Self {
        Self {
            is_complete: true,
            ..Self::default()
        }
    }

    /// How many live sessions were ended.
    pub fn deleted(&self) -> usize {
        self.deleted
    }

    /// How many sessions had ended or expired already.
    pub fn already_gone(&self) -> usize {
        self.already_gone
    }

    /// How many sessions the index still showed that have another value by now; they stay live.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// The sessions that could not be ended, each with the reason. They are still valid.
    pub fn failed(&self) -> &[RevokeFailure] {
        &self.failed
    }

    /// Whether the index had every session of the type. If not, sessions that are older than the index may still be
    /// valid; run [`reindex`](crate::DynamoDbStore::reindex) once after the deploy that has added or changed the
    /// index, and revoke again.
    ///
    /// It is false as well if that could not be found out. By a handle it is always true.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) fn note(&mut self, handle: SessionHandle, outcome: Result<Outcome, Error>) {
        match outcome {
            Ok(Outcome::Deleted) => self.deleted += 1,
            Ok(Outcome::AlreadyGone) => self.already_gone += 1,
            Ok(Outcome::Moved) => self.moved += 1,
            // It is nothing to this type (G16).
            Ok(Outcome::OfAnotherType) => {}
            Err(error) => self.failed.push(RevokeFailure { handle, error }),
        }
    }
}

/// A session that could not be ended.
#[derive(Debug)]
pub struct RevokeFailure {
    pub(super) handle: SessionHandle,
    pub(super) error: Error,
}

impl RevokeFailure {
    /// The session, which is still valid.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Why it could not be ended.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

/// The outcome for one session.
pub(super) enum Outcome {
    Deleted,
    AlreadyGone,
    /// It has another value by now.
    Moved,
    /// It is a session of another type.
    OfAnotherType,
}

pub(super) type Progress = Box<dyn FnMut(&Revoked) + Send>;

/// The result so far, and the callback that is told of it.
pub(super) struct Report {
    pub(super) revoked: Revoked,
    pub(super) progress: Option<Progress>,
}

impl Report {
    pub(super) fn note(&mut self, handle: SessionHandle, outcome: Result<Outcome, Error>) {
        if let Ok(Outcome::Deleted) = outcome {
            note(Event::Ended(Ended::Revocation), Some(handle));
        }
        self.revoked.note(handle, outcome);
        if let Some(progress) = &mut self.progress {
            progress(&self.revoked);
        }
    }
}
