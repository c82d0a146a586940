//! DynamoDB in memory: what one request in JSON does to the tables, and the answer in JSON.
//!
//! The engine is a plain value. It has no threads, no clock and no I/O: its owner serialises the requests and tells
//! the time, so that each request is atomic and each read is consistent.
//!
//! # What differs from DynamoDB
//!
//! - It has the operations of [`Engine::execute`], and of the parameters those with expressions: the older ones, such as
//!   `AttributesToGet`, are refused. There are no local secondary indexes, streams, tags, backups and PartiQL.
//! - Indexes are always up to date. A table or an index can be used as soon as it is made.
//! - It never throttles, and no two transactions conflict.
//! - A reserved word is accepted as the name of an attribute, and the number of operators is not limited.
//! - A member of a request that has no meaning here is ignored, and so is the `null` of any member.
//! - Where a request has two faults, the one that is reported can be another. Messages are in part its own.
//! - The TTL deletes items when the owner calls [`Engine::sweep`], and never by itself.
//! - Sets come back in ascending order.

mod batch;
mod capacity;
mod control;
mod error;
mod expression;
mod index;
mod key;
mod number;
mod query;
mod request;
mod single;
mod size;
mod source;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod transaction;
mod value;
mod write;

use serde_json::Value as Json;

pub(crate) use self::error::EngineError;
use self::request::Fields;
pub(crate) use self::tables::{Engine, table_name};
use self::write::Kind;

impl Engine {
    /// Carries out a request, all of it or nothing, and returns the body of its answer. `now` is in milliseconds since
    /// 1970.
    ///
    /// # Errors
    ///
    /// The refusal that DynamoDB would answer with. It never panics, whatever the body is.
    pub(crate) fn execute(
        &mut self,
        operation: &str,
        body: &[u8],
        now: u64,
    ) -> Result<String, EngineError> {
        let request: Json = serde_json::from_slice(body).map_err(|error| {
            EngineError::serialization(format!("the request is no JSON: {error}"))
        })?;
        let request = &Fields::of(&request)?;
        let answer = match operation {
            "GetItem" => self.get_item(request),
            "PutItem" => self.write_item(Kind::Put, request),
            "UpdateItem" => self.write_item(Kind::Update, request),
            "DeleteItem" => self.write_item(Kind::Delete, request),
            "Query" => self.query(request),
            "Scan" => self.scan(request),
            "BatchGetItem" => self.batch_get_item(request),
            "BatchWriteItem" => self.batch_write_item(request),
            "TransactGetItems" => self.transact_get_items(request),
            "TransactWriteItems" => self.transact_write_items(request, now),
            "CreateTable" => self.create_table(request, now),
            "DescribeTable" => self.describe_table(request),
            "UpdateTable" => self.update_table(request),
            "DeleteTable" => self.delete_table(request),
            "ListTables" => self.list_tables(request),
            "UpdateTimeToLive" => self.update_time_to_live(request),
            "DescribeTimeToLive" => self.describe_time_to_live(request),
            _ => Err(EngineError::unknown_operation(operation)),
        };
        answer.map(|answer| Json::Object(answer).to_string())
    }
}
