//! The parts of an item.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Violation, require};
use crate::binaries::Fields;
use crate::plan::{ABSOLUTE, IDLE};

pub const OWN: [&str; 13] = [
    "id",
    "data",
    "created_at",
    "touched_at",
    "expires_at",
    "idle",
    "absolute",
    "version",
    "writes",
    "format",
    "session_type",
    "user-roster",
    "authenticated_at",
];

pub fn number(item: &Value, name: &str) -> Option<u64> {
    item[name]["N"].as_str()?.parse().ok()
}

pub fn expires_at(item: &Value) -> u64 {
    number(item, "expires_at").unwrap_or(0)
}

pub fn fields(item: &Value) -> BTreeMap<String, Option<u64>> {
    let data = item["data"]["M"].as_object();
    data.into_iter()
        .flatten()
        .map(|(name, _)| (name.clone(), number(&item["data"]["M"], name)))
        .collect()
}

/// The fields of an item, under the names of a program.
pub fn named(item: &Value, like: &Fields) -> Fields {
    let fields = fields(item);
    like.keys()
        .map(|name| (*name, fields.get(*name).copied().flatten()))
        .collect()
}

/// When a session ends, in milliseconds: at its stored end, or its idle timeout after its last use.
pub fn ends(item: &Value) -> u64 {
    let stored = expires_at(item) * 1000;
    let idle = number(item, "idle").unwrap_or(IDLE) * 1000;
    let used = number(item, "touched_at").map(|used| used + idle);
    used.unwrap_or(stored).min(stored)
}

pub fn is_live(item: &Value, millis: u64) -> bool {
    ends(item) > millis
}

pub fn marks(item: &Value) -> Vec<&str> {
    let list = item["writes"]["L"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(|mark| mark["B"].as_str())
        .collect()
}

/// G9: an item with a user says that its session is in the roster, if there are rosters, and no other does.
pub fn noted(item: &Value, has_rosters: bool) -> Result<(), Violation> {
    let wants_note = has_rosters && number(item, "user").is_some();
    require(
        item["user-roster"]["B"].is_string() == wants_note,
        "G9",
        || {
            format!(
                "the note of the roster is {}, of {item}",
                item["user-roster"]
            )
        },
    )
}

/// The attributes that neither the store nor these programs know.
pub fn strangers(item: &Value, known: &[&str]) -> BTreeMap<String, Value> {
    let item = item.as_object().into_iter().flatten();
    item.filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub fn absolute_end(item: &Value) -> u64 {
    number(item, "created_at").unwrap_or(0) / 1000 + ABSOLUTE
}

/// The same by the absolute timeout of its own, if it has one.
pub fn own_end(item: &Value) -> u64 {
    let own = number(item, "absolute").unwrap_or(ABSOLUTE);
    number(item, "created_at").unwrap_or(0) / 1000 + own
}

/// G2: an item names the format of its data, and has no format if the data is a map.
pub fn form(item: &Value) -> Result<(), Violation> {
    let (packed, format) = (&item["data"]["B"], &item["format"]);
    require(packed.is_string() == format["S"].is_string(), "G2", || {
        format!("data has the format {format}: {item}")
    })
}

/// G2: every item is a complete session, and its promoted attributes match its data.
pub fn well_formed(item: &Value) -> Result<(), Violation> {
    let numbers = ["created_at", "touched_at", "expires_at", "version"];
    let whole = numbers.iter().all(|name| number(item, name).is_some())
        && item["data"]["M"].is_object()
        && marks(item).len() == 4
        && item["id"]["S"].is_string();
    require(whole, "G2", || {
        format!("an item that is no session: {item}")
    })?;
    let fields = fields(item);
    for name in ["user", "level", "note"] {
        let value = fields.get(name).copied().flatten();
        require(number(item, name) == value, "G3", || {
            format!(
                "attribute `{name}` is {:?}, and the field {value:?}",
                number(item, name)
            )
        })?;
    }
    if let Some(sum) = number(item, "sum") {
        let parts = ["red", "green"].map(|name| fields[name].unwrap_or(0));
        require(sum == parts.iter().sum::<u64>(), "G3", || {
            format!("the computed attribute is {sum}, of {parts:?}")
        })?;
    }
    require(expires_at(item) <= own_end(item), "G6", || {
        format!(
            "it ends at {}, past its absolute timeout at {}",
            expires_at(item),
            own_end(item)
        )
    })
}
