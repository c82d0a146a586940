//! Parts of items.

use std::collections::BTreeMap;

use super::super::error::Outcome;
use super::super::value::{Item, Value};
use super::parser::Parser;
use super::path::{Path, Step};
use super::placeholders::Placeholders;

/// The parts of an item that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Projection(BTreeMap<String, Part>);

/// What is wanted of a value.
#[derive(Debug)]
enum Part {
    All,
    Parts(BTreeMap<Step, Self>),
}

impl Part {
    fn none() -> Self {
        Self::Parts(BTreeMap::new())
    }

    fn add(&mut self, steps: &[Step]) {
        match (steps.split_first(), self) {
            (None, part) => *part = Self::All,
            (Some((first, rest)), Self::Parts(parts)) => {
                let part = parts.entry(first.clone());
                part.or_insert_with(Self::none).add(rest);
            }
            (Some(_), Self::All) => {}
        }
    }
}

pub(crate) fn parse_projection(text: &str, placeholders: &mut Placeholders) -> Outcome<Projection> {
    let mut parser = Parser::new("ProjectionExpression", text, placeholders)?;
    let paths = parser.list(Parser::path)?;
    parser.finish(())?;
    parser.check_apart(paths.iter())?;
    Ok(Projection::of(paths.iter()))
}

impl Projection {
    /// The values at these paths, of which none leads through another.
    pub(crate) fn of<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        let mut attributes = BTreeMap::new();
        for path in paths {
            let part = attributes.entry(path.attribute.clone());
            part.or_insert_with(Part::none).add(&path.steps);
        }
        Self(attributes)
    }

    pub(crate) fn project(&self, item: &Item) -> Item {
        let parts = self.0.iter();
        let parts = parts.filter_map(|(name, part)| {
            let value = project(part, item.get(name)?)?;
            Some((name.clone(), value))
        });
        parts.collect()
    }
}

/// The wanted part of a value, if it has any. Elements of a list move together.
fn project(part: &Part, value: &Value) -> Option<Value> {
    let Part::Parts(parts) = part else {
        return Some(value.clone());
    };
    match value {
        Value::M(entries) => {
            let found: Item = parts
                .iter()
                .filter_map(|(step, part)| match step {
                    Step::Entry(name) => Some((name.clone(), project(part, entries.get(name)?)?)),
                    Step::Element(_) => None,
                })
                .collect();
            (!found.is_empty()).then_some(Value::M(found))
        }
        Value::L(elements) => {
            let found: Vec<_> = parts
                .iter()
                .filter_map(|(step, part)| match step {
                    Step::Element(at) => project(part, elements.get(*at)?),
                    Step::Entry(_) => None,
                })
                .collect();
            (!found.is_empty()).then_some(Value::L(found))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::value::{item_from_json, item_to_json};
    use super::*;

    #[test]
    fn parts_of_maps_and_lists_keep_their_shape() {
        let item = json!({
            "a": { "S": "x" },
            "m": { "M": { "k": { "S": "y" }, "l": { "L": [{ "S": "0" }, { "S": "1" }, { "S": "2" }] } } },
        });
        let item = item_from_json(&item).unwrap();
        for (projection, expected) in [
            ("a", json!({ "a": { "S": "x" } })),
            ("m.k, none", json!({ "m": { "M": { "k": { "S": "y" } } } })),
            (
                "m.l[2], m.l[0], m.l[7]",
                json!({ "m": { "M": { "l": { "L": [{ "S": "0" }, { "S": "2" }] } } } }),
            ),
            ("a.x, m.none, m.k.x", json!({})),
            ("m[0].b", json!({})),
        ] {
            let projection = parse_projection(projection, &mut Placeholders::default()).unwrap();
            assert_eq!(item_to_json(&projection.project(&item)), expected);
        }
    }
}
