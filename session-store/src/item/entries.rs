//! The entries that serde writes of a session, against those that its schema declares.

use crate::error::EncodeError;
use crate::schema::{FlattenedEntries, Schema, SessionAttributes};

use super::value::Map;

/// The keys of a session's flattened fields, if none of them is an entry of another field.
pub(super) fn flattened_entries<S: SessionAttributes>(
    session: &S,
) -> Result<FlattenedEntries, EncodeError> {
    let mut flattened = FlattenedEntries::default();
    if let Some(fields) = S::SCHEMA.fields.filter(|_| S::SCHEMA.flattened) {
        session.flattened(&mut flattened);
        if let Some(conflict) = flattened.conflict(fields) {
            return Err(EncodeError::new(conflict.path(), conflict.to_string()));
        }
    }
    Ok(flattened)
}

/// Refuses entries that could not be read back: one that the schema does not know, and one that it expects
/// and serde did not write.
///
/// A load gives serde the entries of the schema's fields alone. The derive and serde read the same
/// attributes, but a `Serialize` can be written by hand.
pub(super) fn check_entries(
    schema: &Schema,
    flattened: &FlattenedEntries,
    data: &Map,
) -> Result<(), EncodeError> {
    // The next load would not have it.
    if let Some(name) = data.keys().find(|name| schema.forgets_entry(name)) {
        let cause = "the type's `Serialize` writes this entry, and its schema forgets it; leave it out of `forget`, \
                     or give it another name";
        return Err(EncodeError::new(name, cause));
    }
    let Some(fields) = schema.fields else {
        return Ok(());
    };
    let mut known = 0;
    for field in fields {
        if data.contains_key(field.name) {
            known += 1;
        } else if field.required {
            let cause = "the schema has this entry, and the type's `Serialize` does not write it; \
                         write it, or implement `SessionAttributes` by hand";
            return Err(EncodeError::new(field.name, cause));
        }
    }
    if known == data.len() {
        return Ok(());
    }
    let is_known = |name: &String| {
        let is_field = fields.iter().any(|field| field.name == name);
        // A type that is flattened by hand does not tell which entries it writes.
        is_field || schema.flattened && flattened.writes(name) != Some(false)
    };
    match data.keys().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(EncodeError::new(
            name,
            "the type's `Serialize` writes this entry, and the schema does not have it, so it would \
             not be read; give the field this name, or implement `SessionAttributes` by hand",
        )),
    }
}
