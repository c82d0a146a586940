//! The control plane. A table or an index can be used at once: the answer that makes it says `CREATING`, and every
//! later one says `ACTIVE`.

mod definition;
mod describe;
mod ttl;

use serde_json::{Map, Value as Json, json};

use self::definition::{Definitions, billing, check_name, index_of, schema_of};
use self::describe::description;
use super::error::{EngineError, Outcome};
use super::request::Fields;
use super::table::{Settings, TableData};
use super::tables::{Engine, table_name};

/// The most tables of one answer.
const MAX_LISTED: usize = 100;

/// The most indexes of a table.
const MAX_INDEXES: usize = 20;

impl Engine {
    pub(super) fn create_table(
        &mut self,
        request: &Fields<'_>,
        now: u64,
    ) -> Outcome<Map<String, Json>> {
        let name = table_name(request.required_text("TableName")?);
        check_name(name)?;
        if request
            .list("LocalSecondaryIndexes")?
            .is_some_and(|indexes| !indexes.is_empty())
        {
            return Err(EngineError::validation(
                "the embedded database has no local secondary indexes; use a global one",
            ));
        }
        let mut definitions = Definitions::of(request)?;
        let schema = schema_of(request, &mut definitions)?;
        let (is_on_demand, provisioned) = billing(request)?.ok_or_else(|| {
            EngineError::validation("No provisioned throughput specified for the table")
        })?;
        let settings = Settings {
            created_at: now,
            is_on_demand,
            provisioned,
            is_protected: request.flag("DeletionProtectionEnabled")?.unwrap_or(false),
        };
        let mut table = TableData {
            name: name.to_owned(),
            schema,
            items: Default::default(),
            indexes: Default::default(),
            settings,
            ttl: None,
            changed: Default::default(),
            tracks: self.tracks,
        };
        for json in request.list("GlobalSecondaryIndexes")?.unwrap_or_default() {
            let index = index_of(&Fields::of(json)?, &mut definitions)?;
            if table.indexes.contains_key(&index.name) {
                return Err(EngineError::validation(format!(
                    "Duplicate index name: {}",
                    index.name
                )));
            }
            table.add_index(index);
        }
        check_room(&table)?;
        definitions.check_used()?;
        if self.tables.contains_key(name) {
            return Err(EngineError::in_use(format!("Table already exists: {name}")));
        }
        let answer = json!({ "TableDescription": description(&table, "CREATING", None) });
        self.tables.insert(name.to_owned(), table);
        Ok(object(answer))
    }

    pub(super) fn describe_table(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let table = self.control_table(request)?;
        Ok(object(
            json!({ "Table": description(table, "ACTIVE", None) }),
        ))
    }

    pub(super) fn delete_table(&mut self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let table = self.control_table(request)?;
        let name = table.name.clone();
        if table.settings.is_protected {
            return Err(EngineError::validation(format!(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection \
                 first. TableData: {name}"
            )));
        }
        let answer = json!({ "TableDescription": description(table, "DELETING", None) });
        self.tables.remove(&name);
        Ok(object(answer))
    }

    pub(super) fn list_tables(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let start = request.text("ExclusiveStartTableName")?.unwrap_or_default();
        let limit = match request.integer("Limit")? {
            None => MAX_LISTED,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=MAX_LISTED).contains(limit))
                .ok_or_else(|| EngineError::validation("Limit must be from 1 to 100"))?,
        };
        let mut names = self.tables.keys().filter(|name| name.as_str() > start);
        let listed: Vec<_> = names.by_ref().take(limit).collect();
        let mut answer = object(json!({ "TableNames": listed }));
        if let (Some(last), Some(_)) = (listed.last(), names.next()) {
            answer.insert("LastEvaluatedTableName".to_owned(), last.as_str().into());
        }
        Ok(answer)
    }

    /// Other than in DynamoDB, an update takes no time, so that none refuses another.
    pub(super) fn update_table(&mut self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let mut definitions = Definitions::of(request)?;
        let billing = billing(request)?;
        let is_protected = request.flag("DeletionProtectionEnabled")?;
        let updates = request
            .list("GlobalSecondaryIndexUpdates")?
            .unwrap_or_default();
        let table = self.control_table_mut(request)?;
        definitions.add_those_of(table);
        let mut created = None;
        let mut changes = Vec::new();
        for json in updates {
            changes.extend(index_change(&Fields::of(json)?, table, &mut definitions)?);
        }
        if changes.len() > 1 {
            return Err(EngineError::limit_exceeded(
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
            ));
        }
        for change in changes {
            match change {
                Change::Create(index) => {
                    created = Some(index.name.clone());
                    check_room(table)?;
                    table.add_index(index);
                }
                Change::Delete(name) => {
                    table.indexes.remove(&name);
                }
            }
        }
        if let Some((is_on_demand, provisioned)) = billing {
            table.settings.is_on_demand = is_on_demand;
            table.settings.provisioned = provisioned;
        }
        if let Some(is_protected) = is_protected {
            table.settings.is_protected = is_protected;
        }
        let described = description(table, "UPDATING", created.as_deref());
        Ok(object(json!({ "TableDescription": described })))
    }

    fn control_table(&self, request: &Fields<'_>) -> Outcome<&TableData> {
        let name = table_name(request.required_text("TableName")?);
        self.tables.get(name).ok_or_else(|| absent(name))
    }

    fn control_table_mut(&mut self, request: &Fields<'_>) -> Outcome<&mut TableData> {
        let name = table_name(request.required_text("TableName")?);
        self.tables.get_mut(name).ok_or_else(|| absent(name))
    }
}

enum Change {
    Create(super::index::Index),
    Delete(String),
}

/// A change of an index; `None` if it is of its throughput, which has no meaning here.
fn index_change(
    update: &Fields<'_>,
    table: &TableData,
    definitions: &mut Definitions,
) -> Outcome<Option<Change>> {
    if let Some(create) = update.fields("Create")? {
        let index = index_of(&create, definitions)?;
        return match table.indexes.contains_key(&index.name) {
            true => Err(EngineError::validation(
                "Attempting to create an index which already exists",
            )),
            false => Ok(Some(Change::Create(index))),
        };
    }
    let (changed, is_delete) = match (update.fields("Delete")?, update.fields("Update")?) {
        (Some(delete), _) => (delete, true),
        (None, Some(update)) => (update, false),
        (None, None) => {
            return Err(EngineError::validation(
                "an update of an index changes nothing",
            ));
        }
    };
    let name = changed.required_text("IndexName")?;
    if !table.indexes.contains_key(name) {
        let text = format!(
            "Requested resource not found: Index: {name} of table {} not found",
            table.name
        );
        return Err(EngineError::not_found(text));
    }
    Ok(is_delete.then(|| Change::Delete(name.to_owned())))
}

/// Refuses one more index than a table can have.
fn check_room(table: &TableData) -> Outcome<()> {
    match table.indexes.len() < MAX_INDEXES {
        true => Ok(()),
        false => Err(EngineError::limit_exceeded(
            "a table has at most 20 global secondary indexes",
        )),
    }
}

fn absent(name: &str) -> EngineError {
    EngineError::not_found(format!(
        "Requested resource not found: Table: {name} not found"
    ))
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}
