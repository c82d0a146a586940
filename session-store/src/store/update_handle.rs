//! `update_handle`: changes a session that is not in hand.

use std::borrow::Borrow;

use crate::dynamodb::{MAX_SAVE_ATTEMPTS, MAX_UPDATE_HANDLES, pause};
use crate::error::{ConflictError, Error, GoneError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{
    Map, Millis, authenticated_at_of, decode, is_of_another_type, moved_to, recently_moved_to,
    stored_creation,
};
use crate::schema::{IndexValue, SessionData};
use crate::session::Session;

use super::handle::DynamoDbStore;
use super::save::{Onto, SaveAttempt, Use};

impl<S: SessionData> DynamoDbStore<S> {
    /// The same as [`update`](Self::update) for the session of this handle, as an administrator sees it in a list.
    ///
    /// It does not count as a visit: neither the time of the last activity nor the end of the session moves. If the
    /// session has got a new id a moment ago, it is changed under its new handle, with one `GetItem` more; a log-in
    /// begins another session, which stays as it is. It does not check whose session this is: for a user who may change
    /// only their own sessions, use [`update_all`](Self::update_all) with [`only`](super::UpdateAll::only).
    ///
    /// # Errors
    ///
    /// Those of `update`. A change of the attribute that is marked as the `user` is refused: only a new id may have
    /// another one.
    pub async fn update_handle<T: Send>(
        &self,
        handle: impl Borrow<SessionHandle>,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<T, Error> {
        let handle = *handle.borrow();
        let update = async {
            let any = Selection {
                value: None,
                has: &|_, _| true,
            };
            match self.change_wherever(handle, any, &mut change).await? {
                Change::Stored(value) | Change::Nothing(value) => Ok(value),
                Change::Gone | Change::Moved | Change::Spared => Err(GoneError::new(handle).into()),
            }
        };
        self.observe("update", update).await
    }

    /// Changes a session of a selection, also under the handle that it has since.
    pub(super) async fn change_wherever<T: Send>(
        &self,
        of: SessionHandle,
        selection: Selection<'_>,
        change: &mut (impl FnMut(&mut S) -> T + Send),
    ) -> Result<Change<T>, Error> {
        let table = self.table();
        let schema = table.schema();
        let mut handle = of;
        // When the session has got each handle since.
        let mut moved_at = Vec::new();
        let mut is_selected = false;
        let mut may_have_been_applied = false;
        for _ in 0..MAX_UPDATE_HANDLES {
            let Some(item) = table.read(handle, true).await? else {
                return Ok(Change::Gone);
            };
            if is_of_another_type(schema, &item) {
                return Ok(Change::Spared);
            }
            let created_at = stored_creation(schema, handle, &item).ok();
            let next = match selection.value {
                Some(_) => moved_to(schema, &item),
                None => recently_moved_to(schema, &item, table.now()),
            };
            if let Some(to) = next {
                // G13: the new item has no mark of a write that its session got before.
                if may_have_been_applied {
                    return Err(ConflictError {
                        outcome_unknown: true,
                        ..ConflictError::new(handle, 1)
                    }
                    .into());
                }
                handle = to;
                moved_at.push(created_at);
                continue;
            }
            // A log-in leaves its mark at the moment from which its session counts as created. A new id keeps that.
            let has_user = authenticated_at_of(schema, &item).is_some();
            let is_of_log_in = has_user && moved_at.contains(&created_at);
            if selection.value.is_none() && is_of_log_in {
                return Ok(Change::Gone);
            }
            if !is_selected && !(selection.has)(handle, created_at) {
                return Ok(Change::Spared);
            }
            is_selected = true;
            match self
                .change_item(handle, item, selection.value, change)
                .await
            {
                // Its item tells whether it has a new handle since.
                Err(Error::Gone(gone)) => may_have_been_applied = gone.may_have_been_applied,
                changed => return changed,
            }
        }
        Err(ConflictError::new(handle, MAX_UPDATE_HANDLES).into())
    }

    async fn change_item<T: Send>(
        &self,
        handle: SessionHandle,
        mut item: Map,
        value: Option<&IndexValue>,
        change: &mut (impl FnMut(&mut S) -> T + Send),
    ) -> Result<Change<T>, Error> {
        let table = self.table();
        for attempt in 1..=MAX_SAVE_ATTEMPTS {
            let Some((data, state)) = decode::<S>(&table.codec, handle, item, table.now())? else {
                return Ok(Change::Gone);
            };
            let has_value =
                |value: &IndexValue| value.is_value(state.promoted.get(value.attribute.name));
            if !value.is_none_or(has_value) {
                return Ok(Change::Moved);
            }
            let mut session = Session::new(SessionId::placeholder(), data, state, table.clock());
            let changed = change(&mut session);
            let saved = self.try_save(&mut session, Onto::ThisVersion, Use::Administration);
            match saved.await? {
                SaveAttempt::Unchanged => return Ok(Change::Nothing(changed)),
                SaveAttempt::Stored => return Ok(Change::Stored(changed)),
                SaveAttempt::Overtaken(theirs) => item = theirs,
            }
            pause(attempt).await;
        }
        Err(ConflictError::new(handle, MAX_SAVE_ATTEMPTS).into())
    }
}

/// What became of the change of a session.
pub(super) enum Change<T> {
    Stored(T),
    /// The closure changed nothing.
    Nothing(T),
    /// The session has ended or expired.
    Gone,
    /// It has another value by now.
    Moved,
    /// It is not one of those that are to be changed, or of another type.
    Spared,
}

/// The sessions that are to be changed.
#[derive(Clone, Copy)]
pub(super) struct Selection<'a> {
    /// Those that have this value.
    pub(super) value: Option<&'a IndexValue>,
    /// Whether one belongs to them, by its handle and its time of creation. It is asked once for each.
    pub(super) has: &'a (dyn Fn(SessionHandle, Option<Millis>) -> bool + Sync),
}
