//! Tells a cache in front of the table of each write of this host to a session: before it is sent, and when it has
//! ended or nobody waits for it any more.

use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::id::SessionHandle;
use crate::item::{Map, Millis, handle_of};
use crate::schema::Schema;

use super::observer::WriteObserver;
use super::table::Table;

/// The sessions that a request writes to.
#[derive(Default)]
pub(super) struct WrittenKeys(Vec<SessionHandle>);

impl WrittenKeys {
    pub(super) fn of(schema: &Schema, key: Option<&Map>) -> Self {
        Self(
            key.and_then(|key| handle_of(schema, key))
                .into_iter()
                .collect(),
        )
    }

    pub(super) fn of_all(schema: &Schema, items: Option<&Vec<TransactWriteItem>>) -> Self {
        let keys = items.into_iter().flatten().filter_map(|item| {
            let update = item.update().map(|update| update.key());
            let delete = item.delete().map(|delete| delete.key());
            let key = update.or(delete).or(item.put().map(|put| put.item()))?;
            handle_of(schema, key)
        });
        Self(keys.collect())
    }
}

/// Writes that were announced and have not ended.
pub(super) struct Announced<'a> {
    observer: &'a dyn WriteObserver,
    keys: WrittenKeys,
}

impl Table {
    /// Announces that all sessions which were created before this moment are about to be ended.
    pub(crate) fn announce_cutoff(&self, moment: Millis) {
        if let Some(observer) = &self.observer {
            observer.cutoff(moment);
        }
    }

    /// Announces a request, if somebody wants to know.
    pub(super) fn announce(
        &self,
        keys: impl FnOnce(&Schema) -> WrittenKeys,
    ) -> Option<Announced<'_>> {
        let observer = &**self.observer.as_ref()?;
        let keys = keys(self.schema());
        for handle in &keys.0 {
            observer.begins(*handle);
        }
        Some(Announced { observer, keys })
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        for handle in &self.keys.0 {
            self.observer.ends(*handle);
        }
    }
}
