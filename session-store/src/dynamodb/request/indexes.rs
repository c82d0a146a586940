//! Requests for a reindex, and for the item that tells which indexes are complete.

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{COMPLETE, Map, POSITION, indexes_key};
use crate::schema::Schema;

use super::expression::{Expression, Statement};
use super::session::get;
use crate::dynamodb::table::Table;

/// Reads the item of a type, consistently.
pub(crate) fn indexes(table: &Table) -> GetItemFluentBuilder {
    get(table, indexes_key(table.schema()))
}

/// Notes that these indexes of the type are complete, and no others: a program without the others is running.
pub(crate) fn complete(schema: &Schema, names: Vec<String>) -> Statement {
    let mut e = Expression::default();
    let (complete, position) = (e.name(COMPLETE), e.name(POSITION));
    let names = e.value(AttributeValue::Ss(names));
    let update = format!("SET {complete}={names} REMOVE {position}");
    Statement::unconditional(indexes_key(schema), e, update)
}

/// Notes that no index is complete, if the table says that one is.
pub(crate) fn incomplete(schema: &Schema) -> Statement {
    forget(schema, COMPLETE)
}

/// Notes how far a reindex has come.
pub(crate) fn note_position(schema: &Schema, position: AttributeValue) -> Statement {
    let mut e = Expression::default();
    let update = format!("SET {}={}", e.name(POSITION), e.value(position));
    Statement::unconditional(indexes_key(schema), e, update)
}

/// Lets the next reindex begin anew.
pub(crate) fn forget_position(schema: &Schema) -> Statement {
    forget(schema, POSITION)
}

/// Removes an attribute if it is there, so that no item begins by that.
fn forget(schema: &Schema, name: &str) -> Statement {
    let mut e = Expression::default();
    let name = e.name(name);
    let condition = format!("attribute_exists({name})");
    Statement::new(
        indexes_key(schema),
        e,
        Some(format!("REMOVE {name}")),
        condition,
    )
}

/// A page of all items of the table, with all that was written before it.
pub(crate) fn scan(table: &Table, start: Option<Map>, limit: i32) -> ScanFluentBuilder {
    table
        .client
        .scan()
        .table_name(&table.name)
        .consistent_read(true)
        .limit(limit)
        .set_exclusive_start_key(start)
}
