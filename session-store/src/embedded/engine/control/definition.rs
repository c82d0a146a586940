//! The definition of a table: its keys, its indexes and how it is billed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{EngineError, Outcome};
use super::super::index::{Index, Projected};
use super::super::key::{KeyAttribute, KeySchema};
use super::super::request::Fields;
use super::super::table::TableData;

/// The types of the attributes that keys are made of, each of which must be used.
pub(crate) struct Definitions {
    types: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

impl Definitions {
    pub(crate) fn of(request: &Fields<'_>) -> Outcome<Self> {
        let mut types = BTreeMap::new();
        for json in request.list("AttributeDefinitions")?.unwrap_or_default() {
            let definition = Fields::of(json)?;
            let name = definition.required_text("AttributeName")?;
            let words = [("S", "S"), ("N", "N"), ("B", "B")];
            let type_name = definition.one_of("AttributeType", &words)?;
            let type_name = definition.required("AttributeType", type_name)?;
            if types
                .insert(name.to_owned(), type_name.to_owned())
                .is_some()
            {
                return Err(invalid(&format!("Duplicate AttributeName: {name}")));
            }
        }
        let used = BTreeSet::new();
        Ok(Self { types, used })
    }

    /// Adds those of a table, which an update need not repeat.
    pub(crate) fn add_those_of(&mut self, table: &TableData) {
        let indexes = table.indexes.values().map(|index| &index.schema);
        for attribute in indexes
            .chain([&table.schema])
            .flat_map(KeySchema::attributes)
        {
            let (name, type_name) = (attribute.name.clone(), attribute.type_name.clone());
            self.types.entry(name).or_insert(type_name);
        }
    }

    fn attribute(&mut self, name: &str) -> Outcome<KeyAttribute> {
        let type_name = self.types.get(name).ok_or_else(|| {
            invalid(&format!(
                "Some index key attributes are not defined in AttributeDefinitions. Keys: [{name}]"
            ))
        })?;
        self.used.insert(name.to_owned());
        Ok(KeyAttribute {
            name: name.to_owned(),
            type_name: type_name.clone(),
        })
    }

    pub(crate) fn check_used(&self) -> Outcome<()> {
        match self.types.keys().find(|name| !self.used.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(invalid(&format!(
                "Some AttributeDefinitions are not used. AttributeDefinitions: [{name}]"
            ))),
        }
    }
}

/// Reads `KeySchema`.
pub(crate) fn schema_of(request: &Fields<'_>, definitions: &mut Definitions) -> Outcome<KeySchema> {
    const WRONG: &str = "a KeySchema has one HASH key first, and then at most one RANGE key";
    let elements = request.required("KeySchema", request.list("KeySchema")?)?;
    let mut attributes = Vec::new();
    for (json, expected) in elements.iter().zip(["HASH", "RANGE"]) {
        let element = Fields::of(json)?;
        let name = element.required_text("AttributeName")?;
        if element.required_text("KeyType")? != expected {
            return Err(invalid(WRONG));
        }
        attributes.push(definitions.attribute(name)?);
    }
    let mut attributes = attributes.into_iter();
    let schema = KeySchema {
        partition: attributes.next().ok_or_else(|| invalid(WRONG))?,
        sort: attributes.next(),
    };
    if elements.len() > 2 || schema.sort_name() == Some(&schema.partition.name) {
        return Err(invalid(WRONG));
    }
    Ok(schema)
}

/// Reads a global secondary index.
pub(crate) fn index_of(request: &Fields<'_>, definitions: &mut Definitions) -> Outcome<Index> {
    let name = request.required_text("IndexName")?;
    check_name(name)?;
    let projection = request.required("Projection", request.fields("Projection")?)?;
    let words = [
        ("ALL", "ALL"),
        ("KEYS_ONLY", "KEYS_ONLY"),
        ("INCLUDE", "INCLUDE"),
    ];
    let kind = projection.one_of("ProjectionType", &words)?;
    let others = projection.list("NonKeyAttributes")?;
    let projected = match (kind, others) {
        (Some("ALL"), None) => Projected::All,
        (Some("KEYS_ONLY"), None) => Projected::KeysOnly,
        (Some("INCLUDE"), Some(names)) if !names.is_empty() => {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            let names = names.collect::<Option<_>>();
            let names = names.ok_or_else(|| {
                EngineError::serialization("`NonKeyAttributes` has something else than strings")
            })?;
            Projected::Include(names)
        }
        _ => {
            return Err(invalid(
                "NonKeyAttributes belong to the ProjectionType INCLUDE, and to no other",
            ));
        }
    };
    Ok(Index {
        name: name.to_owned(),
        schema: schema_of(request, definitions)?,
        projected,
        entries: BTreeSet::new(),
    })
}

/// Whether the table is billed on demand, and its read and write units. `None` if the request does not say.
pub(crate) fn billing(request: &Fields<'_>) -> Outcome<Option<(bool, (i64, i64))>> {
    let words = [("PAY_PER_REQUEST", true), ("PROVISIONED", false)];
    let is_on_demand = request.one_of("BillingMode", &words)?;
    let throughput = request.fields("ProvisionedThroughput")?;
    match (is_on_demand, throughput) {
        (None, None) => Ok(None),
        (Some(true), None) => Ok(Some((true, (0, 0)))),
        (None | Some(false), Some(throughput)) => {
            let units = |name| throughput.required(name, throughput.integer(name)?);
            let units = (units("ReadCapacityUnits")?, units("WriteCapacityUnits")?);
            match units.0 > 0 && units.1 > 0 {
                true => Ok(Some((false, units))),
                false => Err(invalid(
                    "ReadCapacityUnits and WriteCapacityUnits must be positive",
                )),
            }
        }
        (Some(true), Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some(false), None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
    }
}

/// Refuses a name that neither a table nor an index can have.
pub(crate) fn check_name(name: &str) -> Outcome<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&name.len()) && name.chars().all(is_allowed) {
        true => Ok(()),
        false => Err(EngineError::validation(
            "a name of a table or an index has 3 to 255 characters out of a-z, A-Z, 0-9, '_', '-' and '.'",
        )),
    }
}

fn invalid(what: &str) -> EngineError {
    EngineError::validation(format!("One or more parameter values were invalid: {what}"))
}
