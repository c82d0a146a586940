//! Transactions: all of their parts or none.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::capacity::{Bill, Consistency, Detail, Named, Units, read_units};
use super::error::{EngineError, Outcome, Reason};
use super::expression::Projection;
use super::request::Fields;
use super::single::{projected, projection_of};
use super::size::item_size;
use super::tables::{Engine, table_name};
use super::tokens::Done;
use super::value::{Item, item_from_json};
use super::write::{Kind, Plan, Refusal, Write};

const MAX_PARTS: usize = 100;

/// The most bytes of the items.
const MAX_BYTES: usize = 4 * 1024 * 1024;

const MAX_TOKEN: usize = 36;

const KINDS: [(&str, Kind); 4] = [
    ("Put", Kind::Put),
    ("Update", Kind::Update),
    ("Delete", Kind::Delete),
    ("ConditionCheck", Kind::Check),
];

/// A part of a transaction, and the name of its table.
struct Part {
    table: String,
    write: Write,
}

/// A read of a transaction.
struct Get {
    table: String,
    key: Item,
    projection: Option<Projection>,
}

impl Engine {
    pub(super) fn transact_write_items(
        &mut self,
        request: &Fields<'_>,
        now: u64,
    ) -> Outcome<Map<String, Json>> {
        let detail = Detail::of(request)?;
        let json = parts_of(request)?;
        let token = request.text("ClientRequestToken")?;
        if token.is_some_and(|token| token.is_empty() || token.len() > MAX_TOKEN) {
            return Err(EngineError::validation(
                "1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: Member must \
                 have length from 1 to 36",
            ));
        }
        let parts: Vec<_> = json.iter().map(Part::of).collect::<Outcome<_>>()?;
        let mut answer = Map::new();
        if let Some(done) = token.and_then(|token| self.tokens.find(token, now)) {
            if done.parts != json {
                return Err(EngineError::token_mismatch());
            }
            let mut bill = Bill::default();
            for (table, units) in &done.reads {
                bill.add(table, Units::of_table(*units));
            }
            bill.write(&mut answer, detail, Named::Reads);
            return Ok(answer);
        }
        let plans = self.plans(&parts)?;
        let mut bill = Bill::default();
        let mut reads = Vec::new();
        for (part, plan) in parts.into_iter().zip(plans) {
            let table = self.table_mut(&part.table)?;
            let images = [&plan.old, &plan.new].into_iter().flatten();
            let size = images.map(item_size).max().unwrap_or(0);
            reads.push((
                table.name.clone(),
                read_units(size, Consistency::Transactional),
            ));
            let mut units = table.replace(&plan.key, plan.new);
            units.table *= 2.0;
            bill.add(&part.table, units);
        }
        if let Some(token) = token {
            let parts = json.to_vec();
            let done = Done {
                at: now,
                parts,
                reads,
            };
            self.tokens.0.insert(token.to_owned(), done);
        }
        bill.write(&mut answer, detail, Named::Writes);
        Ok(answer)
    }

    /// What all parts do to the tables as they are. The transaction is cancelled if one of them is refused.
    fn plans(&self, parts: &[Part]) -> Outcome<Vec<Plan>> {
        let mut seen = BTreeSet::new();
        for part in parts {
            // A key that does not fit is a reason to cancel, below.
            if let Ok(key) = part.write.key(self.table(&part.table)?)
                && !seen.insert((&part.table, key))
            {
                return Err(duplicates());
            }
        }
        let (mut plans, mut reasons) = (Vec::new(), Vec::new());
        for part in parts {
            match part.write.plan(self.table(&part.table)?) {
                Ok(plan) => {
                    plans.push(plan);
                    reasons.push(Reason::None);
                }
                Err(Refusal::Invalid(error)) if error.is_of_request() => return Err(error),
                Err(refusal) => reasons.push(refusal.into_reason()),
            }
        }
        if !reasons.iter().all(Reason::is_none) {
            return Err(EngineError::cancelled(reasons));
        }
        check_bytes(
            plans
                .iter()
                .filter_map(|plan| plan.new.as_ref())
                .map(item_size),
        )?;
        Ok(plans)
    }

    pub(super) fn transact_get_items(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let detail = Detail::of(request)?;
        let parts: Vec<_> = parts_of(request)?
            .iter()
            .map(Get::of)
            .collect::<Outcome<_>>()?;
        let mut seen = BTreeSet::new();
        let (mut found, mut reasons) = (Vec::new(), Vec::new());
        for Get {
            table,
            key,
            projection,
        } in &parts
        {
            let table = self.table(table)?;
            match table.schema.exact_key(key) {
                Ok(key) => {
                    found.push((table, table.items.get(&key), projection));
                    reasons.push(Reason::None);
                    if !seen.insert((&table.name, key)) {
                        return Err(duplicates());
                    }
                }
                Err(error) => reasons.push(Reason::Invalid(error.into_message())),
            }
        }
        if !reasons.iter().all(Reason::is_none) {
            return Err(EngineError::cancelled(reasons));
        }
        check_bytes(found.iter().filter_map(|(_, item, _)| item.map(item_size)))?;
        let mut bill = Bill::default();
        let mut responses = Vec::new();
        for (table, item, projection) in found {
            let units = read_units(item.map_or(0, item_size), Consistency::Transactional);
            bill.add(&table.name, Units::of_table(units));
            responses.push(match item {
                Some(item) => json!({ "Item": projected(projection.as_ref(), item) }),
                None => json!({}),
            });
        }
        let mut answer = Map::new();
        answer.insert("Responses".to_owned(), responses.into());
        bill.write(&mut answer, detail, Named::Reads);
        Ok(answer)
    }
}

impl Get {
    fn of(json: &Json) -> Outcome<Self> {
        let ((), get) = only_member(json, &[("Get", ())])?;
        let key = get.required("Key", get.json("Key"))?;
        Ok(Self {
            table: get.required_text("TableName")?.to_owned(),
            key: item_from_json(key)?,
            projection: projection_of(&get)?,
        })
    }
}

impl Part {
    /// Reads a part. Its table is looked up later, when all parts are known to be well-formed.
    fn of(json: &Json) -> Outcome<Self> {
        let (kind, request) = only_member(json, &KINDS)?;
        let table = table_name(request.required_text("TableName")?).to_owned();
        match kind {
            Kind::Update => drop(request.required_text("UpdateExpression")?),
            Kind::Check => drop(request.required_text("ConditionExpression")?),
            Kind::Put | Kind::Delete => {}
        }
        let write = Write::of(kind, &request)?;
        Ok(Self { table, write })
    }
}

fn parts_of<'a>(request: &Fields<'a>) -> Outcome<&'a [Json]> {
    let parts = request.required("TransactItems", request.list("TransactItems")?)?;
    match parts.len() {
        1..=MAX_PARTS => Ok(parts),
        _ => Err(EngineError::validation(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have \
             length from 1 to 100",
        )),
    }
}

/// The one member of a part, which tells its kind.
fn only_member<'a, T: Copy>(json: &'a Json, kinds: &[(&str, T)]) -> Outcome<(T, Fields<'a>)> {
    let part = Fields::of(json)?;
    let mut found = Vec::new();
    for (name, kind) in kinds {
        if let Some(fields) = part.fields(name)? {
            found.push((*kind, fields));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(EngineError::validation(
            "TransactItems can only contain one of Check, Put, Update or Delete",
        )),
    }
}

fn duplicates() -> EngineError {
    EngineError::validation("Transaction request cannot include multiple operations on one item")
}

fn check_bytes(sizes: impl Iterator<Item = usize>) -> Outcome<()> {
    match sizes.sum::<usize>() <= MAX_BYTES {
        true => Ok(()),
        false => Err(EngineError::validation(
            "Collective item size in the transaction exceeds the maximum of 4 MB",
        )),
    }
}
