//! Every session at once: an item that says before which moment all of them are revoked, read together
//! with the session.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::dynamodb::request::session as request;
use crate::dynamodb::write::{MAX_ATTEMPTS, Written, backoff};
use crate::error::{Error, ServiceError};
use crate::id::SessionHandle;
use crate::item::image::{handle_of, is_revoked_with_all};
use crate::item::lifetime::Millis;
use crate::item::value::Map;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// A session type whose sessions can be ended all at once, by
/// [`revoke_all_created_before`](DynamoDbStore::revoke_all_created_before).
///
/// `#[dynamo(revoke_all)]` on the struct implements it; by hand, it takes
/// [`Schema::revoke_all`](crate::Schema::revoke_all) as well.
#[diagnostic::on_unimplemented(
    message = "the sessions of `{Self}` cannot be ended all at once",
    label = "its loads do not ask whether they were",
    note = "put `#[dynamo(revoke_all)]` on the struct; every load then costs one read unit more"
)]
pub trait RevokeAll: SessionAttributes {}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Ends every session of the table that was created before a moment, whoever has it: for a
    /// stolen database, or a mistake in the log-in.
    ///
    /// One `UpdateItem`, however many sessions there are. As soon as it returns, no `load`, `update`
    /// or listing gives such a session any more, and no new id makes it younger. Their items stay
    /// until they expire. A request that had loaded one before can still write to it, which nobody
    /// will read.
    ///
    /// The time of creation is that of the host that created the session: to be sure of all until
    /// now, choose a moment as far ahead as clocks may differ. The moment never goes back.
    ///
    /// # Errors
    ///
    /// [`Error::Service`]; if it says [`outcome_unknown`](ServiceError::outcome_unknown), call it
    /// again.
    pub async fn revoke_all_created_before(&self, moment: SystemTime) -> Result<(), Error>
    where
        S: RevokeAll,
    {
        let revoke = || request::revoke_all(S::SCHEMA, Millis::of(moment)).alone(self.target());
        match self.update_item(revoke).await? {
            // Refused: a later moment stands.
            Written::Done(_) | Written::Refused { .. } | Written::TooLarge => Ok(()),
        }
    }

    /// The item of a session, unless that was revoked with all others.
    pub(crate) async fn read_with_everyone(
        &self,
        handle: SessionHandle,
        consistent: bool,
    ) -> Result<Option<Map>, ServiceError> {
        let mut items = Vec::new();
        let mut read = request::load_with_everyone(self.target(), handle, consistent);
        for attempt in 1..=MAX_ATTEMPTS {
            let answer = read.send().await;
            let answer = answer.map_err(|error| self.failed("BatchGetItem", error))?;
            let answered = answer.responses.into_iter().flatten();
            items.extend(answered.flat_map(|(_, items)| items));
            let Some(left) = answer.unprocessed_keys.filter(|left| !left.is_empty()) else {
                let session = |item: &Map| handle_of(S::SCHEMA, item).is_some();
                let (sessions, everyone): (Vec<_>, Vec<_>) = items.into_iter().partition(session);
                let mut sessions = sessions.into_iter();
                let revoked = |item: &Map| {
                    let mut everyone = everyone.iter();
                    everyone.any(|everyone| is_revoked_with_all(S::SCHEMA, item, everyone))
                };
                return Ok(sessions.next().filter(|item| !revoked(item)));
            };
            read = self.client().batch_get_item().set_request_items(Some(left));
            backoff(attempt).await;
        }
        Err(ServiceError::unprocessed("BatchGetItem"))
    }

    /// Takes out of these items those whose sessions were revoked with all others.
    pub(crate) async fn leave_out_revoked(
        &self,
        items: &mut HashMap<SessionHandle, Map>,
    ) -> Result<(), Error> {
        if !S::SCHEMA.revoke_all || items.is_empty() {
            return Ok(());
        }
        let read = request::everyone(self.target()).send().await;
        let read = read.map_err(|error| self.failed("GetItem", error))?;
        if let Some(everyone) = read.item {
            items.retain(|_, item| !is_revoked_with_all(S::SCHEMA, item, &everyone));
        }
        Ok(())
    }
}
