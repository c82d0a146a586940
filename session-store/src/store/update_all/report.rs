//! The result of a change of many sessions.

use crate::error::Error;
use crate::id::SessionHandle;
use crate::store::update_handle::Change;

/// The result of a change of many sessions.
#[derive(Debug, Default)]
#[must_use = "a session that could not be changed is as it was; see `failed`"]
pub struct Updated {
    changed: usize,
    unchanged: usize,
    gone: usize,
    moved: usize,
    pub(super) failed: Vec<UpdateFailure>,
    pub(super) is_complete: bool,
}

impl Updated {
    /// How many sessions were changed.
    pub fn changed(&self) -> usize {
        self.changed
    }

    /// How many were as the closure would have them.
    pub fn unchanged(&self) -> usize {
        self.unchanged
    }

    /// How many sessions had ended or expired.
    pub fn gone(&self) -> usize {
        self.gone
    }

    /// How many sessions the index still showed that have another value by now; they stay as they are.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// The sessions that could not be changed, each with the reason. They are as they were, unless the error says that
    /// this is not known.
    pub fn failed(&self) -> &[UpdateFailure] {
        &self.failed
    }

    /// Whether the index had every session of the type. If not, sessions that are older than the index may be as they
    /// were; run [`reindex`](crate::DynamoDbStore::reindex) once after the deploy that has added or changed the index,
    /// and call it again.
    ///
    /// It is false as well if that could not be found out.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// A session that could not be changed.
#[derive(Debug)]
pub struct UpdateFailure {
    handle: SessionHandle,
    error: Error,
}

impl UpdateFailure {
    /// The session.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Why it could not be changed.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

pub(super) type Progress = Box<dyn FnMut(&Updated) + Send>;

/// The result so far, and the callback that is told of it.
pub(super) struct Report {
    pub(super) updated: Updated,
    pub(super) progress: Option<Progress>,
}

impl Report {
    pub(super) fn note(&mut self, handle: SessionHandle, change: Result<Change<()>, Error>) {
        let updated = &mut self.updated;
        match change {
            Ok(Change::Stored(())) => updated.changed += 1,
            Ok(Change::Nothing(())) => updated.unchanged += 1,
            Ok(Change::Gone) => updated.gone += 1,
            Ok(Change::Moved) => updated.moved += 1,
            Ok(Change::Spared) => {}
            Err(error) => updated.failed.push(UpdateFailure { handle, error }),
        }
        if let Some(progress) = &mut self.progress {
            progress(&self.updated);
        }
    }

    /// The same in a second pass: the first has counted what is as it was then.
    pub(super) fn note_again(&mut self, handle: SessionHandle, change: Result<Change<()>, Error>) {
        let has_failed = |failure: &UpdateFailure| failure.handle == handle;
        let failed = &mut self.updated.failed;
        let was_failed = failed.iter().position(has_failed);
        if let Some(i) = was_failed {
            failed.remove(i);
        } else if !matches!(change, Ok(Change::Stored(())) | Err(_)) {
            return;
        }
        self.note(handle, change);
    }
}
