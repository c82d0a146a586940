//! Capacity units, by the rules of AWS.
//!
//! A read unit is 4 KB, and a write unit is 1 KB; both are rounded up. A write is billed by the larger of the old and
//! the new item. An eventually consistent read costs half, and each part of a transaction twice. The entries of an
//! index are billed beside the item, in a transaction once. The engine never throttles.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::error::Outcome;
use super::request::Fields;

/// How a read is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consistency {
    Eventual,
    Strong,
    Transactional,
}

impl Consistency {
    /// As `ConsistentRead` asks for it.
    pub(crate) fn of(request: &Fields<'_>) -> Outcome<Self> {
        Ok(match request.flag("ConsistentRead")? {
            Some(true) => Self::Strong,
            _ => Self::Eventual,
        })
    }
}

/// The units for reading so many bytes. A read that finds nothing is billed as well.
pub(crate) fn read_units(bytes: usize, consistency: Consistency) -> f64 {
    let units = units(bytes, 4096);
    match consistency {
        Consistency::Eventual => units / 2.0,
        Consistency::Strong => units,
        Consistency::Transactional => units * 2.0,
    }
}

pub(crate) fn write_units(bytes: usize) -> f64 {
    units(bytes, 1024)
}

fn units(bytes: usize, of: usize) -> f64 {
    // An item has at most 400 KB, and a page 1 MB.
    bytes.div_ceil(of).max(1) as f64
}

/// The units of one table and its indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    pub(crate) table: f64,
    pub(crate) indexes: BTreeMap<String, f64>,
}

impl Units {
    pub(crate) fn of_table(units: f64) -> Self {
        Self {
            table: units,
            indexes: BTreeMap::new(),
        }
    }

    pub(crate) fn of_index(name: &str, units: f64) -> Self {
        Self {
            table: 0.0,
            indexes: BTreeMap::from([(name.to_owned(), units)]),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.table += other.table;
        for (name, units) in other.indexes {
            *self.indexes.entry(name).or_default() += units;
        }
    }

    fn total(&self) -> f64 {
        self.table + self.indexes.values().sum::<f64>()
    }
}

/// What `ReturnConsumedCapacity` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    None,
    Total,
    Indexes,
}

impl Detail {
    pub(crate) fn of(request: &Fields<'_>) -> Outcome<Self> {
        let words = [
            ("NONE", Self::None),
            ("TOTAL", Self::Total),
            ("INDEXES", Self::Indexes),
        ];
        let detail = request.one_of("ReturnConsumedCapacity", &words)?;
        Ok(detail.unwrap_or(Self::None))
    }
}

/// Which units a transaction names beside the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Neither,
    Reads,
    Writes,
}

/// What a request has used.
#[derive(Debug, Default)]
pub(crate) struct Bill(BTreeMap<String, Units>);

impl Bill {
    pub(crate) fn add(&mut self, table: &str, units: Units) {
        self.0.entry(table.to_owned()).or_default().add(units);
    }

    /// Writes `ConsumedCapacity` into the answer to a request for several tables.
    pub(crate) fn write(&self, answer: &mut Map<String, Json>, detail: Detail, named: Named) {
        if detail == Detail::None {
            return;
        }
        let tables = self.0.iter();
        let tables = tables.map(|(table, units)| json_of(table, units, detail, named));
        answer.insert(CONSUMED.to_owned(), tables.collect());
    }
}

const CONSUMED: &str = "ConsumedCapacity";

/// Writes `ConsumedCapacity` into the answer to a request for one table.
pub(crate) fn write_units_of(
    answer: &mut Map<String, Json>,
    detail: Detail,
    table: &str,
    units: &Units,
) {
    if detail != Detail::None {
        let consumed = json_of(table, units, detail, Named::Neither);
        answer.insert(CONSUMED.to_owned(), consumed);
    }
}

fn json_of(table: &str, units: &Units, detail: Detail, named: Named) -> Json {
    let of = |units: f64| match named {
        Named::Neither => json!({ "CapacityUnits": units }),
        Named::Reads => json!({ "CapacityUnits": units, "ReadCapacityUnits": units }),
        Named::Writes => json!({ "CapacityUnits": units, "WriteCapacityUnits": units }),
    };
    let mut consumed = of(units.total());
    if let Some(consumed) = consumed.as_object_mut() {
        consumed.insert("TableName".to_owned(), table.into());
        if detail == Detail::Indexes {
            consumed.insert("Table".to_owned(), of(units.table));
            let indexes = units.indexes.iter();
            let indexes: Map<_, _> = indexes
                .map(|(name, units)| (name.clone(), of(*units)))
                .collect();
            if !indexes.is_empty() {
                consumed.insert("GlobalSecondaryIndexes".to_owned(), indexes.into());
            }
        }
    }
    consumed
}
