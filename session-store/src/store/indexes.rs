//! Which indexes have every session of the type, and which a deploy has added since (G19).

use crate::dynamodb::request;
use crate::error::{Chain, Error, ServiceError};
use crate::item::{CompleteIndexes, index_names};
use crate::schema::{Attribute, SessionAttributes};

use super::handle::DynamoDbStore;

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// The names of the attributes whose indexes may lack sessions: those that the type got while there were
    /// sessions, until [`reindex`](Self::reindex) has gone through the table once.
    ///
    /// A new table has no note of that, so call `reindex` once there too: then it is a `Scan` and an `UpdateItem`.
    /// Only the store that has created the table knows that nothing is missing, for an hour. With the embedded engine,
    /// each store does that was built before the first session of its type, for as long as it lives.
    ///
    /// One `GetItem`. If it fails, [`Revoked::is_complete`](crate::Revoked::is_complete) is false as well.
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn incomplete_indexes(&self) -> Result<Vec<&'static str>, Error> {
        let table = self.table();
        let complete = self.complete_indexes().await?;
        let is_known = |attribute: &Attribute| self.indexes().has(attribute, table.now());
        let indexed = S::SCHEMA.attributes.iter().filter(|a| a.index.is_some());
        let incomplete =
            indexed.filter(|attribute| !complete.has(attribute) && !is_known(attribute));
        Ok(incomplete.map(Attribute::name).collect())
    }

    /// Whether the index of this attribute has every session of the type, as far as is known. It asks the table
    /// if it was not known lately, and warns once.
    pub(super) async fn is_index_complete(&self, attribute: &Attribute) -> bool {
        let table = self.table();
        if self.indexes().has(attribute, table.now()) {
            return true;
        }
        let is_complete = match self.complete_indexes().await {
            Ok(complete) => {
                self.indexes().note(complete, table.now());
                self.indexes().has(attribute, table.now())
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "it is not known whether an index is complete");
                return false;
            }
        };
        if !is_complete && self.indexes().is_first_warning() {
            let (table, index) = (self.table_name(), attribute.name);
            tracing::warn!(
                table,
                index,
                "an index may lack sessions that are older than it; run `reindex` once"
            );
        }
        is_complete
    }

    /// Those that are complete: as the table says, or if it says nothing, as its only process knows.
    async fn complete_indexes(&self) -> Result<CompleteIndexes, ServiceError> {
        let noted = self.table().complete_indexes().await?;
        Ok(match noted.is_empty() {
            true => self.indexes().owned(),
            false => noted,
        })
    }

    /// Takes all indexes for complete, since the table is new. Nothing is written: a table without sessions has no
    /// items.
    pub(super) fn know_all_indexes_complete(&self) {
        let table = self.table();
        let complete = CompleteIndexes::all(table.schema());
        self.indexes().note(complete, table.now());
    }

    /// Notes that no other process has the table, so that what is complete stays so. Another type may have made it: then
    /// all are if this type has no session yet.
    pub(crate) async fn own_table(&self) {
        if let Ok(Some(false)) = self.table().has_session().await {
            self.know_all_indexes_complete();
        }
        self.indexes().note_owned();
    }

    /// Notes in the table that all indexes of the type are complete.
    pub(super) async fn note_complete_indexes(&self) -> Result<(), Error> {
        let table = self.table();
        let schema = table.schema();
        let names = index_names(schema);
        let note = || {
            let note = match names.is_empty() {
                false => request::complete(schema, names.clone()),
                true => request::forget_position(schema),
            };
            note.into_update_item(table)
        };
        table.update_patiently(note).await?;
        self.know_all_indexes_complete();
        Ok(())
    }

    /// Notes that no index of the type can be relied on: a session was not in this one, so that a program without it
    /// has written since it was complete. Once an hour at most: what one session shows, the next one does too.
    ///
    /// No doubt arises while a reindex runs, since the table says then that nothing is complete.
    pub(super) async fn note_incomplete_indexes(&self, unindexed: Option<&Attribute>) {
        let table = self.table();
        if unindexed.is_none() || !self.indexes().is_news(table.now()) {
            return;
        }
        let note = || request::incomplete(table.schema()).into_update_item(table);
        if let Err(error) = table.update(note).await {
            tracing::warn!(error = %Chain(&error), "an index lacks sessions, and it could not be noted that it is not complete");
        }
    }
}
