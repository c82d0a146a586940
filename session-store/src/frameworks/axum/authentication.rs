//! When the user has authenticated, for handlers of acts that matter.

use std::time::{Duration, SystemTime};

use crate::schema::SessionAttributes;
use crate::session::{NewId, Session};

use super::extract::CurrentSession;

impl<S> CurrentSession<S> {
    /// When the user last logged in or [authenticated again](Self::reauthenticated), by the store's clock. See
    /// [`Session::authenticated_at`]. A log-in of this request counts once it is [saved](Self::save).
    pub fn authenticated_at(session: &Self) -> Option<SystemTime> {
        Self::stored(session).and_then(Session::authenticated_at)
    }

    /// Notes that the user has authenticated again, such as by the password once more, so that the session is
    /// [fresh](Self::is_fresh) from then on. Check that first, and that it is the user of this session.
    ///
    /// When the session is stored, it gets a new id, together with all other changes. Other tabs go on with the new
    /// cookie. The absolute timeout goes on; a [`log_in`](Self::log_in) begins it anew, and does all that this does.
    /// Without a session it has no effect. If a session of a type that marks its user has none, it is not stored,
    /// and the response says so. See [`DynamoDbStore::reauthenticated`](crate::DynamoDbStore::reauthenticated).
    pub fn reauthenticated(session: &mut Self) {
        let new_id = &mut session.inner_mut().new_id;
        if *new_id != Some(NewId::LoggedIn) {
            *new_id = Some(NewId::Reauthenticated);
        }
        session.note_wish();
    }
}

impl<S: SessionAttributes> CurrentSession<S> {
    /// Whether the user has logged in or [authenticated again](Self::reauthenticated) less than this time ago. See
    /// [`Session::is_fresh`]. Without a stored session, nobody has. A log-in of this request counts once it is
    /// [saved](Self::save).
    pub fn is_fresh(session: &Self, within: Duration) -> bool {
        let stored = Self::stored(session);
        stored.is_some_and(|stored| Session::is_fresh(stored, within))
    }
}
