//! `reauthenticated`: a new id once the user of a session has authenticated again.

use crate::error::Error;
use crate::schema::SessionData;
use crate::session::{NewId, Session};

use super::handle::DynamoDbStore;
use super::rebase::check_proven;

impl<S: SessionData> DynamoDbStore<S> {
    /// Notes that the user of the session has authenticated again, such as by the password once more: "sudo mode".
    /// Check that first, and that it is the user of this session. From now on,
    /// [`Session::is_fresh`] counts from this moment.
    ///
    /// It is a [`cycle_id`](Self::cycle_id), at the same price, since the session can do more from now on, and an id
    /// that somebody knows from before must not. All data, timeouts and the life of the cookie are kept, and unsaved
    /// changes are stored with it. The absolute timeout goes on: only a [log-in](Self::log_in) begins it anew.
    ///
    /// NIST SP 800-63B calls this reauthentication. There it begins the overall timeout anew; for that, call
    /// `log_in`. OWASP ASVS 5.0 asks for the new id (7.2.4), and for the authentication before changes of the account
    /// and other sensitive acts (7.5.1 to 7.5.3).
    ///
    /// ```
    /// # use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, SessionAttributes)]
    /// # struct AppSession {}
    /// async fn password_was_right(
    ///     store: &DynamoDbStore<AppSession>,
    ///     session: &mut Session<AppSession>,
    /// ) -> Result<(), Error> {
    ///     store.reauthenticated(session).await // then give session.id() to the client
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `cycle_id`, with the same advice for an outcome that is unknown: call it again with this same session.
    /// The proof then counts from the first call. [`Error::Gone`] if the session has ended: none is begun.
    ///
    /// [`Error::Encode`] if the type marks its user (`#[dynamo(attr = "user_id", user)]`), and the stored session has
    /// none, or this copy names another. It is an error before any request, and after one if another request has
    /// stored that meanwhile. Nothing is written.
    pub async fn reauthenticated(&self, session: &mut Session<S>) -> Result<(), Error> {
        let reauthenticate = async {
            let evicted = self.finish_another(session, NewId::Reauthenticated).await?;
            if session.cycle.is_none() {
                check_proven(session.stored(), &**session)?;
            }
            self.change_id(session, NewId::Reauthenticated).await?;
            session.evicted.extend(evicted);
            Ok(())
        };
        self.observe("reauthenticated", reauthenticate).await
    }
}
