//! A change of id whose outcome is unknown: what becomes of it.

use crate::error::Error;
use crate::id::SessionHandle;
#[cfg(feature = "_http")]
use crate::item::moved_to;
use crate::item::{Delta, Intent, images};
use crate::schema::SessionData;
use crate::session::{NewId, PendingCycle, Session};

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Carries out a change of id whose outcome is unknown: until then it is not known which id the session has.
    pub(super) async fn resume(&self, session: &mut Session<S>) -> Result<(), Error> {
        match &session.cycle {
            Some(pending) => {
                let kind = pending.kind;
                self.change_id(session, kind).await
            }
            None => Ok(()),
        }
    }

    /// Whether a change of id whose outcome is unknown was carried out.
    #[cfg(feature = "_http")]
    pub(crate) async fn is_cycled(&self, session: &Session<S>) -> Result<bool, Error> {
        let Some(pending) = &session.cycle else {
            return Ok(false);
        };
        let table = self.table();
        let item = table.read(session.state.handle, true).await?;
        let moved_to = item.and_then(|item| moved_to(table.schema(), &item));
        Ok(moved_to == Some(pending.to.handle))
    }

    /// Carries out a change of id that has begun, and may have been applied, unless it is this very one. Gives the
    /// sessions that were ended for it.
    pub(super) async fn finish_another(
        &self,
        session: &mut Session<S>,
        new_id: NewId,
    ) -> Result<Vec<SessionHandle>, Error> {
        let Some(pending) = &session.cycle else {
            return Ok(Vec::new());
        };
        let is_this = if new_id.is_log_in() {
            pending.kind.is_log_in() && !self.is_changed_since(pending, session)?
        } else {
            pending.kind == new_id && !lacks_absolute_timeout(pending, session)
        };
        match is_this {
            true => Ok(Vec::new()),
            false => self.finish(session).await,
        }
    }

    /// The same if it lacks an absolute timeout that the session was given since.
    pub(super) async fn finish_outdated(
        &self,
        session: &mut Session<S>,
    ) -> Result<Vec<SessionHandle>, Error> {
        match &session.cycle {
            Some(pending) if lacks_absolute_timeout(pending, session) => self.finish(session).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn finish(&self, session: &mut Session<S>) -> Result<Vec<SessionHandle>, Error> {
        self.resume(session).await?;
        Ok(std::mem::take(&mut session.evicted))
    }

    /// Whether the session has other data by now than the new item of this change of id.
    fn is_changed_since(
        &self,
        pending: &PendingCycle<S>,
        session: &Session<S>,
    ) -> Result<bool, Error> {
        let schema = self.table().schema();
        let handle = session.handle();
        let (stored, data) = images(schema, handle, &pending.data, session)?;
        let delta = Delta::between(schema, &stored, &data, &Intent::default());
        Ok(!delta.is_empty() || pending.timeouts != session.timeouts())
    }
}

/// Whether the session was given another absolute timeout since this change of id began. Any other change can be
/// stored by the next save.
fn lacks_absolute_timeout<S>(pending: &PendingCycle<S>, session: &Session<S>) -> bool {
    pending.timeouts.absolute != session.timeouts().absolute
}
