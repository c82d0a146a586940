//! The keys of a map that are taken. serde_dynamo keeps the last of two values under one key, and so would
//! lose the first.
//!
//! Two parts write into one map where serde flattens a field, or puts a tag beside the content of an enum.

use std::cell::RefCell;
use std::collections::HashSet;

use super::failure::Failed;
use super::path::Path;

pub(super) const TWICE: &str = "two values in it have the same name, and one of them would be lost: a flattened map has \
     the name of another field, or the content of an enum that of the tag; rename one of them";

/// Which keys of one map are taken.
pub(super) enum Taken {
    /// Nothing is checked: the value is only compared with another.
    Unchecked,
    /// The first key, which can be a tag.
    First(RefCell<Option<String>>),
    /// All keys.
    All(RefCell<HashSet<String>>),
}

impl Taken {
    /// Of a map with this number of entries, if that is known. serde does not know it of a struct with a
    /// flattened field.
    ///
    /// The entries of the session itself are checked against its schema, which knows more.
    pub(super) fn of(map: &Path<'_>, length: Option<usize>) -> Self {
        if !map.pass.is_checked || map.is_top() {
            return Self::Unchecked;
        }
        match length {
            Some(0 | 1) => Self::Unchecked,
            Some(_) => Self::First(RefCell::default()),
            None => Self::All(RefCell::default()),
        }
    }

    pub(super) fn take(&self, key: &str) -> Result<(), Failed> {
        let is_new = match self {
            Self::Unchecked => true,
            Self::First(first) => {
                let mut first = first.borrow_mut();
                let is_new = first.as_deref() != Some(key);
                first.get_or_insert_with(|| key.to_owned());
                is_new
            }
            Self::All(keys) => keys.borrow_mut().insert(key.to_owned()),
        };
        if is_new {
            Ok(())
        } else {
            Err(Failed::because(TWICE))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::super::{Checks, Subject, write};
    use super::TWICE;

    #[derive(Serialize)]
    struct Prefs<K: Serialize + Ord> {
        theme: u8,
        #[serde(rename = "n")]
        number: Option<u8>,
        #[serde(flatten)]
        rest: BTreeMap<K, u8>,
    }

    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Login {
        Map(BTreeMap<String, u8>),
        Struct(Typed),
    }

    #[derive(Serialize)]
    struct Typed {
        kind: u8,
    }

    #[track_caller]
    fn expect<T: Serialize>(value: &T, is_written: bool) {
        let list = [value];
        let written = write(&list, Subject::Attribute("cart"), Checks::All);
        match written {
            Ok(_) => assert!(is_written, "a value would be lost"),
            Err(failure) => {
                assert!(!is_written, "{}: {}", failure.path, failure.reason);
                assert_eq!(failure.path, "cart[0]");
                assert_eq!(failure.reason.to_string(), TWICE);
            }
        }
        assert!(write(&list, Subject::Attribute("cart"), Checks::None).is_ok());
    }

    #[test]
    fn a_flattened_key_is_not_the_name_of_another_field() {
        let prefs = |key: &str| Prefs {
            theme: 1,
            number: None,
            rest: BTreeMap::from([("lang".to_owned(), 1), (key.to_owned(), 2)]),
        };
        expect(&prefs("number"), true);
        expect(&prefs("n"), false);
        expect(&prefs("theme"), false);
        let letters = |key| Prefs {
            theme: 1,
            number: Some(1),
            rest: BTreeMap::from([(key, 2)]),
        };
        expect(&letters('m'), true);
        expect(&letters('n'), false);
    }

    #[test]
    fn a_tag_is_not_the_name_of_a_field_of_its_content() {
        let map =
            |key: &str| Login::Map(BTreeMap::from([("a".to_owned(), 1), (key.to_owned(), 2)]));
        expect(&map("b"), true);
        expect(&map("kind"), false);
        expect(&Login::Struct(Typed { kind: 1 }), false);
    }
}
