//! `touch`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::Written;
use crate::dynamodb::request::{self, SessionType, Touching};
use crate::error::{ConflictError, Error};
use crate::item::Found;
use crate::schema::SessionAttributes;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Extends the idle timeout, as the store's [`Touch`](crate::Touch) policy says.
    ///
    /// If the policy does not ask for a touch, no request. Otherwise one `UpdateItem`, on condition that
    /// the session is live, which writes the times of expiry and of this touch, and nothing else. It
    /// never passes the absolute timeout, nor shortens an expiry that another has granted. Unsaved
    /// changes stay unsaved.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the session was ended or has expired; [`Error::Decode`] if the item is no
    /// session; [`Error::Service`].
    pub async fn touch(&self, session: &mut Session<S>) -> Result<(), Error> {
        if self.is_touch_due(session) {
            self.extend(session, None).await?;
        }
        Ok(())
    }

    /// The same whether or not it is due, for a client whose cookie now ends at another moment.
    pub(crate) async fn extend(
        &self,
        session: &mut Session<S>,
        cookie_end: Option<u64>,
    ) -> Result<(), Error> {
        let (table, handle) = (self.table(), session.state.handle);
        let now = table.now();
        let mut expires_at = session.state.lifetime.expires_at(now);
        if cookie_end.is_some() {
            // The end of the cookie is written even if nothing is to be granted.
            expires_at = expires_at.max(session.state.expires_at);
        }
        let touching = Touching {
            handle,
            now,
            judged_at: session.state.judged_at(now),
            expires_at,
            created_since: None,
            session_type: SessionType::of(session.state.has_type),
            cookie_end,
        };
        let touch = || request::touch(table, &touching);
        let old = match table.update(touch).await? {
            Written::Done(_) | Written::TooLarge => {
                session.state.has_type = true;
                session.state.touched_at = now;
                session.state.expires_at = expires_at;
                session.state.cookie_end = cookie_end.or(session.state.cookie_end);
                return Ok(());
            }
            Written::ConditionFailed { old, .. } => old,
        };
        let found = Found::of(table.schema(), handle, old, touching.judged_at)?;
        let live = found.or_gone(handle)?;
        let stored = live.readable(&table.codec)?.expires_at;
        if stored < expires_at {
            // No part of the condition explains the refusal any more.
            return Err(ConflictError::new(handle, 1).into());
        }
        // Another request has granted the session as much time as this touch would, or more.
        session.state.expires_at = stored;
        Ok(())
    }

    /// Whether the policy asks for a touch now.
    pub(crate) fn is_touch_due(&self, session: &Session<S>) -> bool {
        let state = &session.state;
        let (policy, now) = (self.options().touch, self.table().now());
        state.lifetime.is_touch_due(policy, state.touched_at, now)
    }
}
