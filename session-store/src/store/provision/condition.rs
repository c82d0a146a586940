//! Whether a session type can use a table as it is, and what is missing. Only the indexes of this type count.

use aws_sdk_dynamodb::types::{
    GlobalSecondaryIndexDescription, IndexStatus, MultiRegionConsistency, TableDescription,
    TableStatus,
};

use crate::error::{Error, SetupError};
use crate::schema::{Attribute, Schema};

use super::definition::{check_index, check_table, indexes};
use super::waiting::Awaited;

/// What a session type finds.
pub(super) enum Condition<'a> {
    Ready,
    /// It is on its way there by itself.
    Pending(Awaited),
    /// It lacks this index.
    Lacks {
        index: &'a Attribute,
        /// An index of another type that is being made or deleted. A table allows one at a time.
        until: Option<Awaited>,
    },
}

impl<'a> Condition<'a> {
    /// The condition of this table; an error if waiting cannot mend it.
    pub(super) fn of(schema: &'a Schema, table: &'a TableDescription) -> Result<Self, Error> {
        check_status(table)?;
        check_consistency(table)?;
        if is_being_deleted(table) {
            return Ok(Self::Pending(Awaited::table(table_status(table))));
        }
        // The table keeps the keys of an index until it is deleted, and the next one can have others.
        let deleting = own_indexes(schema, table).find(|index| is_being_deleted_index(index));
        if let Some(index) = deleting {
            return Ok(Self::Pending(awaited(index)));
        }
        check_table(schema, table)?;
        for (attribute, index) in found_indexes(schema, table) {
            if let Some(index) = index {
                check_index(schema, attribute, index, table)?;
            }
        }

        if !is_usable(table) {
            return Ok(Self::Pending(Awaited::table(table_status(table))));
        }
        if let Some(index) = own_indexes(schema, table).find(|index| !is_usable_index(index)) {
            return Ok(Self::Pending(awaited(index)));
        }
        let mut found = found_indexes(schema, table);
        let Some((index, _)) = found.find(|(_, index)| index.is_none()) else {
            return Ok(Self::Ready);
        };
        let mut others = table.global_secondary_indexes().iter();
        let until = others.find(|other| !is_usable_index(other)).map(awaited);
        Ok(Self::Lacks { index, until })
    }
}

/// Everything that DynamoDB shows of its progress.
pub(super) fn progress(table: &TableDescription) -> String {
    let status = match is_usable(table) {
        true => "",
        false => table_status(table),
    };
    let mut indexes: Vec<_> = table
        .global_secondary_indexes()
        .iter()
        .map(|index| {
            let name = index.index_name().unwrap_or_default();
            let backfilling = index.backfilling().unwrap_or_default();
            format!("{name} {} {backfilling}", index_status(index))
        })
        .collect();
    indexes.sort_unstable();
    format!("{status}/{}", indexes.join("/"))
}

/// The index of each attribute of the type, if the table has it.
fn found_indexes<'a>(
    schema: &'a Schema,
    table: &'a TableDescription,
) -> impl Iterator<Item = (&'a Attribute, Option<&'a GlobalSecondaryIndexDescription>)> {
    indexes(schema).map(|attribute| {
        let name = attribute.index_name();
        let mut found = table.global_secondary_indexes().iter();
        let index = found.find(|index| index.index_name() == name.as_deref());
        (attribute, index)
    })
}

fn own_indexes<'a>(
    schema: &'a Schema,
    table: &'a TableDescription,
) -> impl Iterator<Item = &'a GlobalSecondaryIndexDescription> {
    found_indexes(schema, table).filter_map(|(_, index)| index)
}

/// Refuses a table that DynamoDB has locked.
fn check_status(table: &TableDescription) -> Result<(), Error> {
    let mend = match table.table_status() {
        Some(TableStatus::InaccessibleEncryptionCredentials) => {
            "DynamoDB cannot use its KMS key; enable the key, or give DynamoDB its permissions back, within seven \
             days, since DynamoDB archives the table then"
        }
        Some(TableStatus::Archiving | TableStatus::Archived) => {
            "DynamoDB archives a table whose KMS key it could not use for seven days; delete the table, and restore \
             it from the backup that DynamoDB has made, or create it anew"
        }
        _ => return Ok(()),
    };
    let (name, status) = (name(table), table_status(table));
    Err(SetupError::new(format!("the status of table `{name}` is {status}: {mend}")).into())
}

/// Refuses a table without transactions and TTL.
fn check_consistency(table: &TableDescription) -> Result<(), Error> {
    if table.multi_region_consistency() != Some(&MultiRegionConsistency::Strong) {
        return Ok(());
    }
    Err(SetupError::new(format!(
        "table `{}` is a global table with multi-Region strong consistency, which has no transactions and no TTL; \
         use a global table with eventual consistency, or a table in one Region",
        name(table)
    ))
    .into())
}

fn name(table: &TableDescription) -> &str {
    table.table_name().unwrap_or_default()
}

fn table_status(table: &TableDescription) -> &str {
    table.table_status().map_or("unknown", TableStatus::as_str)
}

fn index_status(index: &GlobalSecondaryIndexDescription) -> &str {
    index.index_status().map_or("unknown", IndexStatus::as_str)
}

/// Whether the table, with all its sessions, is on its way out.
pub(super) fn is_being_deleted(table: &TableDescription) -> bool {
    table.table_status() == Some(&TableStatus::Deleting)
}

fn is_being_deleted_index(index: &GlobalSecondaryIndexDescription) -> bool {
    index.index_status() == Some(&IndexStatus::Deleting)
}

/// Whether the table takes reads and writes, as it does during an update, and when it may not be replicated.
fn is_usable(table: &TableDescription) -> bool {
    matches!(
        table.table_status(),
        Some(TableStatus::Active | TableStatus::Updating | TableStatus::ReplicationNotAuthorized)
    )
}

fn is_usable_index(index: &GlobalSecondaryIndexDescription) -> bool {
    matches!(
        index.index_status(),
        Some(IndexStatus::Active | IndexStatus::Updating)
    )
}

fn awaited(index: &GlobalSecondaryIndexDescription) -> Awaited {
    Awaited::index(index.index_name().unwrap_or_default(), index_status(index))
}
