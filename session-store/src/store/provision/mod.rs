//! The table from the schema: created, completed, verified. The only calls to DynamoDB's control
//! plane, and only when asked.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement,
    KeyType as KeyRole, Projection, ProjectionType, ScalarAttributeType, TableDescription,
    TableStatus, TimeToLiveDescription, TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::dynamodb::failure::incomplete;
use crate::error::{Error, SetupError};
use crate::schema::{Attribute, Schema};
use crate::schema::{KeyType, SessionAttributes};
use crate::store::handle::DynamoDbStore;

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Creates the table, its indexes and its TTL, and waits until all of them can be used.
    ///
    /// What is there already and fits stays as it is; what is missing is added. A new table is
    /// billed on demand. Filling an index of a large table takes DynamoDB as long as hours; put a
    /// time-out around the call if that is too long to wait.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if a table of this name is there and does not fit, or if the engine has no
    /// TTL ([`is_ttl_unsupported`](SetupError::is_ttl_unsupported)), in which case all else is
    /// ready; [`Error::Service`].
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
            Err(error) => return Err(self.failed("CreateTable", error).into()),
        }

        let mut table = self.usable_table().await?;
        while let Some(missing) = first_missing(schema, &table)? {
            self.add_index(missing).await?;
            table = self.usable_table().await?;
        }
        self.enable_ttl().await
    }

    /// Compares the table with what the type needs: keys, indexes and TTL.
    ///
    /// Two requests, `DescribeTable` and `DescribeTimeToLive`; nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] that names the first difference, or says that the engine has no TTL
    /// ([`is_ttl_unsupported`](SetupError::is_ttl_unsupported)); [`Error::Service`].
    pub async fn verify_table(&self) -> Result<(), Error> {
        let described = self
            .client()
            .describe_table()
            .table_name(self.table_name())
            .send()
            .await;
        let described = described.map_err(|error| self.failed("DescribeTable", error))?;
        let table = described
            .table
            .unwrap_or_else(|| TableDescription::builder().build());
        if let Some(missing) = first_missing(S::SCHEMA, &table)? {
            let name = missing.index_name().unwrap_or_default();
            return Err(self.misfit(format!(
                "lacks the index `{name}`; add it with `create_table`"
            )));
        }
        if !is_usable(&table) {
            return Err(self.misfit("or an index of it is not active yet; try again later".into()));
        }
        match self.ttl().await?.time_to_live_status() {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => Ok(()),
            _ => Err(self.misfit("has no TTL; enable it with `create_table`".into())),
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
                // A new table can be unknown for a moment.
                Err(error) if error.code() == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(self.failed("DescribeTable", error).into()),
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
            .map_err(|error| self.failed("UpdateTable", error))?;
        Ok(())
    }

    async fn enable_ttl(&self) -> Result<(), Error> {
        match self.ttl().await?.time_to_live_status() {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => return Ok(()),
            Some(TimeToLiveStatus::Disabling) => {
                return Err(self.misfit("is having its TTL disabled; try again in an hour".into()));
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
            Err(error) => Err(self.failed("UpdateTimeToLive", error).into()),
        }
    }

    /// The TTL of the table, if it is on the right attribute or on none.
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
            Err(error) => return Err(self.failed("DescribeTimeToLive", error).into()),
        };
        let ttl = ttl.unwrap_or_else(|| TimeToLiveDescription::builder().build());
        let wanted = S::SCHEMA.names.expires_at;
        match ttl.attribute_name() {
            Some(other) if other != wanted && ttl.time_to_live_status() != Some(&TimeToLiveStatus::Disabled) => {
                Err(self.misfit(format!("has its TTL on `{other}`, and the session type on `{wanted}`; change one of them")))
            }
            _ => Ok(ttl),
        }
    }

    fn misfit(&self, what: String) -> Error {
        SetupError::new(format!("table `{}` {what}", self.table_name())).into()
    }
}

/// What an engine answers that does not know the call.
fn is_unsupported(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "UnknownOperationException" | "UnsupportedOperation" | "UnsupportedOperationException"
        )
    )
}

fn is_usable(table: &TableDescription) -> bool {
    // An update of the table does not keep it from being used.
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

fn indexes(schema: &Schema) -> impl Iterator<Item = &Attribute> + Clone {
    schema
        .attributes
        .iter()
        .filter(|attribute| attribute.index_name().is_some())
}

/// The first index of the schema that the table lacks, if all else that it has fits.
fn first_missing<'a>(
    schema: &'a Schema,
    table: &TableDescription,
) -> Result<Option<&'a Attribute>, Error> {
    let name = table.table_name().unwrap_or_default();
    check_keys(
        &format!("table `{name}`"),
        &table_keys(schema)?,
        table.key_schema(),
        "use another table, or name them in `#[dynamo(..)]`",
    )?;
    check_types(name, &definitions(schema, indexes(schema))?, table)?;

    let mut missing = None;
    for attribute in indexes(schema) {
        let index_name = attribute.index_name().unwrap_or_default();
        let found = table
            .global_secondary_indexes()
            .iter()
            .find(|index| index.index_name() == Some(&index_name));
        match found {
            Some(index) => {
                let what = format!("index `{index_name}` of table `{name}`");
                check_keys(
                    &what,
                    &index_keys(schema, attribute)?,
                    GlobalSecondaryIndexDescription::key_schema(index),
                    "DynamoDB does not change them, so give the index of the type a new name, \
                     `index(name = \"..\")`, and add it with `create_table`",
                )?;
            }
            None => missing = missing.or(Some(attribute)),
        }
    }
    Ok(missing)
}

fn check_keys(
    what: &str,
    wanted: &[KeySchemaElement],
    found: &[KeySchemaElement],
    mend: &str,
) -> Result<(), Error> {
    if wanted == found {
        return Ok(());
    }
    let names = |keys: &[KeySchemaElement]| {
        keys.iter()
            .map(|key| format!("`{}`", key.attribute_name()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Err(SetupError::new(format!(
        "{what} has the keys {}, and the session type needs {}; {mend}",
        names(found),
        names(wanted),
    ))
    .into())
}

fn check_types(
    name: &str,
    wanted: &[AttributeDefinition],
    table: &TableDescription,
) -> Result<(), Error> {
    for wanted in wanted {
        let found = table
            .attribute_definitions()
            .iter()
            .find(|found| found.attribute_name() == wanted.attribute_name());
        let Some(found) = found.filter(|found| found.attribute_type() != wanted.attribute_type())
        else {
            continue;
        };
        return Err(SetupError::new(format!(
            "the key `{}` of table `{name}` or of an index has the type {}, and in the session type it is {}; change one of them",
            wanted.attribute_name(),
            found.attribute_type().as_str(),
            wanted.attribute_type().as_str(),
        ))
        .into());
    }
    Ok(())
}

fn table_keys(schema: &Schema) -> Result<Vec<KeySchemaElement>, Error> {
    let mut keys = vec![element(schema.names.id, KeyRole::Hash)?];
    if let Some((name, _)) = schema.sort_key {
        keys.push(element(name, KeyRole::Range)?);
    }
    Ok(keys)
}

/// By value or its shard, then by age.
fn index_keys(schema: &Schema, attribute: &Attribute) -> Result<Vec<KeySchemaElement>, Error> {
    let (name, _) = partition_key(attribute);
    Ok(vec![
        element(name, KeyRole::Hash)?,
        element(schema.names.created_at, KeyRole::Range)?,
    ])
}

fn partition_key(attribute: &Attribute) -> (&'static str, Option<ScalarAttributeType>) {
    match attribute.shards() {
        Some(shards) => (shards.attribute, Some(ScalarAttributeType::S)),
        None => (attribute.name, attribute.key_type().map(KeyType::scalar)),
    }
}

fn element(name: &str, role: KeyRole) -> Result<KeySchemaElement, Error> {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(role)
        .build()
        .map_err(incomplete)
}

/// The types of all keys: DynamoDB wants to know those, and of no other attribute.
fn definitions<'a>(
    schema: &Schema,
    indexes: impl Iterator<Item = &'a Attribute> + Clone,
) -> Result<Vec<AttributeDefinition>, Error> {
    let mut types = vec![(schema.names.id, ScalarAttributeType::S)];
    if let Some((name, _)) = schema.sort_key {
        types.push((name, ScalarAttributeType::S));
    }
    if indexes.clone().next().is_some() {
        types.push((schema.names.created_at, ScalarAttributeType::N));
    }
    types.extend(indexes.filter_map(|attribute| {
        let (name, of) = partition_key(attribute);
        Some((name, of?))
    }));
    let define = |(name, of): (&str, ScalarAttributeType)| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(of)
            .build()
            .map_err(incomplete)
    };
    types.into_iter().map(define).collect()
}

/// None where there are none: DynamoDB refuses an empty list.
fn global_indexes(schema: &Schema) -> Result<Option<Vec<GlobalSecondaryIndex>>, Error> {
    let build = |attribute: &Attribute| {
        GlobalSecondaryIndex::builder()
            .set_index_name(attribute.index_name())
            .set_key_schema(Some(index_keys(schema, attribute)?))
            .projection(keys_only())
            .build()
            .map_err(incomplete)
    };
    let indexes: Vec<_> = indexes(schema).map(build).collect::<Result<_, _>>()?;
    Ok(Some(indexes).filter(|indexes| !indexes.is_empty()))
}

fn keys_only() -> Projection {
    Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build()
}
