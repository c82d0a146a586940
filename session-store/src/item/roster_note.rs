//! The note in a session's item that the session is in the roster of its value.
//!
//! Without it, nobody could tell a session that was created before its index was consistent, or whose value was
//! changed by a program that does not know the index (G19). So the note is bound to handle and value: it does not
//! hold after a new id or another value that was written without it. It also says for which absolute timeout the
//! roster is kept, since a roster that TTL deletes before its sessions would lose them.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest as _, Sha256};

use crate::id::SessionHandle;
use crate::schema::{Attribute, IndexValue, Schema};

use super::value::{Map, key_text};

/// How many bytes of the digest are kept. No two rosters are confused by accident, and nobody gains by it.
pub(crate) const NOTE_DIGEST: usize = 8;

/// The notes of a session with these promoted attributes.
pub(super) fn notes<'a>(
    schema: &Schema,
    handle: SessionHandle,
    value_of: impl Fn(&str) -> Option<&'a AttributeValue>,
) -> Vec<(&'static str, AttributeValue)> {
    let note_of = |attribute: &'static Attribute| {
        let value = value_of(attribute.name)?;
        Some((
            attribute.note.as_str(),
            note(schema, handle, attribute, value),
        ))
    };
    schema.rosters().filter_map(note_of).collect()
}

/// The note of a session that is in the roster of this value.
pub(crate) fn note(
    schema: &Schema,
    handle: SessionHandle,
    attribute: &Attribute,
    value: &AttributeValue,
) -> AttributeValue {
    let mut note = note_digest(handle, attribute, value);
    note.extend(schema.absolute_timeout.as_secs().to_be_bytes());
    AttributeValue::B(Blob::new(note))
}

/// The beginning of a note: what it is bound to.
pub(crate) fn note_digest(
    handle: SessionHandle,
    attribute: &Attribute,
    value: &AttributeValue,
) -> Vec<u8> {
    let kind: &[u8] = match value {
        AttributeValue::N(_) => b"N",
        AttributeValue::B(_) => b"B",
        _ => b"S",
    };
    let mut digest = Sha256::new();
    // A handle has a fixed length, and the type of a value is one letter, so that no two digests are of one text.
    digest.update(handle.to_string());
    digest.update(kind);
    digest.update((attribute.name.len() as u64).to_be_bytes());
    digest.update(attribute.name);
    digest.update(key_text(value).as_bytes());
    digest.finalize().into_iter().take(NOTE_DIGEST).collect()
}

/// Whether an item has the note of this roster.
pub(crate) fn has_note(handle: SessionHandle, of: &IndexValue, item: &Map) -> bool {
    let stored = item.get(of.attribute.note.as_str());
    let digest = note_digest(handle, of.attribute, &of.value);
    stored.is_some_and(|stored| {
        stored
            .as_b()
            .is_ok_and(|stored| stored.as_ref().starts_with(&digest))
    })
}

/// Whether a stored note is of the same roster, whatever timeout it is kept for.
pub(super) fn is_same_roster(stored: Option<&AttributeValue>, own: &AttributeValue) -> bool {
    let digest = |note: &AttributeValue| {
        note.as_b()
            .ok()?
            .as_ref()
            .get(..NOTE_DIGEST)
            .map(<[u8]>::to_vec)
    };
    stored.is_some_and(|stored| digest(stored).is_some() && digest(stored) == digest(own))
}

/// Whether a stored note says as much as this one.
pub(super) fn is_current_note(stored: Option<&AttributeValue>, own: &AttributeValue) -> bool {
    let (Some(AttributeValue::B(stored)), AttributeValue::B(own)) = (stored, own) else {
        return false;
    };
    let (Some((stored, stored_timeout)), Some((own, own_timeout))) = (
        stored.as_ref().split_at_checked(NOTE_DIGEST),
        own.as_ref().split_at_checked(NOTE_DIGEST),
    ) else {
        return false;
    };
    stored == own && stored_timeout.len() == own_timeout.len() && stored_timeout >= own_timeout
}

/// Whether an item says that its session is in the roster of the value that it has; `true` if it has none.
pub(crate) fn is_noted(
    schema: &Schema,
    handle: SessionHandle,
    attribute: &Attribute,
    item: &Map,
) -> bool {
    item.get(attribute.name).is_none_or(|value| {
        let own = note(schema, handle, attribute, value);
        is_current_note(item.get(attribute.note.as_str()), &own)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SCHEMA: Schema = Schema::new("sessions")
        .attributes(&[
            Attribute::index::<String>("user").consistent(),
            Attribute::index::<String>("team").consistent(),
        ])
        .checked();

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn item(schema: &Schema, secret: &str, user: &str) -> Map {
        let handle = SessionHandle::of_secret(secret.as_bytes());
        let (user, attribute) = (s(user), &SCHEMA.attributes[0]);
        let note = note(schema, handle, attribute, &user);
        Map::from([("user".to_owned(), user), ("user-roster".to_owned(), note)])
    }

    fn is_noted(item: &Map, secret: &str, attribute: usize) -> bool {
        let handle = SessionHandle::of_secret(secret.as_bytes());
        super::is_noted(&SCHEMA, handle, &SCHEMA.attributes[attribute], item)
    }

    #[test]
    fn a_note_holds_for_its_session_and_value_alone() {
        let mut noted = item(&SCHEMA, "a", "u1");
        assert!(is_noted(&noted, "a", 0));
        assert!(!is_noted(&noted, "b", 0));
        // No value needs no note.
        assert!(is_noted(&noted, "a", 1));
        noted.insert("user".to_owned(), s("u2"));
        assert!(!is_noted(&noted, "a", 0));
        noted.insert("user".to_owned(), AttributeValue::N("1".to_owned()));
        assert!(!is_noted(&noted, "a", 0));
    }

    #[test]
    fn an_item_without_a_note_or_with_a_foreign_one_is_not_noted() {
        let mut noted = item(&SCHEMA, "a", "u1");
        for foreign in [
            s("text"),
            AttributeValue::B(Blob::new([])),
            AttributeValue::B(Blob::new([0; 16])),
        ] {
            noted.insert("user-roster".to_owned(), foreign);
            assert!(!is_noted(&noted, "a", 0));
        }
        noted.remove("user-roster");
        assert!(!is_noted(&noted, "a", 0));
    }

    #[test]
    fn a_note_of_a_longer_absolute_timeout_holds_and_one_of_a_shorter_does_not() {
        let with = |secs| SCHEMA.absolute_timeout(Duration::from_secs(secs));
        let own = SCHEMA.absolute_timeout.as_secs();
        assert!(is_noted(&item(&with(own + 1), "a", "u1"), "a", 0));
        assert!(is_noted(&item(&with(own), "a", "u1"), "a", 0));
        assert!(!is_noted(&item(&with(own - 1), "a", "u1"), "a", 0));
    }
}
