//! `log_in`: a new id and a new absolute timeout, whatever became of the session meanwhile.

use crate::error::Error;
use crate::schema::SessionData;
use crate::session::{NewId, Session};
use crate::telemetry::{Event, note};

use super::create::Beginning;
use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Stores a session in which somebody has just logged in: under a new id, and with its absolute timeout
    /// beginning anew. Change the session as the log-in needs, and call this in place of `save`.
    ///
    /// It is a [`cycle_id`](Self::cycle_id), at the same price, whose session counts as
    /// [created](Session::created_at) now. So a log-in lasts as long as the type says, no matter how old the
    /// anonymous session was, and a revocation of sessions created before a moment ends those that logged in
    /// before it.
    ///
    /// It also counts as the user's authentication, for [`Session::is_fresh`]: a [`create`](Self::create) does not.
    ///
    /// If the old session has ended meanwhile, a new one is [created](Self::create) with the data of this
    /// copy. So the log-in holds if there is no error.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
    /// #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// struct AppSession {
    ///     #[dynamo(attr = "user_id", index(consistent), user)]
    ///     user_id: Option<String>,
    /// }
    ///
    /// async fn log_in(
    ///     store: &DynamoDbStore<AppSession>,
    ///     session: &mut Session<AppSession>,
    /// ) -> Result<(), Error> {
    ///     session.user_id = Some("u-17".into());
    ///     store.log_in(session).await // then give session.id() to the client
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `cycle_id` but for [`Error::Gone`], with the same advice for an outcome that is unknown: call
    /// it again with this same session. If the old session has ended, those of `create`.
    pub async fn log_in(&self, session: &mut Session<S>) -> Result<(), Error> {
        self.continue_or_begin(session).await.map(drop)
    }

    /// The same, and whether the session goes on from the old one, whose id then has the mark of this change.
    pub(crate) async fn continue_or_begin(&self, session: &mut Session<S>) -> Result<bool, Error> {
        self.observe("log_in", self.log_in_with_new_id(session))
            .await
    }

    async fn log_in_with_new_id(&self, session: &mut Session<S>) -> Result<bool, Error> {
        let evicted = match self.finish_another(session, NewId::LoggedIn).await {
            Ok(evicted) => evicted,
            Err(Error::Gone(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let continues = match self.change_id(session, NewId::LoggedIn).await {
            Ok(()) => true,
            Err(Error::Gone(_)) => {
                let beginning = Beginning {
                    timeouts: session
                        .state
                        .lifetime
                        .own
                        .begun(self.table().schema(), session.timeouts())
                        .chosen(),
                    cookie: session.cookie,
                    logs_in: true,
                };
                *session = self.put_new(S::clone(session), beginning).await?;
                note(Event::LoggedIn, Some(session.handle()));
                false
            }
            Err(error) => return Err(error),
        };
        session.evicted.extend(evicted);
        Ok(continues)
    }

    /// The same for a session whose user becomes another one. It is not begun anew: it may have been revoked
    /// with all of the user before.
    #[cfg(feature = "_http")]
    pub(crate) async fn switch_user(&self, session: &mut Session<S>) -> Result<(), Error> {
        let switch = async {
            let evicted = self.finish_another(session, NewId::Switched).await?;
            self.change_id(session, NewId::Switched).await?;
            session.evicted.extend(evicted);
            Ok(())
        };
        self.observe("log_in", switch).await
    }
}
