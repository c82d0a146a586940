//! `revoke_all_created_before`: the cutoff, before which all sessions are revoked.

use std::time::SystemTime;

use futures_util::future::join_all;

use crate::dynamodb::{Written, request};
use crate::error::Error;
use crate::item::{CUTOFFS, Millis};
use crate::schema::SessionAttributes;
use crate::telemetry::{Ended, Event, note};

use super::handle::DynamoDbStore;

/// A session type whose sessions can be ended all at once, by
/// [`revoke_all_created_before`](DynamoDbStore::revoke_all_created_before).
///
/// `#[dynamo(revoke_all)]` on the struct implements it; by hand, it takes
/// [`Schema::revoke_all`](crate::Schema::revoke_all) as well.
#[diagnostic::on_unimplemented(
    message = "the sessions of `{Self}` cannot be ended all at once",
    label = "its loads do not check whether all sessions were revoked",
    note = "put `#[dynamo(revoke_all)]` on the struct; every load then costs one read unit more"
)]
pub trait RevokeAll: SessionAttributes {}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Ends every session of the table, or of the builder's [`key_prefix`](crate::Builder::key_prefix), that was
    /// created before a moment: for a stolen database, or a
    /// fault in the log-in.
    ///
    /// 16 `UpdateItem`s, however many sessions there are: the moment is kept in 16 items, of which each load
    /// reads one, since DynamoDB takes 3,000 reads of one item a second. As soon as it returns, no `load`,
    /// `update` or listing gives such a session any more, and a new id does not make it younger. A request
    /// that had loaded one before can still write to it, but no load gives it any more.
    ///
    /// A load that meets such a session deletes it, so that it has ended for programs without
    /// `revoke_all` as well. Those that no load has met keep their items until they expire. If you go back to
    /// a program without `revoke_all`, or restore the table from a backup of before, revoke again.
    ///
    /// The time of creation comes from the clock of the host that created the session. To be sure of all
    /// sessions until now, choose a moment as far ahead as clocks may differ. The moment never goes back.
    ///
    /// # Errors
    ///
    /// [`Error::Service`]. After any error call it again: some loads may find the moment, and others not.
    pub async fn revoke_all_created_before(&self, moment: SystemTime) -> Result<(), Error>
    where
        S: RevokeAll,
    {
        let table = self.table();
        let copies = (0..CUTOFFS).map(|copy| async move {
            let revoke = || {
                let cutoff = request::revoke_all(table.schema(), copy, Millis::of(moment));
                cutoff.into_update_item(table)
            };
            match table.update_patiently(revoke).await? {
                // Refused: a later moment stands.
                Written::Done(_) | Written::ConditionFailed { .. } | Written::TooLarge => {
                    Ok::<_, Error>(())
                }
            }
        });
        let revoke = async {
            // After an error, the other copies are written all the same.
            join_all(copies)
                .await
                .into_iter()
                .collect::<Result<(), _>>()
        };
        // Some copies of the moment may be written although it fails.
        table.announce_cutoff(Millis::of(moment));
        self.observe("revoke_all", revoke).await?;
        note(Event::Ended(Ended::RevokeAll), None);
        Ok(())
    }
}
