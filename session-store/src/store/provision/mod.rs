//! `create_table` and `verify_table`. Nothing else calls DynamoDB's control plane (G12).

mod definition;

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{
    BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, IndexStatus,
    TableDescription, TableStatus, TimeToLiveDescription, TimeToLiveSpecification,
    TimeToLiveStatus,
};

use crate::dynamodb::incomplete;
use crate::error::{Error, SetupError};
use crate::schema::{Attribute, SessionAttributes};

use self::definition::{
    definitions, first_missing, global_indexes, index_keys, indexes, keys_only, table_keys,
};
use super::handle::DynamoDbStore;

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Creates the table, its indexes and its TTL, and waits until all of them can be used.
    ///
    /// It keeps everything that exists and fits, and adds everything that is missing. A new table is
    /// billed on demand. DynamoDB can take hours to fill an index of a large table; put a time-out around
    /// the call if that is too long to wait.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if a table of this name exists and does not fit, or if the engine has no TTL
    /// ([`is_ttl_unsupported`](SetupError::is_ttl_unsupported)), in which case everything else is ready;
    /// [`Error::Service`].
    pub async fn create_table(&self) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let create = self
            .client()
            .create_table()
            .table_name(self.table_name())
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(definitions(schema, indexes(schema))?))
            .set_key_schema(Some(table_keys(schema)?))
            .set_global_secondary_indexes(global_indexes(schema)?);
        match create.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => {}
            Err(error) => return Err(self.table().failed("CreateTable", error).into()),
        }

        let mut table = self.usable_table().await?;
        while let Some(missing) = first_missing(schema, &table)? {
            self.add_index(missing).await?;
            table = self.usable_table().await?;
        }
        self.enable_ttl().await
    }

    /// Checks that the table has the keys, indexes and TTL that the type needs.
    ///
    /// It sends two requests, `DescribeTable` and `DescribeTimeToLive`, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] with the first difference, or if the engine has no TTL
    /// ([`is_ttl_unsupported`](SetupError::is_ttl_unsupported)); [`Error::Service`].
    pub async fn verify_table(&self) -> Result<(), Error> {
        let described = self
            .client()
            .describe_table()
            .table_name(self.table_name())
            .send()
            .await;
        let described = described.map_err(|error| self.table().failed("DescribeTable", error))?;
        let table = described
            .table
            .unwrap_or_else(|| TableDescription::builder().build());
        if let Some(missing) = first_missing(S::SCHEMA, &table)? {
            let name = missing.index_name().unwrap_or_default();
            return Err(
                self.schema_mismatch(format!("has no index `{name}`; add it with `create_table`"))
            );
        }
        if !is_usable(&table) {
            return Err(self.schema_mismatch(
                "or one of its indexes is not active yet; try again later".into(),
            ));
        }
        match self.ttl().await?.time_to_live_status() {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => Ok(()),
            _ => Err(self.schema_mismatch("has no TTL; enable it with `create_table`".into())),
        }
    }

    /// Waits until the table and its indexes are active.
    async fn usable_table(&self) -> Result<TableDescription, Error> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self
                .client()
                .describe_table()
                .table_name(self.table_name())
                .send()
                .await
            {
                Ok(described) => {
                    if let Some(table) = described.table.filter(is_usable) {
                        return Ok(table);
                    }
                }
                // DynamoDB may not know a new table for a moment.
                Err(error) if error.code() == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(self.table().failed("DescribeTable", error).into()),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn add_index(&self, attribute: &Attribute) -> Result<(), Error> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .set_index_name(attribute.index_name())
            .set_key_schema(Some(index_keys(S::SCHEMA, attribute)?))
            .projection(keys_only())
            .build()
            .map_err(incomplete)?;
        let update = self
            .client()
            .update_table()
            .table_name(self.table_name())
            .set_attribute_definitions(Some(definitions(S::SCHEMA, std::iter::once(attribute))?))
            .global_secondary_index_updates(
                GlobalSecondaryIndexUpdate::builder().create(create).build(),
            );
        update
            .send()
            .await
            .map_err(|error| self.table().failed("UpdateTable", error))?;
        Ok(())
    }

    async fn enable_ttl(&self) -> Result<(), Error> {
        match self.ttl().await?.time_to_live_status() {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => return Ok(()),
            Some(TimeToLiveStatus::Disabling) => {
                return Err(
                    self.schema_mismatch("is having its TTL disabled; try again in an hour".into())
                );
            }
            _ => {}
        }
        let specification = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(S::SCHEMA.names.expires_at)
            .build()
            .map_err(incomplete)?;
        let update = self
            .client()
            .update_time_to_live()
            .table_name(self.table_name())
            .time_to_live_specification(specification);
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_unsupported(error.code()) => {
                Err(SetupError::ttl_unsupported(error).into())
            }
            Err(error) => Err(self.table().failed("UpdateTimeToLive", error).into()),
        }
    }

    /// The TTL of the table; an error if it is on another attribute.
    async fn ttl(&self) -> Result<TimeToLiveDescription, Error> {
        let describe = self
            .client()
            .describe_time_to_live()
            .table_name(self.table_name());
        let ttl = match describe.send().await {
            Ok(described) => described.time_to_live_description,
            Err(error) if is_unsupported(error.code()) => {
                return Err(SetupError::ttl_unsupported(error).into());
            }
            Err(error) => return Err(self.table().failed("DescribeTimeToLive", error).into()),
        };
        let ttl = ttl.unwrap_or_else(|| TimeToLiveDescription::builder().build());
        let wanted = S::SCHEMA.names.expires_at;
        match ttl.attribute_name() {
            Some(other) if other != wanted && ttl.time_to_live_status() != Some(&TimeToLiveStatus::Disabled) => {
                Err(self.schema_mismatch(format!("has its TTL on `{other}`, but the session type has it on `{wanted}`; change one of them")))
            }
            _ => Ok(ttl),
        }
    }

    fn schema_mismatch(&self, what: String) -> Error {
        SetupError::new(format!("table `{}` {what}", self.table_name())).into()
    }
}

/// Whether this is the error of an engine that does not have the operation.
fn is_unsupported(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "UnknownOperationException" | "UnsupportedOperation" | "UnsupportedOperationException"
        )
    )
}

fn is_usable(table: &TableDescription) -> bool {
    // A table can be used during an update.
    let active = matches!(
        table.table_status(),
        Some(TableStatus::Active | TableStatus::Updating)
    );
    active
        && table.global_secondary_indexes().iter().all(|index| {
            matches!(
                index.index_status(),
                Some(IndexStatus::Active | IndexStatus::Updating)
            )
        })
}
