//! `update` and `try_update`.

use std::convert::Infallible;

use crate::dynamodb::{MAX_SAVE_ATTEMPTS, pause};
use crate::error::{ConflictError, Error, GoneError};
use crate::id::SessionId;
use crate::schema::SessionData;
use crate::session::Session;

use super::handle::DynamoDbStore;
use super::save::{Onto, SaveAttempt, Use};

impl<S: SessionData> DynamoDbStore<S> {
    /// Reads a session, changes it, and writes it if nobody else wrote in between. It repeats this until
    /// it wins, and gives the value that the closure returned in the winning round.
    ///
    /// One `GetItem` and one `UpdateItem`, and one more `UpdateItem` for each time that others were
    /// first: the failed one returns their state. If the closure changes nothing, nothing is written. It can run
    /// several times, so clone what it gives away. To cancel a change, see [`try_update`](Self::try_update).
    ///
    /// With a cache (`Builder::cache`, feature `cache`), a copy can take the place of the `GetItem`. If the closure leaves
    /// that as it is, the session is read, and the closure runs again.
    ///
    /// It is the way to count, too. DynamoDB's own `ADD` would save the read, a sixth of the price, but it cannot change
    /// data in a packed format, a computed attribute, or a number whose type has bounds.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes, SessionId};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { visits: u64 }
    /// async fn visit(store: &DynamoDbStore<AppSession>, id: &SessionId) -> Result<u64, Error> {
    ///     store.update(id, |session| { session.visits += 1; session.visits }).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if there is no such session, or none any more; [`Error::Conflict`] if others
    /// were first every time, with [how often](crate::ConflictError::attempts) it was tried, or if
    /// it [is not known](crate::ConflictError::outcome_unknown) whether the change was applied;
    /// [`Error::Encode`], [`Error::TooLarge`], [`Error::Decode`], [`Error::Service`].
    pub async fn update<T: Send>(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<T, Error> {
        let changed = self.try_update(id, |session| Ok::<_, Infallible>(change(session)));
        changed.await.map(|Ok(value)| value)
    }

    /// The same as [`update`](Self::update) with a closure that can cancel it: if it returns an error,
    /// nothing is written, and the error is given inside the `Ok`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes, SessionId};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { credit: u64 }
    /// struct TooPoor;
    ///
    /// async fn pay(
    ///     store: &DynamoDbStore<AppSession>,
    ///     id: &SessionId,
    ///     price: u64,
    /// ) -> Result<Result<(), TooPoor>, Error> {
    ///     let paid = store.try_update(id, |session| {
    ///         session.credit = session.credit.checked_sub(price).ok_or(TooPoor)?;
    ///         Ok(())
    ///     });
    ///     paid.await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `update`.
    pub async fn try_update<T: Send, E: Send>(
        &self,
        id: &SessionId,
        change: impl FnMut(&mut S) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, Error> {
        let update = async {
            // The version of a copy is the condition of the write, as that of what was read.
            let mut session = match self.cached(id, 0, None) {
                Some(copy) => copy,
                None => self.load_current(id).await?.or_gone(id.handle())?,
            };
            self.apply(&mut session, change).await
        };
        self.observe("update", update).await
    }

    /// The same with a session that is loaded and has no unsaved changes; it is brought up to date.
    #[cfg(feature = "_http")]
    pub(crate) async fn try_update_loaded<T: Send, E: Send>(
        &self,
        session: &mut Session<S>,
        change: impl FnMut(&mut S) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, Error> {
        self.observe("update", self.apply(session, change)).await
    }

    async fn apply<T: Send, E: Send>(
        &self,
        session: &mut Session<S>,
        mut change: impl FnMut(&mut S) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, Error> {
        self.resume(session).await?;
        let handle = session.handle();
        // The moment of `revoke_all` is in another item, which a write does not ask.
        if session.state.is_copy && S::SCHEMA.revoke_all {
            let item = self.current_item(session).await?;
            *session = self.decode_live(session, item)?;
        }
        for attempt in 1..=MAX_SAVE_ATTEMPTS {
            let changed = change(session);
            let saved = match changed {
                Ok(_) => {
                    match self.try_save(session, Onto::ThisVersion, Use::Visit).await {
                        // It was not sent, and what is stored may take the change.
                        Err(Error::TooLarge(_) | Error::Encode(_)) if session.state.is_copy => {
                            SaveAttempt::Unchanged
                        }
                        saved => saved?,
                    }
                }
                Err(_) => SaveAttempt::Unchanged,
            };
            match saved {
                // No condition has shown that a copy is what is stored.
                SaveAttempt::Unchanged if session.state.is_copy => {
                    let item = self.current_item(session).await?;
                    *session = self.decode_live(session, item)?;
                    continue;
                }
                SaveAttempt::Stored | SaveAttempt::Unchanged => return Ok(changed),
                SaveAttempt::Overtaken(item) => {
                    let as_of = session.state.as_of;
                    let theirs = self.decode(&session.id, handle, item, as_of)?;
                    let mut theirs = theirs.ok_or_else(|| GoneError::expired(handle))?;
                    theirs.is_undisclosed = session.is_undisclosed;
                    *session = theirs;
                }
            }
            pause(attempt).await;
        }
        Err(ConflictError::new(handle, MAX_SAVE_ATTEMPTS).into())
    }
}
