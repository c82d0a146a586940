//! `cycle_id`: the same session under another id.

use crate::error::Error;
use crate::schema::SessionData;
use crate::session::{NewId, Session};

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Gives the session a new id, and stores its unsaved changes with it. When somebody logs in, call
    /// [`log_in`](Self::log_in), which begins the absolute timeout anew as well.
    ///
    /// One `TransactWriteItems`: it puts the new item and, if the session is live and unchanged, a mark in
    /// place of the old one. At every moment exactly one of the two ids is valid. Data, promoted attributes, the
    /// time of creation, the absolute timeout and, for the same user, the
    /// [last authentication](Session::authenticated_at) are kept; the idle timeout is extended. If others wrote in
    /// between, the changes are put onto their state and it is tried again. The rosters of consistent indexes
    /// are in the same transaction. It is sent once more if this is the first session of a value,
    /// and [more](DynamoDbStore::create) if there is one too many.
    ///
    /// # Errors
    ///
    /// - [`Error::Gone`]: neither id is valid.
    /// - [`Error::Conflict`] and [`Error::Service`] whose `outcome_unknown()` is true: a response was lost,
    ///   and it is not known which of the two ids is valid. Call it again with this same session: it
    ///   resumes, and finds out; changes since then stay unsaved. A `save`, `touch` or `refresh` of this session
    ///   resumes it too, before anything else, and so it may give the session its new id.
    ///   A future that is dropped half-way leaves the session in the same state, but nobody is told: run it in a
    ///   task if the client can go away.
    /// - Any other error ([`Error::Encode`], [`Error::TooLarge`], [`Error::Decode`], [`Error::Limit`], and
    ///   the other two): the old id is valid as before, and the session still has its unsaved changes.
    pub async fn cycle_id(&self, session: &mut Session<S>) -> Result<(), Error> {
        let cycle = async {
            let evicted = self.finish_outdated(session).await?;
            self.change_id(session, NewId::Cycled).await?;
            session.evicted.extend(evicted);
            Ok(())
        };
        self.observe("cycle_id", cycle).await
    }
}
