//! `update_handle`: changes a session that is not in hand.

use std::borrow::Borrow;

use crate::dynamodb::{MAX_SAVE_ATTEMPTS, MAX_UPDATE_HANDLES, pause};
use crate::error::{ConflictError, Error, GoneError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{Map, decode, is_of_another_type, moved_to};
use crate::schema::{IndexValue, SessionData};
use crate::session::Session;

use super::handle::DynamoDbStore;
use super::save::{Onto, SaveAttempt, Use};

impl<S: SessionData> DynamoDbStore<S> {
    /// The same as [`update`](Self::update) for the session of this handle, as an administrator sees it in a list.
    ///
    /// It does not count as a visit: neither the time of the last activity nor the end of the session moves. If the
    /// session has got a new id a moment ago, it is changed under its new handle, with one `GetItem` more. It does not
    /// check whose session this is: for a user who may change only their own sessions, use
    /// [`update_all`](Self::update_all) with [`only`](super::UpdateAll::only).
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
            match self.change_wherever(handle, None, &mut change).await? {
                Change::Stored(value) | Change::Nothing(value) => Ok(value),
                Change::Gone | Change::Moved | Change::OfAnotherType => {
                    Err(GoneError::new(handle).into())
                }
            }
        };
        self.observe("update", update).await
    }

    /// Changes a session if it has the value, also under the handle that it has since.
    pub(super) async fn change_wherever<T: Send>(
        &self,
        of: SessionHandle,
        value: Option<&IndexValue>,
        change: &mut (impl FnMut(&mut S) -> T + Send),
    ) -> Result<Change<T>, Error> {
        let table = self.table();
        let mut handle = of;
        for _ in 0..MAX_UPDATE_HANDLES {
            let Some(item) = table.read(handle, true).await? else {
                return Ok(Change::Gone);
            };
            if is_of_another_type(table.schema(), &item) {
                return Ok(Change::OfAnotherType);
            }
            if let Some(to) = moved_to(table.schema(), &item) {
                handle = to;
                continue;
            }
            match self.change_item(handle, item, value, change).await {
                // Its item tells whether it has a new handle since.
                Err(Error::Gone(_)) => {}
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
            let before = state.version;
            let mut session = Session::new(SessionId::placeholder(), data, state);
            let changed = change(&mut session);
            let saved = self.try_save(&mut session, Onto::ThisVersion, Use::Administration);
            match saved.await? {
                SaveAttempt::Stored if session.state.version == before => {
                    return Ok(Change::Nothing(changed));
                }
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
    /// It is a session of another type.
    OfAnotherType,
}
