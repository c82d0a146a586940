//! The differences that are known: where dynoxide 3.2 is not as DynamoDB, or where AWS does not document which of two
//! errors is the answer.

use serde_json::Map;

use super::answer::Answer;

/// Only the embedded engine refuses the request. Each has a reason, and a text that the message has.
const REFUSED_BY_US: [(&str, &str); 12] = [
    (
        "An ordering operator takes S, N and B alone. dynoxide checks the type of a value only when it compares.",
        "Incorrect operand type",
    ),
    (
        "DynamoDB refuses bounds in the wrong order, or of two types, for any item.",
        "BETWEEN operator requires upper bound",
    ),
    (
        "DynamoDB refuses `a = a`.",
        "first operand must be distinct",
    ),
    (
        "A set in a list or a map must have members. dynoxide checks only sets of the top level.",
        "set may not be empty",
    ),
    (
        "A set in a list or a map must have each member once. dynoxide checks only sets of the top level.",
        "contains duplicates",
    ),
    (
        "DynamoDB knows the names of all types.",
        "Invalid attribute type name",
    ),
    (
        "In a part of a transaction without an expression, some regions of AWS refuse placeholders, and some do not.",
        "unused in expressions",
    ),
    (
        "DynamoDB refuses a malformed expression before it begins a transaction.",
        "is not defined; attribute",
    ),
    (
        "DynamoDB looks at the key of an update before it looks at the item.",
        "This attribute is part of the key",
    ),
    (
        "DynamoDB refuses overlapping paths in any expression. dynoxide accepts `l[1]` and `l.x` in a projection.",
        "Two document paths",
    ),
    (
        "DynamoDB refuses a query for an empty key.",
        "cannot contain an empty string value. Key",
    ),
    (TWO_FAULTS, "multiple operations on one item"),
];

/// Only dynoxide refuses the request, or with another error.
const REFUSED_BY_DYNOXIDE: [(&str, &str); 2] = [
    (
        "A path into a key in a filter. The embedded engine finds nothing there.",
        "Key attributes must be scalars",
    ),
    (TWO_FAULTS, "multiple operations on one item"),
];

const TWO_FAULTS: &str = "The request has two faults. AWS does not document which one is reported.";

/// Why two answers that differ may differ, if the reason is known.
pub(super) fn known_difference(ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    refused_by_one(ours, theirs, &REFUSED_BY_US)
        .or_else(|| refused_by_one(theirs, ours, &REFUSED_BY_DYNOXIDE))
        .or_else(|| cancelled(ours))
        .or_else(|| returned_values(ours, theirs))
}

fn refused_by_one(
    one: &Answer,
    other: &Answer,
    known: &[(&'static str, &str)],
) -> Option<&'static str> {
    if one.code != "ValidationException" || one.code == other.code {
        return None;
    }
    let mut known = known.iter();
    let found = known.find(|(_, text)| one.says(text));
    found.map(|(reason, _)| *reason)
}

fn cancelled(ours: &Answer) -> Option<&'static str> {
    let is_known = ours.code == "TransactionCanceledException"
        && ours.says("This attribute is part of the key");
    is_known.then_some("dynoxide lets a transaction remove or set a key.")
}

/// What `ReturnValues` returns.
fn returned_values(ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    if ours.code != theirs.code {
        return None;
    }
    let list = |answer: &Answer| {
        let list = answer.body["Attributes"]["l"]["L"].as_array();
        list.map(Vec::len)
    };
    if list(ours) < list(theirs) {
        return Some("An element that is not there is not returned. dynoxide returns the list.");
    }
    let old = &theirs.body["Attributes"];
    if ours.body["Attributes"].is_null() && old.is_object() {
        let mut names = old.as_object().into_iter().flat_map(Map::keys);
        if names.all(|name| ["pk", "sk"].contains(&name.as_str())) {
            return Some("There is no old item before the first update. dynoxide returns its key.");
        }
    }
    None
}
