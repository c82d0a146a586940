//! The definition of a table by its schema, and the differences to the table that exists.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, GlobalSecondaryIndex, GlobalSecondaryIndexDescription, KeySchemaElement,
    KeyType as KeyRole, Projection, ProjectionType, ScalarAttributeType, TableDescription,
};

use crate::dynamodb::incomplete;
use crate::error::{Error, SetupError};
use crate::schema::{Attribute, KeyType, Schema};

pub(super) fn indexes(schema: &Schema) -> impl Iterator<Item = &Attribute> + Clone {
    schema
        .attributes
        .iter()
        .filter(|attribute| attribute.index_name().is_some())
}

/// Refuses a table whose keys are not those of the type.
pub(super) fn check_table(schema: &Schema, table: &TableDescription) -> Result<(), Error> {
    let name = table.table_name().unwrap_or_default();
    check_keys(
        &format!("table `{name}`"),
        &table_keys(schema)?,
        table.key_schema(),
        "use another table, or set the names with `id` and `sort_key` in `#[dynamo(..)]`",
    )?;
    check_types(name, &definitions(schema, indexes(schema))?, table)
}

/// Refuses an index whose keys are not those of the type.
pub(super) fn check_index(
    schema: &Schema,
    attribute: &Attribute,
    index: &GlobalSecondaryIndexDescription,
    table: &TableDescription,
) -> Result<(), Error> {
    let index_name = index.index_name().unwrap_or_default();
    let name = table.table_name().unwrap_or_default();
    check_keys(
        &format!("index `{index_name}` of table `{name}`"),
        &index_keys(schema, attribute)?,
        GlobalSecondaryIndexDescription::key_schema(index),
        "DynamoDB cannot change the keys of an index, so give the index of the type a new name with \
         `index(name = \"..\")`, and add it with `create_table`",
    )
}

fn check_keys(
    what: &str,
    wanted: &[KeySchemaElement],
    found: &[KeySchemaElement],
    fix: &str,
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
        "{what} has the keys {}, but the session type needs {}; {fix}",
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
            "the key `{}` of table `{name}` or of an index has the type {}, but in the session type it has the type {}; change one of them",
            wanted.attribute_name(),
            found.attribute_type().as_str(),
            wanted.attribute_type().as_str(),
        ))
        .into());
    }
    Ok(())
}

pub(super) fn table_keys(schema: &Schema) -> Result<Vec<KeySchemaElement>, Error> {
    let mut keys = vec![element(schema.names.id, KeyRole::Hash)?];
    if let Some((name, _)) = schema.sort_key {
        keys.push(element(name, KeyRole::Range)?);
    }
    Ok(keys)
}

/// The partition key is the value or its shard, and the sort key is the age.
pub(super) fn index_keys(
    schema: &Schema,
    attribute: &Attribute,
) -> Result<Vec<KeySchemaElement>, Error> {
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

/// The types of all keys. DynamoDB requires them, and accepts no other attribute.
pub(super) fn definitions<'a>(
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

/// `None` if there are no indexes: DynamoDB refuses an empty list.
pub(super) fn global_indexes(schema: &Schema) -> Result<Option<Vec<GlobalSecondaryIndex>>, Error> {
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

pub(super) fn keys_only() -> Projection {
    Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build()
}
