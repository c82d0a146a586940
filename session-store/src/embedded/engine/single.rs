//! The operations on one item.

use serde_json::{Map, Value as Json};

use super::capacity::{Consistency, Detail, Units, read_units, write_units_of};
use super::error::{EngineError, Outcome};
use super::expression::{Placeholders, Projection, parse_projection};
use super::request::Fields;
use super::size::item_size;
use super::tables::Engine;
use super::value::{Item, item_from_json, item_to_json};
use super::write::{Kind, Plan, Refusal, Write};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Returned {
    None,
    AllOld,
    UpdatedOld,
    AllNew,
    UpdatedNew,
}

/// An update can return all of them, and other writes the first two.
const RETURNED: [(&str, Returned); 5] = [
    ("NONE", Returned::None),
    ("ALL_OLD", Returned::AllOld),
    ("UPDATED_OLD", Returned::UpdatedOld),
    ("ALL_NEW", Returned::AllNew),
    ("UPDATED_NEW", Returned::UpdatedNew),
];

impl Engine {
    pub(super) fn get_item(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let consistency = Consistency::of(request)?;
        let detail = Detail::of(request)?;
        let projection = projection_of(request)?;
        let key = item_from_json(request.required("Key", request.json("Key"))?)?;
        let table = self.table_of(request)?;
        let key = table.schema.exact_key(&key)?;
        let item = table.items.get(&key);
        let units = read_units(item.map_or(0, item_size), consistency);
        let mut answer = Map::new();
        if let Some(item) = item {
            answer.insert("Item".to_owned(), projected(projection.as_ref(), item));
        }
        write_units_of(&mut answer, detail, &table.name, &Units::of_table(units));
        Ok(answer)
    }

    /// A put, an update or a delete.
    pub(super) fn write_item(
        &mut self,
        kind: Kind,
        request: &Fields<'_>,
    ) -> Outcome<Map<String, Json>> {
        let write = Write::of(kind, request)?;
        let returned = request.one_of("ReturnValues", &RETURNED)?;
        let returned = returned.unwrap_or(Returned::None);
        if kind != Kind::Update && !matches!(returned, Returned::None | Returned::AllOld) {
            let text = "ReturnValues can only be ALL_OLD or NONE";
            return Err(EngineError::validation(text));
        }
        let detail = Detail::of(request)?;
        let table = self.table_mut_of(request)?;
        let plan = write.plan(table).map_err(Refusal::into_error)?;
        let mut answer = Map::new();
        if let Some(attributes) = attributes(returned, &write, &plan) {
            answer.insert("Attributes".to_owned(), item_to_json(&attributes));
        }
        let units = table.replace(&plan.key, plan.new);
        write_units_of(&mut answer, detail, &table.name, &units);
        Ok(answer)
    }
}

/// What a write returns of the item before or after it.
fn attributes(returned: Returned, write: &Write, plan: &Plan) -> Option<Item> {
    let item = match returned {
        Returned::None => return None,
        Returned::AllOld | Returned::UpdatedOld => plan.old.as_ref()?,
        Returned::AllNew | Returned::UpdatedNew => plan.new.as_ref()?,
    };
    if matches!(returned, Returned::AllOld | Returned::AllNew) {
        return Some(item.clone());
    }
    let updated = Projection::of(write.update()?.paths()).project(item);
    (!updated.is_empty()).then_some(updated)
}

/// The projection of a request that has no other expression.
pub(super) fn projection_of(request: &Fields<'_>) -> Outcome<Option<Projection>> {
    let mut placeholders = Placeholders::names_of(request)?;
    let projection = match request.text("ProjectionExpression")? {
        Some(text) => Some(parse_projection(text, &mut placeholders)?),
        None => None,
    };
    placeholders.check_used()?;
    Ok(projection)
}

/// The wanted part of an item.
pub(super) fn projected(projection: Option<&Projection>, item: &Item) -> Json {
    match projection {
        Some(projection) => item_to_json(&projection.project(item)),
        None => item_to_json(item),
    }
}
