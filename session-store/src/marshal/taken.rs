//! The keys of a map that are taken. serde_dynamo keeps the last of two values under one key, and so would
//! lose the first.
//!
//! Two keys of a map can have one text, such as those of an untagged enum. And two parts write into one map
//! where serde flattens a field, or puts a tag beside the content of an enum.

use std::cell::RefCell;
use std::collections::HashSet;

use super::failure::Failed;
use super::path::Path;

pub(super) const TWICE: &str = "two values in it have the same name, and one of them would be lost: two keys of a map \
     have the same text, a flattened map has the name of another field, or the content of an enum that of the \
     tag; rename one of them";

/// The keys of one map so far; `None` if they are not checked.
pub(super) struct Taken(Option<RefCell<HashSet<String>>>);

impl Taken {
    /// Of a value that is only compared with another, nothing is checked. The entries of the session itself
    /// are checked against its schema, which knows more.
    pub(super) fn of(map: &Path<'_>) -> Self {
        let is_checked = map.pass.is_checked && !map.is_top();
        Self(is_checked.then(RefCell::default))
    }

    #[inline]
    pub(super) fn take(&self, key: impl FnOnce() -> String) -> Result<(), Failed> {
        match &self.0 {
            Some(keys) if !keys.borrow_mut().insert(key()) => Err(Failed::because(TWICE)),
            _ => Ok(()),
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

    /// Keys that differ, and have texts that may not.
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Key {
        Text(&'static str),
        Letter(char),
        Whole(i8),
        Wide(u128),
        Bool(bool),
    }

    #[test]
    fn no_two_keys_have_one_text() {
        let map = |keys: [Key; 2]| BTreeMap::from(keys.map(|key| (key, 1)));
        expect(&map([Key::Text("1"), Key::Whole(2)]), true);
        expect(&map([Key::Text("1"), Key::Letter('1')]), false);
        expect(&map([Key::Text("-1"), Key::Whole(-1)]), false);
        expect(&map([Key::Whole(1), Key::Wide(1)]), false);
        expect(&map([Key::Text("true"), Key::Bool(true)]), false);
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
