//! Reads and writes of many items that do not depend on each other.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::capacity::{Bill, Consistency, Detail, Named, Units, read_units};
use super::error::{EngineError, Outcome};
use super::request::Fields;
use super::single::{projected, projection_of};
use super::size::item_size;
use super::tables::Engine;
use super::value::item_from_json;
use super::write::{Change, Refusal, Write};

const MAX_READS: usize = 100;
const MAX_WRITES: usize = 25;
/// A batch returns what it leaves unread after this many bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

impl Engine {
    pub(super) fn batch_get_item(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let detail = Detail::of(request)?;
        let tables = request.required("RequestItems", request.object("RequestItems")?)?;
        let mut bill = Bill::default();
        let (mut responses, mut unprocessed) = (Map::new(), Map::new());
        let (mut count, mut bytes) = (0, 0);
        for (name, wanted) in tables {
            let table = self.table(name)?;
            let wanted_fields = Fields::of(wanted)?;
            let consistency = Consistency::of(&wanted_fields)?;
            let projection = projection_of(&wanted_fields)?;
            let keys = wanted_fields.required("Keys", wanted_fields.list("Keys")?)?;
            count += keys.len();
            let mut seen = BTreeSet::new();
            let (mut items, mut left) = (Vec::new(), Vec::new());
            for json in keys {
                let key = table.schema.exact_key(&item_from_json(json)?)?;
                let item = table.items.get(&key);
                if !seen.insert(key) {
                    return Err(duplicates());
                }
                let size = item.map_or(0, item_size);
                if bytes + size > MAX_BYTES {
                    left.push(json.clone());
                    continue;
                }
                bytes += size;
                bill.add(&table.name, Units::of_table(read_units(size, consistency)));
                items.extend(item.map(|item| projected(projection.as_ref(), item)));
            }
            if !left.is_empty() {
                let mut rest = wanted.clone();
                if let Some(keys) = rest.get_mut("Keys") {
                    *keys = left.into();
                }
                unprocessed.insert(name.clone(), rest);
            }
            responses.insert(name.clone(), items.into());
        }
        check_count(count, MAX_READS)?;
        let mut answer = Map::new();
        answer.insert("Responses".to_owned(), responses.into());
        answer.insert("UnprocessedKeys".to_owned(), unprocessed.into());
        bill.write(&mut answer, detail, Named::Neither);
        Ok(answer)
    }

    /// Nothing is written if one of the writes is invalid.
    pub(super) fn batch_write_item(&mut self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let detail = Detail::of(request)?;
        let tables = request.required("RequestItems", request.object("RequestItems")?)?;
        let mut plans = Vec::new();
        for (name, writes) in tables {
            let table = self.table(name)?;
            let writes = writes.as_array().ok_or_else(|| {
                EngineError::serialization("a member of `RequestItems` is not a list")
            })?;
            let mut seen = BTreeSet::new();
            for write in writes {
                let plan = batched(write)?.plan(table).map_err(Refusal::into_error)?;
                if !seen.insert(plan.key.clone()) {
                    return Err(duplicates());
                }
                plans.push((table.name.clone(), plan));
            }
        }
        check_count(plans.len(), MAX_WRITES)?;
        let mut bill = Bill::default();
        for (name, plan) in plans {
            let table = self.table_mut(&name)?;
            bill.add(&name, table.replace(&plan.key, plan.new));
        }
        let mut answer = Map::new();
        answer.insert("UnprocessedItems".to_owned(), json!({}));
        bill.write(&mut answer, detail, Named::Neither);
        Ok(answer)
    }
}

/// One write of a batch.
fn batched(json: &Json) -> Outcome<Write> {
    let request = Fields::of(json)?;
    let change = match (
        request.fields("PutRequest")?,
        request.fields("DeleteRequest")?,
    ) {
        (Some(put), None) => {
            let item = put.required("Item", put.json("Item"))?;
            Change::Put(item_from_json(item)?)
        }
        (None, Some(delete)) => {
            let key = delete.required("Key", delete.json("Key"))?;
            Change::Delete(item_from_json(key)?)
        }
        _ => {
            return Err(EngineError::validation(
                "Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest",
            ));
        }
    };
    Ok(Write::unconditional(change))
}

fn check_count(count: usize, max: usize) -> Outcome<()> {
    match count {
        0 => Err(EngineError::validation(
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have \
             length greater than or equal to 1",
        )),
        count if count > max => Err(EngineError::validation(format!(
            "Too many items requested: {count}, and a batch has at most {max}"
        ))),
        _ => Ok(()),
    }
}

fn duplicates() -> EngineError {
    EngineError::validation("Provided list of item keys contains duplicates")
}
