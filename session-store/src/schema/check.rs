//! The rules of a schema, checked at compile time; for a table's name, also at run time.

#![allow(
    clippy::indexing_slicing,
    reason = "a const fn has no iterators, and the conditions of its loops keep the indexes in bounds"
)]

use crate::error::SetupError;

use super::attribute::{Attribute, DEFAULT_INDEX_SUFFIX, IndexSchema};
use super::definition::{Field, Schema};
use super::names::equal;

impl Schema {
    /// Checks every rule that can be checked without the type's source, and panics with the fix.
    ///
    /// In a separate `const` item, the panic is a compile error.
    pub const fn checked(self) -> Self {
        assert!(
            is_resource_name(self.table),
            "the table's name must have 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and `-`"
        );
        if let Some(name) = self.type_name {
            assert!(
                is_type_name(name),
                "the name of a session type must have 1 to 64 of the characters a-z, A-Z, 0-9, `_`, `-`, \
                 `.`, `:` and `/`"
            );
        }
        assert!(
            self.idle_timeout.as_secs() >= 1,
            "the idle timeout must be at least one second"
        );
        assert!(
            self.idle_timeout.as_nanos() <= self.absolute_timeout.as_nanos(),
            "the idle timeout must not be longer than the absolute timeout; make it shorter"
        );
        self.check_guests();
        assert!(
            !self.compressed || cfg!(feature = "zstd"),
            "`compress = \"zstd\"` needs the feature `zstd` of session-store; enable it in Cargo.toml"
        );
        assert!(
            is_valid_prefix(self.key_prefix),
            "the key prefix must have at most 1,024 bytes"
        );
        if let Some((_, value)) = self.sort_key {
            assert!(
                !value.is_empty() && value.len() <= 1024,
                "the value of the sort key must have 1 to 1,024 bytes"
            );
        }

        let own = self.names.list();
        let mut i = 0;
        while i < own.len() {
            check_name(own[i]);
            assert!(
                !is_one_of(own[i], &own, i),
                "two of the store's own attributes have the same name; rename one of them"
            );
            i += 1;
        }
        if let Some((name, _)) = self.sort_key {
            check_name(name);
            assert!(
                !is_one_of(name, &own, own.len()),
                "the sort key has the name of one of the store's own attributes; rename one of them"
            );
        }

        let fields = match self.fields {
            Some(fields) => fields,
            None => &[],
        };
        let mut i = 0;
        while i < fields.len() {
            assert!(
                !fields[i].name.is_empty()
                    && !is_one_of("", fields[i].aliases, fields[i].aliases.len()),
                "a field's name must have at least one character, since DynamoDB refuses an empty one"
            );
            i += 1;
        }

        self.check_forgotten(fields);

        let mut indexes = 0;
        let mut i = 0;
        while i < self.attributes.len() {
            let attribute = &self.attributes[i];
            check_name(attribute.name);
            self.check_promoted(attribute.name, &own);
            if let Some(note) = attribute.note_name() {
                self.check_promoted(note, &own);
            }
            if let Some(shards) = attribute.shards() {
                assert!(
                    attribute.roster().is_none(),
                    "a consistent index is one item for each value, and has no shards; remove `consistent` or `sharded`"
                );
                check_name(shards.attribute);
                self.check_promoted(shards.attribute, &own);
                assert!(
                    !equal(attribute.name, shards.attribute),
                    "an attribute and the attribute of its shard have the same name; rename one of them"
                );
            }
            let mut j = 0;
            while j < i {
                let other = &self.attributes[j];
                assert!(
                    !have_a_name_in_common(attribute, other),
                    "two promoted attributes have the same name; rename one of them"
                );
                assert!(
                    !(attribute.user && other.user),
                    "two attributes tell who is logged in; remove one `user`"
                );
                if has_default_index(attribute) && has_default_index(other) {
                    assert!(
                        !same_index_name(attribute, other),
                        "two indexes have the same name; rename one of them with `index_named`"
                    );
                }
                j += 1;
            }
            if let Some(limit) = attribute.roster() {
                assert!(
                    limit.sessions >= 1 && limit.sessions <= Attribute::MAX_LIMIT,
                    "the limit of a consistent index must be 1 to 7,500 sessions of one value"
                );
            } else if attribute.index.is_some() {
                indexes += 1;
                let length = index_name_len(attribute);
                assert!(
                    length >= 3 && length <= 255 && index_name_is_valid(attribute),
                    "an index's name must have 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` \
                     and `-`; it is `<attribute>-index` unless `index_named` gives another"
                );
                assert!(
                    attribute.name.len() <= 255,
                    "an index's attribute must have a name of at most 255 bytes"
                );
            }
            i += 1;
        }
        assert!(
            indexes <= 20,
            "DynamoDB allows 20 indexes on a table; promote some attributes without an index"
        );
        self
    }

    /// What the type still has cannot be forgotten: each write would remove it, and each load would miss it.
    const fn check_forgotten(&self, fields: &[Field]) {
        let own = self.names.list();
        let mut i = 0;
        while i < self.forgotten.len() {
            let name = self.forgotten[i];
            assert!(
                !name.is_empty(),
                "what is forgotten must have a name of at least one character"
            );
            assert!(
                !is_one_of(name, &own, own.len()),
                "one of the store's own attributes cannot be forgotten; leave it out of `forget`"
            );
            if let Some((sort_key, _)) = self.sort_key {
                assert!(
                    !equal(name, sort_key),
                    "the sort key cannot be forgotten; leave it out of `forget`"
                );
            }
            let mut j = 0;
            while j < fields.len() {
                let field = &fields[j];
                assert!(
                    !equal(name, field.name)
                        && !is_one_of(name, field.aliases, field.aliases.len()),
                    "a field that the type still has, or reads by an alias, cannot be forgotten; remove it from the \
                     type, or leave it out of `forget`"
                );
                j += 1;
            }
            let mut j = 0;
            while j < self.attributes.len() {
                assert!(
                    !have_a_name_in_common(&Attribute::promoted(name), &self.attributes[j]),
                    "an attribute that the type still promotes, or that is of its index, cannot be forgotten; leave it \
                     out of `forget`"
                );
                j += 1;
            }
            i += 1;
        }
    }

    const fn check_promoted(&self, name: &str, own: &[&str]) {
        assert!(
            !is_one_of(name, own, own.len()),
            "a promoted attribute has the name of one of the store's own; rename one of them"
        );
        if let Some((sort_key, _)) = self.sort_key {
            assert!(
                !equal(name, sort_key),
                "a promoted attribute has the name of the sort key; rename one of them"
            );
        }
    }
}

const fn check_name(name: &str) {
    assert!(
        !name.is_empty() && name.len() <= 255,
        "an attribute's name must have 1 to 255 bytes"
    );
}

/// Checks a table's name that is given at run time, which can be an ARN.
pub(crate) fn check_table_name(name: &str) -> Result<(), SetupError> {
    if is_resource_name(name) || is_table_arn(name) {
        return Ok(());
    }
    Err(SetupError::new(format!(
        "`{name}` cannot be the name of a table; give 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and \
         `-`, or an ARN such as `arn:aws:dynamodb:eu-west-1:111122223333:table/sessions`"
    )))
}

/// Whether this is the ARN of a table: `arn:<partition>:dynamodb:<region>:<account>:table/<name>`.
pub(crate) fn is_table_arn(name: &str) -> bool {
    let parts: Vec<_> = name.splitn(6, ':').collect();
    let ["arn", partition, "dynamodb", region, account, resource] = parts[..] else {
        return false;
    };
    let is_label = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    is_label(partition)
        && is_label(region)
        && account.len() == 12
        && account.bytes().all(|digit| digit.is_ascii_digit())
        && resource
            .strip_prefix("table/")
            .is_some_and(is_resource_name)
}

/// DynamoDB's rule for the names of tables and indexes.
const fn is_resource_name(name: &str) -> bool {
    name.len() >= 3 && name.len() <= 255 && has_resource_characters(name)
}

/// A partition key has at most 2,048 bytes, and the session's handle needs some of them.
const fn is_valid_prefix(prefix: &str) -> bool {
    prefix.len() <= 1024
}

const fn is_type_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_alphanumeric()
            || matches!(bytes[i], b'_' | b'-' | b'.' | b':' | b'/'))
        {
            return false;
        }
        i += 1;
    }
    i >= 1 && i <= 64
}

const fn has_resource_characters(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'_' | b'.' | b'-')) {
            return false;
        }
        i += 1;
    }
    true
}

const fn index_name_len(attribute: &Attribute) -> usize {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => name.len(),
        _ => attribute.name.len() + DEFAULT_INDEX_SUFFIX.len(),
    }
}

const fn index_name_is_valid(attribute: &Attribute) -> bool {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => has_resource_characters(name),
        _ => has_resource_characters(attribute.name),
    }
}

const fn same_index_name(a: &Attribute, b: &Attribute) -> bool {
    if index_name_len(a) != index_name_len(b) {
        return false;
    }
    let mut i = 0;
    while i < index_name_len(a) {
        if index_name_byte(a, i) != index_name_byte(b, i) {
            return false;
        }
        i += 1;
    }
    true
}

const fn index_name_byte(attribute: &Attribute, i: usize) -> u8 {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => name.as_bytes()[i],
        _ if i < attribute.name.len() => attribute.name.as_bytes()[i],
        _ => DEFAULT_INDEX_SUFFIX.as_bytes()[i - attribute.name.len()],
    }
}

const fn have_a_name_in_common(a: &Attribute, b: &Attribute) -> bool {
    equal(a.name, b.name)
        || matches!(a.note_name(), Some(note) if equal(note, b.name) || is_shard_of(note, b))
        || matches!(b.note_name(), Some(note) if equal(note, a.name) || is_shard_of(note, a))
        || match (a.shards(), b.shards()) {
            (Some(a), Some(b)) => equal(a.attribute, b.attribute),
            _ => false,
        }
        || matches!(a.shards(), Some(shards) if equal(shards.attribute, b.name))
        || matches!(b.shards(), Some(shards) if equal(shards.attribute, a.name))
}

const fn is_shard_of(name: &str, attribute: &Attribute) -> bool {
    matches!(attribute.shards(), Some(shards) if equal(shards.attribute, name))
}

const fn has_default_index(attribute: &Attribute) -> bool {
    attribute.index.is_some() && attribute.roster().is_none()
}

/// Whether `name` is among the first `count` of `names`.
const fn is_one_of(name: &str, names: &[&str], count: usize) -> bool {
    let mut i = 0;
    while i < count {
        if equal(name, names[i]) {
            return true;
        }
        i += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_prefix_leaves_room_for_the_handle() {
        assert!(is_valid_prefix(""));
        assert!(is_valid_prefix(&"p".repeat(1024)));
        assert!(!is_valid_prefix(&"p".repeat(1025)));
        // Bytes, not characters.
        assert!(!is_valid_prefix(&"ß".repeat(513)));
    }

    #[test]
    fn a_table_is_named_by_a_name_or_an_arn() {
        let fine = [
            "abc",
            "app-sessions_1.2",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/app-sessions",
            "arn:aws-us-gov:dynamodb:us-gov-west-1:111122223333:table/abc",
            "arn:aws:dynamodb:ddblocal:000000000000:table/app-sessions",
        ];
        for name in fine {
            assert!(check_table_name(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(256);
        let refused = [
            "",
            "ab",
            " sessions",
            "app sessions",
            "sessions\n",
            "größe",
            &too_long,
            "arn:aws:dynamodb:eu-west-1:111122223333:table/",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/app sessions",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/abc/index/def",
            "arn:aws:dynamodb:eu-west-1:1111:table/sessions",
            "arn:aws:dynamodb::111122223333:table/sessions",
            "arn:aws:s3:eu-west-1:111122223333:table/sessions",
        ];
        for name in refused {
            let error = check_table_name(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{name}` cannot be")), "{error}");
        }
    }

    #[test]
    fn an_entry_has_a_name() {
        const FINE: &[Field] = &[Field::new("a", &["b"]), Field::new("c", &[])];
        const NO_NAME: &[Field] = &[Field::new("a", &["b"]), Field::new("", &[])];
        const NO_ALIAS: &[Field] = &[Field::new("a", &["b", ""])];
        let is_refused = |fields: &'static [Field]| {
            catch_unwind(|| Schema::new("sessions").fields(fields).checked()).is_err()
        };
        assert!(!is_refused(FINE));
        assert!(is_refused(NO_NAME));
        assert!(is_refused(NO_ALIAS));
    }

    #[test]
    fn what_is_forgotten_is_neither_of_the_type_nor_of_the_store() {
        const TYPE: Schema = Schema::new("sessions")
            .sort_key("sk", "SESSION")
            .fields(&[Field::new("theme", &["colour"])])
            .attributes(&[
                Attribute::promoted("plan"),
                Attribute::index::<String>("user").consistent(),
                Attribute::index::<String>("team").sharded(2, "team-part"),
            ]);
        let is_refused =
            |names: &'static [&'static str]| catch_unwind(|| TYPE.forget(names).checked()).is_err();
        assert!(!is_refused(&[]));
        assert!(!is_refused(&[
            "email",
            "ip",
            "plan-roster",
            "team-shard",
            "themes"
        ]));
        const REFUSED: [&[&str]; 10] = [
            &["email", ""],
            &["theme"],
            &["email", "colour"],
            &["plan"],
            &["user"],
            &["user-roster"],
            &["team-part"],
            &["sk"],
            &["data"],
            &["authenticated_at"],
        ];
        for names in REFUSED {
            assert!(is_refused(names), "{names:?}");
        }
    }

    #[test]
    fn the_name_of_a_type_has_few_characters() {
        let is_refused =
            |name| catch_unwind(|| Schema::new("sessions").type_name(name).checked()).is_err();
        const LONGEST: &str = "0123456789012345678901234567890123456789012345678901234567890123";
        for name in ["A", "app-session", "my.app::Session/v_1", LONGEST] {
            assert!(!is_refused(name), "{name}");
        }
        let too_long = concat!(
            "0123456789012345678901234567890123456789012345678901234567890123",
            "4"
        );
        for name in ["", "a#b", "a b", "größe", "a\"", too_long] {
            assert!(is_refused(name), "{name}");
        }
    }
}
