//! The item of a session type that tells which of its indexes are complete, and how far a reindex has come (G19).
//!
//! An index that a deploy adds has no session of before, until something writes what each lacks. A revocation by
//! such an index would report success, and miss sessions.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::schema::{Attribute, KeyType, Schema};

use super::key::key_of;
use super::lifetime::Millis;
use super::value::{Map, number};

/// The names of the complete indexes.
pub(crate) const COMPLETE: &str = "complete";

/// Where a reindex goes on, a map.
pub(crate) const POSITION: &str = "position";

const START: &str = "start";
const REACHED_AT: &str = "reached_at";
const INDEXES: &str = "indexes";
const FAILED: &str = "failed";

/// Its primary key. No handle begins with `#`.
pub(crate) fn indexes_key(schema: &Schema) -> Map {
    let type_name = schema.type_name.unwrap_or_default();
    key_of(schema, &format!("#indexes#{type_name}"))
}

/// The name of an index, by what a session has to have to be in it; `None` if the attribute has none.
fn name_of(attribute: &Attribute) -> Option<String> {
    let key = match attribute.key_type()? {
        KeyType::S => "S",
        KeyType::N => "N",
        KeyType::B => "B",
    };
    let name = attribute.name;
    Some(match (attribute.roster(), attribute.shards()) {
        // A session is in its roster also under a key of the type that the field had before.
        (Some(_), _) => format!("{name} roster"),
        (None, Some(shards)) => format!("{name} shards {}", shards.count),
        (None, None) => format!("{name} index {key}"),
    })
}

/// The names of all indexes of a type.
pub(crate) fn index_names(schema: &Schema) -> Vec<String> {
    schema.attributes.iter().filter_map(name_of).collect()
}

/// The indexes of a type that were complete when its item was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompleteIndexes(Vec<String>);

impl CompleteIndexes {
    /// Those in the item of the type.
    pub(crate) fn of(item: Option<&Map>) -> Self {
        let names = item.and_then(|item| item.get(COMPLETE)?.as_ss().ok());
        Self(names.cloned().unwrap_or_default())
    }

    /// All of a type, whose table is new.
    pub(crate) fn all(schema: &Schema) -> Self {
        Self(index_names(schema))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the index of this attribute has every session of its type.
    pub(crate) fn has(&self, attribute: &Attribute) -> bool {
        let Some(name) = name_of(attribute) else {
            return false;
        };
        let Some((prefix, count)) = attribute
            .shards()
            .and_then(|shards| Some((name.strip_suffix(&shards.count.to_string())?, shards.count)))
        else {
            return self.0.contains(&name);
        };
        // A session stays in its shard as long as that is read.
        let counts = self.0.iter().filter_map(|known| known.strip_prefix(prefix));
        counts
            .filter_map(|known| known.parse().ok())
            .any(|known: u32| known <= count)
    }
}

/// How far a reindex has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    /// The key of the last item that it has met.
    pub(crate) start: Map,
    /// How many sessions could not be mended so far.
    pub(crate) failed: u64,
}

impl Position {
    /// How long a position counts. Meanwhile no program without the indexes must run, so it is not for long.
    const LASTS: u64 = 24 * 60 * 60 * 1000;

    /// The position in the item of a type, if it was reached for the same indexes, and lately.
    pub(crate) fn of(schema: &Schema, item: &Map, now: Millis) -> Option<Self> {
        let position = item.get(POSITION)?.as_m().ok()?;
        let number = |name: &str| position.get(name)?.as_n().ok()?.parse::<u64>().ok();
        let indexes = position.get(INDEXES)?.as_s().ok()?;
        let reached_at = number(REACHED_AT)?;
        let is_recent = reached_at <= now.0 && now.0 - reached_at < Self::LASTS;
        (is_recent && *indexes == indexes_text(schema)).then_some(Self {
            start: position.get(START)?.as_m().ok()?.clone(),
            failed: number(FAILED)?,
        })
    }

    pub(crate) fn into_value(self, schema: &Schema, now: Millis) -> AttributeValue {
        let entries = [
            (START, AttributeValue::M(self.start)),
            (FAILED, number(self.failed)),
            (REACHED_AT, number(now.0)),
            (INDEXES, AttributeValue::S(indexes_text(schema))),
        ];
        let entries = entries.map(|(name, value)| (name.to_owned(), value));
        AttributeValue::M(Map::from(entries))
    }
}

/// What a position was reached for: sessions before it have these attributes and entries.
fn indexes_text(schema: &Schema) -> String {
    let mut names = index_names(schema);
    names.sort();
    format!("{names:?} {:?}", schema.absolute_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::OnLimit;

    const ATTRIBUTES: &[Attribute] = &[
        Attribute::index::<String>("user")
            .consistent()
            .limit(3, OnLimit::Reject),
        Attribute::index::<u64>("team").sharded(4, "team-shard"),
        Attribute::index::<u64>("plan"),
        Attribute::promoted("theme"),
    ];
    const SCHEMA: Schema = Schema::new("sessions").attributes(ATTRIBUTES).checked();

    fn complete(names: &[&str]) -> CompleteIndexes {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let item = Map::from([(COMPLETE.to_owned(), AttributeValue::Ss(names))]);
        CompleteIndexes::of(Some(&item))
    }

    #[test]
    fn an_index_is_named_by_what_its_sessions_have() {
        let names = ["user roster", "team shards 4", "plan index N"];
        assert_eq!(index_names(&SCHEMA), names);
        let all = CompleteIndexes::all(&SCHEMA);
        let has: Vec<_> = ATTRIBUTES
            .iter()
            .map(|attribute| all.has(attribute))
            .collect();
        assert_eq!(has, [true, true, true, false]);
        let none = CompleteIndexes::of(None);
        assert!(!ATTRIBUTES.iter().any(|attribute| none.has(attribute)));
    }

    #[test]
    fn an_index_of_another_kind_is_another_index() {
        let team = &ATTRIBUTES[1];
        for (names, expected) in [
            (["team shards 4"].as_slice(), true),
            // Those of fewer shards are read.
            (&["team shards 2"], true),
            (&["team shards 8"], false),
            (&["team roster", "team index N", "teams shards 4"], false),
        ] {
            assert_eq!(complete(names).has(team), expected, "{names:?}");
        }
        assert!(!complete(&["plan index S"]).has(&ATTRIBUTES[2]));
    }

    #[test]
    fn a_position_counts_for_a_day_and_for_the_same_indexes() {
        let position = Position {
            start: Map::from([("id".to_owned(), AttributeValue::S("x".to_owned()))]),
            failed: 2,
        };
        let value = position.clone().into_value(&SCHEMA, Millis(1_000));
        let item = Map::from([(POSITION.to_owned(), value)]);
        let at = |schema: &Schema, now| Position::of(schema, &item, Millis(now));
        assert_eq!(at(&SCHEMA, 1_000), Some(position.clone()));
        assert_eq!(at(&SCHEMA, 1_000 + 86_399_999), Some(position));
        assert_eq!(at(&SCHEMA, 1_000 + 86_400_000), None);
        assert_eq!(at(&SCHEMA, 999), None);
        const OTHER: Schema = Schema::new("sessions")
            .attributes(&[Attribute::index::<String>("user").consistent()])
            .checked();
        assert_eq!(at(&OTHER, 1_000), None);
    }
}
