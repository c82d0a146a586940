//! What others have stored, as the new base of a copy with changes.

use crate::error::{EncodeError, Error, GoneError};
use crate::item::{Delta, Image, Map, decode, has_stored_user, images};
use crate::schema::SessionData;
use crate::session::{NewId, Session};

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Puts the unsaved changes onto the state that others have stored since.
    pub(super) fn rebase(&self, session: &mut Session<S>, item: Map) -> Result<(), Error> {
        let handle = session.state.handle;
        let decode = |item| self.decode_live(session, item);
        let mut theirs = decode(item.clone())?;
        let Some((before, after)) = session.unsaved() else {
            *session = theirs;
            return Ok(());
        };
        let (mut before, mut after) = images(self.table().schema(), handle, before, after)?;
        after.keep_stored(S::SCHEMA, &session.state.stored, Some(&mut before));
        let delta = Delta::between(S::SCHEMA, &before, &after, session.intent());
        let timeouts = session.timeouts();
        let merged = delta.applied_to(S::SCHEMA, item, &Image::of_stored(handle, &*theirs)?);
        let mut merged = decode(merged)?;
        merged.state.stored = std::mem::take(&mut theirs.state.stored);
        // The base is what others stored. The intent keeps the names that this copy has to write.
        *session = Session::onto(Session::into_data(theirs), merged, timeouts, delta.intent());
        Ok(())
    }

    /// Puts the changes of a session onto what others have stored. The proof of a user is none for another one, whom
    /// they may have stored.
    pub(super) fn rebase_for(
        &self,
        session: &mut Session<S>,
        item: Map,
        new_id: NewId,
    ) -> Result<(), Error> {
        if new_id != NewId::Reauthenticated {
            return self.rebase(session, item);
        }
        let proven = session.stored().clone();
        self.rebase(session, item)?;
        check_proven(&proven, session.stored())
    }

    /// The session in an item as it is stored now, for which absence is an error.
    pub(super) fn decode_live(&self, session: &Session<S>, item: Map) -> Result<Session<S>, Error> {
        let handle = session.state.handle;
        let table = self.table();
        let now = session.state.judged_at(table.now());
        let decoded = decode(&table.codec, handle, item, now)?;
        let (data, state) = decoded.ok_or_else(|| GoneError::expired(handle))?;
        Ok(session.onto_stored(data, state))
    }
}

/// Refuses the proof of a user for data that does not name that user.
pub(super) fn check_proven<S: SessionData>(stored: &S, data: &S) -> Result<(), Error> {
    match S::SCHEMA.user() {
        Some(user) if !has_stored_user(stored, data) => {
            Err(EncodeError::of_no_user(user.name).into())
        }
        _ => Ok(()),
    }
}
