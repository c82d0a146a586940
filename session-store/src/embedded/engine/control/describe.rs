//! The description of a table.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::super::index::{Index, Projected};
use super::super::key::KeySchema;
use super::super::size::item_size;
use super::super::table::TableData;

/// The description with this status. `created` is the index that is being made.
pub(super) fn description(table: &TableData, status: &str, created: Option<&str>) -> Json {
    let indexes = table.indexes.values();
    let schemas = indexes.clone().map(|index| &index.schema);
    let attributes = schemas
        .chain([&table.schema])
        .flat_map(KeySchema::attributes);
    let types: BTreeMap<_, _> = attributes
        .map(|attribute| (&attribute.name, &attribute.type_name))
        .collect();
    let types = types
        .iter()
        .map(|(name, type_name)| json!({ "AttributeName": name, "AttributeType": type_name }));
    let settings = &table.settings;
    let (reads, writes) = settings.provisioned;
    let throughput = json!({
        "NumberOfDecreasesToday": 0, "ReadCapacityUnits": reads, "WriteCapacityUnits": writes,
    });
    let arn = format!(
        "arn:aws:dynamodb:us-east-1:000000000000:table/{}",
        table.name
    );
    let mut described = json!({
        "TableName": table.name,
        "TableArn": arn,
        "TableId": format!("00000000-0000-0000-0000-{:012x}", settings.created_at & 0xffff_ffff_ffff),
        "TableStatus": status,
        // Seconds. Milliseconds of this age fit the 53 bits of an f64.
        "CreationDateTime": settings.created_at as f64 / 1000.0,
        "AttributeDefinitions": types.collect::<Vec<_>>(),
        "KeySchema": key_schema(&table.schema),
        "ItemCount": table.items.len(),
        "TableSizeBytes": table.items.values().map(item_size).sum::<usize>(),
        "ProvisionedThroughput": throughput,
        "DeletionProtectionEnabled": settings.is_protected,
    });
    let Some(members) = described.as_object_mut() else {
        return described;
    };
    if settings.is_on_demand {
        let billing = json!({ "BillingMode": "PAY_PER_REQUEST" });
        members.insert("BillingModeSummary".to_owned(), billing);
    }
    let indexes: Vec<_> = indexes
        .map(|index| {
            let status = match status {
                "CREATING" | "DELETING" => status,
                _ if created == Some(&index.name) => "CREATING",
                _ => "ACTIVE",
            };
            let mut described = index_description(table, index, status);
            let arn = format!("{arn}/index/{}", index.name);
            described.insert("IndexArn".to_owned(), arn.into());
            described.insert("ProvisionedThroughput".to_owned(), throughput.clone());
            Json::Object(described)
        })
        .collect();
    if !indexes.is_empty() {
        members.insert("GlobalSecondaryIndexes".to_owned(), indexes.into());
    }
    described
}

fn index_description(table: &TableData, index: &Index, status: &str) -> Map<String, Json> {
    let sizes = index.entries.iter().filter_map(|entry| {
        let item = table.items.get(&entry.of)?;
        Some(item_size(&index.view(&table.schema, item)))
    });
    let projection = match &index.projected {
        Projected::All => json!({ "ProjectionType": "ALL" }),
        Projected::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
        Projected::Include(names) => {
            json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names })
        }
    };
    let mut described = Map::new();
    for (name, value) in [
        ("IndexName", json!(index.name)),
        ("IndexStatus", json!(status)),
        ("KeySchema", key_schema(&index.schema)),
        ("Projection", projection),
        ("ItemCount", json!(index.entries.len())),
        ("IndexSizeBytes", json!(sizes.sum::<usize>())),
    ] {
        described.insert(name.to_owned(), value);
    }
    described
}

fn key_schema(schema: &KeySchema) -> Json {
    let elements = schema.names().zip(["HASH", "RANGE"]);
    let elements = elements.map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind }));
    elements.collect()
}
